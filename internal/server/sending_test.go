package server_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

func to(users ...string) protocol.Audience { return protocol.Audience{Users: users} }

func TestNowOrNever(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.AckWait(20*time.Second)) // which is also how long now lasts
	newPhone(t, hush, "alice", sdk.Android)
	send := func(user, resource string) string {
		return hush.SendPush(t, protocol.PushRequest{To: to(user), ResourceID: resource, TTL: "0s"})
	}
	hush.WaitState(t, send("alice", "both"), push.Handled)
	hush.WaitReason(t, send("alice", "ios-only"), push.Expired, push.ReasonNoStrategy)
	for _, r := range hush.FCM.Requests() {
		if r.Endpoint == "send" && r.Outcome != "delivered" {
			t.Errorf("a wake was %s, want delivered", r.Outcome)
		}
	}
}

func TestTheTTLEndsAPush(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	id := hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "ios-only", TTL: "1s"})
	hush.WaitReason(t, id, push.Expired, push.ReasonTTL)
	lost := hush.SendPush(t, protocol.PushRequest{To: to("nobody yet"), ResourceID: "both", TTL: "1s"})
	hush.WaitReason(t, lost, push.Expired, push.ReasonTTL)
	p.client.SetAppState(sdk.Foreground)
	hush.WaitState(t, hush.Send(t, "alice", "both", "later"), push.Handled)
	if got := p.payloads(); !slices.Equal(got, []string{"later"}) {
		t.Errorf("handled %q, want only the later one", got)
	}
}

func TestANewerPushWithTheSameCollapseKeyTakesTheOldersPlace(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	var ids []string
	for i := range 3 {
		ids = append(ids, hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "ios-only", Payload: fmt.Sprint(i), CollapseKey: "notes"}))
	}
	other := hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "ios-only", Payload: "other", CollapseKey: "other"})
	hush.WaitState(t, ids[0], push.Superseded)
	hush.WaitState(t, ids[1], push.Superseded)
	p.client.SetAppState(sdk.Foreground)
	hush.WaitState(t, ids[2], push.Handled)
	hush.WaitState(t, other, push.Handled)
	if got, want := p.payloads(), []string{"2", "other"}; !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
}

func TestACancelledPushIsNotDeliveredAnyMore(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	waits := hush.Send(t, "alice", "ios-only", "x")
	done, err := hush.Cancel(t.Context(), hushtest.App, waits)
	if err != nil || done.Cancelled != 1 || len(done.AlreadyFinal) != 0 {
		t.Errorf("cancelled %d, final %v, error %v; want 1, none, none", done.Cancelled, done.AlreadyFinal, err)
	}
	hush.WaitState(t, waits, push.Cancelled)
	handled := hush.Send(t, "alice", "both", "y")
	hush.WaitState(t, handled, push.Handled)
	done, err = hush.Cancel(t.Context(), hushtest.App, handled)
	if err != nil || done.Cancelled != 0 || len(done.AlreadyFinal) != 1 || done.AlreadyFinal[0].State != push.Handled {
		t.Errorf("cancelled %d, final %v, error %v; want 0, the handled one, none", done.Cancelled, done.AlreadyFinal, err)
	}
	p.client.SetAppState(sdk.Foreground)
	hush.WaitState(t, hush.Send(t, "alice", "both", "z"), push.Handled)
	if got, want := p.payloads(), []string{"y", "z"}; !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
}

func TestALaterPushGoesOutAtItsTime(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	at := time.Now().Add(2 * time.Second)
	id := hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "both", DeliverAt: at.UTC().Format(time.RFC3339Nano)})
	if got := hush.Timeline(t, id); time.Now().Before(at) && (got.Final || len(got.Deliveries) != 1 || got.Deliveries[0].State != push.Scheduled) {
		t.Errorf("before its time:\n%swant one delivery, scheduled", hushtest.Draw(got))
	}
	hush.WaitState(t, id, push.Handled)
	if time.Now().Before(at) {
		t.Errorf("handled at %v, before its time %v", time.Now(), at)
	}
	cancelled := hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "both", DeliverAt: time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)})
	if _, err := hush.Cancel(t.Context(), hushtest.App, cancelled); err != nil {
		t.Fatal(err)
	}
	hush.WaitFor(t, cancelled, "final", func(p protocol.Push) bool { return p.Final })
	if handled, _ := p.counts(); handled != 1 {
		t.Errorf("handled %d, want only the first", handled)
	}
}

func TestModesOfDelivery(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.AckWait(20*time.Second))
	p := newPhone(t, hush, "alice", sdk.IOS)
	sessionOnly := protocol.PushRequest{To: to("alice"), ResourceID: "both", Deliver: push.SessionOnly}
	hush.WaitReason(t, hush.SendPush(t, sessionOnly), push.Undeliverable, push.ReasonNoSession)
	p.client.SetAppState(sdk.Foreground)
	eventually(t, "a session", func() bool { return hush.DevicesOf(t, "alice")[0].AppState == push.AppForeground })
	if d := hush.WaitState(t, hush.SendPush(t, sessionOnly), push.Handled).Deliveries[0]; d.Path != push.PathSession {
		t.Errorf("path %s, want session", d.Path)
	}
	id := hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "both", Deliver: push.WakeAlways})
	if d := hush.WaitState(t, id, push.Handled).Deliveries[0]; d.Path != push.PathAPNs {
		t.Errorf("path %s, want apns beside the session", d.Path)
	}
}

func TestABroadcastReachesEveryDeviceRegisteredByThen(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	phones := make([]*phone, 20)
	for i := range phones {
		phones[i] = newPhone(t, hush, fmt.Sprint("user", i), []sdk.Platform{sdk.IOS, sdk.Android}[i%2])
	}
	id := hush.SendPush(t, protocol.PushRequest{To: protocol.Audience{All: true}, ResourceID: "both", Payload: "all"})
	if got := hush.WaitFor(t, id, "final", func(p protocol.Push) bool { return p.Final }); len(got.Deliveries) != len(phones) {
		t.Errorf("%d deliveries, want %d", len(got.Deliveries), len(phones))
	}
	for i, p := range phones {
		if got := p.payloads(); !slices.Equal(got, []string{"all"}) {
			t.Errorf("phone %d handled %q, want it once", i, got)
		}
	}
}

func TestADryRunSaysWhatWouldBeDoneAndDoesNothing(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.IOS)
	for resource, want := range map[string]protocol.Decision{
		"both":     {Do: "wake", Provider: push.APNs},
		"fcm-only": {Do: "wait", Reason: push.ReasonNoStrategy, Provider: push.APNs},
	} {
		got, err := hush.DryRun(t.Context(), hushtest.App, protocol.PushRequest{To: to("alice", "nobody"), ResourceID: resource})
		if err != nil || len(got.Deliveries) != 2 || len(got.Warnings) != 1 {
			t.Fatalf("%s: %+v, error %v; want two deliveries and a warning", resource, got, err)
		}
		want.DeviceID = p.device()
		if got.Deliveries[0] != want {
			t.Errorf("%s: %+v, want %+v", resource, got.Deliveries[0], want)
		}
	}
	if got := hush.APNs.Requests(); len(got) != 0 {
		t.Errorf("APNs saw %d requests, want none", len(got))
	}
}

func TestOldPushesAreRemoved(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.Keep(time.Second))
	newPhone(t, hush, "alice", sdk.IOS)
	id := hush.Send(t, "alice", "both", "x")
	open := hush.Send(t, "nobody yet", "both", "y")
	eventually(t, "the handled push is gone", func() bool {
		_, err := hush.Status(t.Context(), hushtest.App, id, pageOf(1))
		return err != nil
	})
	hush.WaitReason(t, open, push.Waiting, push.ReasonNoDevice)
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	for name, opts := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t, append(opts(t), hushtest.RetryWait(time.Second))...)
			p := newPhone(t, hush, "alice", sdk.IOS)
			spoil(t, hush, sdk.IOS, "answer", 503, "ServiceUnavailable")
			retried := hush.Send(t, "alice", "both", "retried")
			eventually(t, "APNs' refusal", func() bool { return len(hush.APNs.Requests()) > 0 })
			later := hush.SendPush(t, protocol.PushRequest{To: to("alice"), ResourceID: "both", Payload: "later",
				DeliverAt: time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)})
			inbox := hush.Send(t, "alice", "fcm-only", "inbox")
			hush.Restart(t)
			hush.WaitState(t, retried, push.Handled)
			hush.WaitState(t, later, push.Handled)
			p.client.SetAppState(sdk.Foreground)
			hush.WaitState(t, inbox, push.Handled)
			got := p.payloads()
			slices.Sort(got)
			if want := []string{"inbox", "later", "retried"}; !slices.Equal(got, want) {
				t.Errorf("handled %q, want each of %q once", got, want)
			}
		})
	}
}

// engines returns the options for each database.
func engines(*testing.T) map[string]func(*testing.T) []hushtest.Option {
	return map[string]func(*testing.T) []hushtest.Option{
		"sqlite":   func(*testing.T) []hushtest.Option { return nil },
		"postgres": func(t *testing.T) []hushtest.Option { return []hushtest.Option{hushtest.Database(pgtest.URL(t))} },
	}
}

func TestManyPushesAtOnceAreHandledOnceEachOnBothEngines(t *testing.T) {
	t.Parallel()
	for name, opts := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t, opts(t)...)
			generous := &protocol.Strategy{Budget: &protocol.Budget{Wakes: 1000, Per: "1s", Burst: 1000}}
			if _, _, err := hush.PutResource(t.Context(), hushtest.App, "generous", protocol.Resource{APNs: generous, FCM: generous}); err != nil {
				t.Fatal(err)
			}
			const phones, each = 6, 15
			all := make([]*phone, phones)
			for i := range all {
				all[i] = newPhone(t, hush, fmt.Sprint("user", i), []sdk.Platform{sdk.IOS, sdk.Android}[i%2])
			}
			ids := make([]string, phones*each)
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() { ids[i] = hush.Send(t, fmt.Sprint("user", i%phones), "generous", fmt.Sprint(i/phones)) })
			}
			wg.Wait()
			for _, id := range ids {
				hush.WaitState(t, id, push.Handled)
			}
			for i, p := range all {
				if got := p.payloads(); len(got) != each || len(slices.Compact(slices.Sorted(slices.Values(got)))) != each {
					t.Errorf("phone %d handled %d pushes, want each of %d once: %q", i, len(got), each, got)
				}
			}
		})
	}
}
