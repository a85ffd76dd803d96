package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

// startProviders starts APNs and FCM, each with a certificate authority that the server is told to trust.
func (w *world) startProviders() (err error) {
	w.apns, err = apnstest.Start(apnstest.Config{
		Listen: "127.0.0.1:0", CertDir: w.certDir("apns"), Topics: []string{appID},
		Keys: []apnstest.Key{{ID: apnsKeyID, Team: apnsTeamID, File: w.apnsKey()}},
	})
	if err != nil {
		return fmt.Errorf("demo: starting the simulator of APNs: %w", err)
	}
	w.onClose("APNs", func() error { w.apns.Close(); return nil })
	w.fcm, err = fcmtest.Start(fcmtest.Config{Listen: "127.0.0.1:0", CertDir: w.certDir("fcm")})
	if err != nil {
		return fmt.Errorf("demo: starting the simulator of FCM: %w", err)
	}
	w.onClose("FCM", func() error { w.fcm.Close(); return nil })
	return nil
}

// The example's developer account at Apple.
const (
	apnsKeyID  = "HUSHDEMO01"
	apnsTeamID = "HUSHTEAM01"
)

func (w *world) certDir(provider string) string { return filepath.Join(w.dir, provider) }
func (w *world) apnsCA() string                 { return filepath.Join(w.certDir("apns"), "ca.pem") }
func (w *world) fcmCA() string                  { return filepath.Join(w.certDir("fcm"), "ca.pem") }
func (w *world) apnsKey() string                { return filepath.Join(w.dir, "apns-key.p8") }

// putCredentials gives the server what the app is known by at the providers.
func (w *world) putCredentials(ctx context.Context) error {
	key, err := os.ReadFile(w.apnsKey())
	if err != nil {
		return fmt.Errorf("demo: the APNs key: %w", err)
	}
	if _, _, err := w.hush.PutAPNs(ctx, appName, protocol.APNsProvider{
		Key: string(key), KeyID: apnsKeyID, TeamID: apnsTeamID, Topics: []string{appID},
	}); err != nil {
		return fmt.Errorf("demo: storing the APNs credentials: %w", err)
	}
	if _, _, err := w.hush.PutFCM(ctx, appName, protocol.FCMProvider{ServiceAccount: w.fcm.ServiceAccountJSON()}); err != nil {
		return fmt.Errorf("demo: storing the FCM credentials: %w", err)
	}
	return nil
}
