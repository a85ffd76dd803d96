package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// spoil sets a fault at the platform's provider.
func spoil(t *testing.T, hush *hushtest.Server, platform sdk.Platform, do string, status int, reason string) {
	t.Helper()
	var err error
	if platform == sdk.IOS {
		f := apnstest.Fault{Status: status}
		f.Do = faultDo(do, f.Do)
		if reason != "" {
			f.Reason = &reason
		}
		_, err = hush.APNs.AddFault(f)
	} else {
		f := fcmtest.Fault{Status: status}
		f.Do = faultDo(do, f.Do)
		if reason != "" {
			f.Reason = &reason
		}
		_, err = hush.FCM.AddFault(f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// faultDo spells a fault as the simulators' own type.
func faultDo[T ~string](do string, _ T) T { return T(do) }

func TestAPushArrivesOnceThroughEveryFaultOfItsProvider(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		platform sdk.Platform
		do       string
		status   int
		reason   string
	}{
		{"APNs is unavailable", sdk.IOS, "answer", 503, "ServiceUnavailable"},
		{"APNs shuts down", sdk.IOS, "answer", 503, "Shutdown"},
		{"APNs has an error", sdk.IOS, "answer", 500, "InternalServerError"},
		{"APNs says too many", sdk.IOS, "answer", 429, "TooManyRequests"},
		{"our token is too old", sdk.IOS, "answer", 403, "ExpiredProviderToken"},
		{"APNs goes away", sdk.IOS, "goaway", 0, ""},
		{"APNs hangs up", sdk.IOS, "close", 0, ""},
		{"APNs takes it and hangs up", sdk.IOS, "take_and_close", 0, ""},
		{"APNs delivers twice", sdk.IOS, "twice", 0, ""},
		{"FCM is unavailable", sdk.Android, "answer", 503, "UNAVAILABLE"},
		{"FCM has an error", sdk.Android, "answer", 500, "INTERNAL"},
		{"FCM's quota is used up", sdk.Android, "answer", 429, "QUOTA_EXCEEDED"},
		{"our access token is void", sdk.Android, "answer", 401, ""},
		{"FCM goes away", sdk.Android, "goaway", 0, ""},
		{"FCM hangs up", sdk.Android, "close", 0, ""},
		{"FCM takes it and hangs up", sdk.Android, "take_and_close", 0, ""},
		{"FCM delivers twice", sdk.Android, "twice", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t, hushtest.RetryWait(time.Second))
			p := newPhone(t, hush, "alice", c.platform)
			spoil(t, hush, c.platform, c.do, c.status, c.reason)
			hush.WaitState(t, hush.Send(t, "alice", "both", "x"), push.Handled)
			if handled, _ := p.counts(); handled != 1 {
				t.Errorf("handled %d times, want once", handled)
			}
		})
	}
}

func TestALostPushIsFollowedByAnotherWake(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	if _, _, err := hush.PutResource(t.Context(), hushtest.App, "hasty", protocol.Resource{
		APNs: &protocol.Strategy{Rewake: &protocol.Rewake{Times: 1, After: "1s"}},
	}); err != nil {
		t.Fatal(err)
	}
	newPhone(t, hush, "alice", sdk.IOS)
	spoil(t, hush, sdk.IOS, "lose", 0, "")
	got := hush.WaitState(t, hush.Send(t, "alice", "hasty", "x"), push.Handled)
	wakes := make(map[push.ID]bool)
	for _, e := range got.Deliveries[0].Events {
		if e.Event == push.EventWakeSent {
			wakes[e.WakeID] = true
		}
	}
	if len(wakes) != 2 {
		t.Errorf("%d wakes, want 2:\n%s", len(wakes), hushtest.Draw(got))
	}
}

func TestOneDevicesTroubleIsNotAnothers(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.RetryWait(time.Hour))
	for _, user := range []string{"alice", "bob"} {
		newPhone(t, hush, user, sdk.IOS)
	}
	spoil(t, hush, sdk.IOS, "answer", http.StatusServiceUnavailable, "ServiceUnavailable")
	hush.WaitReason(t, hush.Send(t, "alice", "both", "x"), push.Waiting, push.ReasonRetry)
	hush.WaitState(t, hush.Send(t, "bob", "both", "x"), push.Handled)
}

func TestAQuotaHoldsTheWholeAppsSendsToThatProvider(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.RetryWait(time.Hour))
	newPhone(t, hush, "alice", sdk.Android)
	newPhone(t, hush, "bob", sdk.Android)
	newPhone(t, hush, "carol", sdk.IOS)
	spoil(t, hush, sdk.Android, "answer", http.StatusTooManyRequests, "QUOTA_EXCEEDED")
	hush.WaitReason(t, hush.Send(t, "alice", "both", "x"), push.Waiting, push.ReasonQuota)
	hush.WaitReason(t, hush.Send(t, "bob", "both", "x"), push.Waiting, push.ReasonQuota)
	hush.WaitState(t, hush.Send(t, "carol", "both", "x"), push.Handled)
	if got := len(hush.FCM.Requests()); got > 3 { // sends and the access token
		t.Errorf("FCM saw %d requests, want none after its refusal", got)
	}
}
