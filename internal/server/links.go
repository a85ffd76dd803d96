package server

import (
	"context"
	"path/filepath"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/internal/delivery"
	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func secretKeyPath(dir string) string { return filepath.Join(dir, auth.SecretKeyFile) }

// engineForGateway is the engine as the gateway sees it. The gateway is made first; the engine is set before anyone can connect.
type engineForGateway struct{ engine *delivery.Engine }

func (e *engineForGateway) Receive(ctx context.Context, key push.DeviceKey, generation int, receipts []push.Receipt) ([]push.ReceiptStatus, int, error) {
	return e.engine.Receive(ctx, push.Device{App: key.App, ID: key.Device, OwnerGeneration: generation}, receipts)
}

func (e *engineForGateway) SessionOpened(key push.DeviceKey) { e.engine.SessionOpened(key) }

func (e *engineForGateway) SessionClosed(push.DeviceKey) {}

// policies is the store as the API sees it: what changes an app's credentials is told to the room that signs with them.
type policies struct {
	*store.Store
	server *Server
}

// PutCredential stores a credential; the provider's room reads it anew.
func (p policies) PutCredential(ctx context.Context, app string, info push.CredentialInfo, c push.Credential) (bool, error) {
	created, err := p.Store.PutCredential(ctx, app, info, c)
	if err == nil {
		p.server.credentialsChanged(app, info.Provider)
	}
	return created, err
}

// DeleteCredential deletes a credential; the provider's room forgets it.
func (p policies) DeleteCredential(ctx context.Context, app string, provider push.Provider) error {
	err := p.Store.DeleteCredential(ctx, app, provider)
	if err == nil {
		p.server.credentialsChanged(app, provider)
	}
	return err
}

// DeleteApp ends what leans on the app before its rows go, which takes its time: sessions, streams, and the providers' rooms'
// work under its credentials.
func (p policies) DeleteApp(ctx context.Context, app string) error {
	err := p.Store.DeleteApp(ctx, app, func() {
		p.server.gateway.DropApp(app, protocol.CloseOwnerChanged)
		p.server.auth.GroundsChanged()
		for _, provider := range []push.Provider{push.APNs, push.FCM} {
			p.server.credentialsChanged(app, provider)
		}
		p.server.forgetTroubles(app)
	})
	if err == nil {
		p.server.forgetTroubles(app) // of wakes that were under way
	}
	return err
}

// DeleteServerKey makes a key void and ends what leans on it.
func (p policies) DeleteServerKey(ctx context.Context, app, id string) error {
	return p.grounds(p.Store.DeleteServerKey(ctx, app, id))
}

// PutSigningKey stores a key; what leans on the one before it under its kid ends.
func (p policies) PutSigningKey(ctx context.Context, key push.SigningKey) (created bool, err error) {
	created, err = p.Store.PutSigningKey(ctx, key)
	return created, p.grounds(err)
}

// DeleteSigningKey makes a key's tokens void and ends the sockets that they opened.
func (p policies) DeleteSigningKey(ctx context.Context, app, kid string) error {
	return p.grounds(p.Store.DeleteSigningKey(ctx, app, kid))
}

// grounds looks for what a change ended, if it succeeded.
func (p policies) grounds(err error) error {
	if err == nil {
		p.server.auth.GroundsChanged()
	}
	return err
}

// Idempotent returns the answer that an idempotency key brought; push.ErrNotFound if it is new.
func (p policies) Idempotent(ctx context.Context, app, key string) (hash, answer []byte, err error) {
	hash, answer, found, err := p.Store.Idempotent(ctx, app, key)
	if err == nil && !found {
		err = push.ErrNotFound
	}
	return hash, answer, err
}

func (s *Server) credentialsChanged(app string, p push.Provider) {
	switch p {
	case push.APNs:
		s.apns.Forget(app)
	case push.FCM:
		s.fcm.Forget(app)
	}
}

// forgetTroubles is called when an app is deleted.
func (s *Server) forgetTroubles(app string) {
	s.apns.Troubles().Gone(app)
	s.fcm.Troubles().Gone(app)
}
