package server_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// slow makes APNs take long for each wake, and has more devices of the server's app wait for it than are woken at a time.
func slow(t *testing.T, hush *hushtest.Server) string {
	t.Helper()
	if _, err := hush.APNs.AddFault(apnstest.Fault{Do: "delay", Wait: apnstest.Wait(9 * time.Second), Count: new(int)}); err != nil {
		t.Fatal(err)
	}
	var lines []protocol.ImportLine
	var users []string
	for i := range 500 {
		user := fmt.Sprint("away", i)
		users = append(users, user)
		token := newToken(sdk.IOS)
		lines = append(lines, protocol.ImportLine{User: user, DeviceRequest: protocol.DeviceRequest{
			DeviceID: user, Platform: push.IOS, BundleID: "com.example.notes", Environment: push.Production, ProviderToken: &token}})
	}
	if _, err := hush.ImportDevices(t.Context(), hushtest.App, lines); err != nil {
		t.Fatal(err)
	}
	return hush.SendPush(t, protocol.PushRequest{To: protocol.Audience{Users: users}, ResourceID: "both", Payload: "x"})
}

func TestWhoIsOnlineDoesNotWaitBehindWhoIsWoken(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.IOS)
	p.client.SetAppState(sdk.Foreground)
	eventually(t, "a session", func() bool { return hush.DevicesOf(t, "alice")[0].AppState == push.AppForeground })
	away := slow(t, hush)
	hush.WaitState(t, hush.Send(t, "alice", "both", "x"), push.Handled)
	for _, d := range hush.Timeline(t, away).Deliveries {
		for _, e := range d.Events {
			if e.Event == push.EventWakeAnswered {
				t.Fatal("the provider has answered before the push that needs no wake was handled")
			}
		}
	}
}

// manyAway registers more devices of the server's app than memory holds, whose provider never answers.
func manyAway(t *testing.T, hush *hushtest.Server) {
	t.Helper()
	if _, err := hush.APNs.AddFault(apnstest.Fault{Do: "delay", Wait: apnstest.Wait(10 * time.Minute), Count: new(int)}); err != nil {
		t.Fatal(err)
	}
	const devices = 10_000
	lines := make([]protocol.ImportLine, devices)
	for i := range lines {
		token := newToken(sdk.IOS)
		lines[i] = protocol.ImportLine{User: fmt.Sprint("away", i), DeviceRequest: protocol.DeviceRequest{
			DeviceID: fmt.Sprint("away", i), Platform: push.IOS, BundleID: hushtest.BundleID, Environment: push.Production, ProviderToken: &token}}
	}
	if _, err := hush.ImportDevices(t.Context(), hushtest.App, lines); err != nil {
		t.Fatal(err)
	}
}

// flooded waits until a broadcast has all that one app may have of memory and of workers.
func flooded(t *testing.T, hush *hushtest.Server) {
	t.Helper()
	eventually(t, "the broadcast fills memory", func() bool {
		b := statusOf(t, hush).Backlog
		return b.InMemory > 6_000 && b.InWork > 350 && b.Due > 0
	})
}

// wakesOver returns how many wakes by APNs have come to an end.
func wakesOver(t *testing.T, hush *hushtest.Server) string {
	t.Helper()
	var over []string
	for line := range strings.Lines(metricsOf(t, hush)) {
		if strings.HasPrefix(line, "hush_wakes_total{") && strings.Contains(line, `provider="apns"`) {
			over = append(over, line)
		}
	}
	return strings.Join(over, "")
}

// rounds is how often it is tried.
const rounds = 8

// quickApp returns another app, whose provider answers at once, with a phone in the foreground, and a device to be woken for each round.
func quickApp(t *testing.T, hush *hushtest.Server) (app string) {
	t.Helper()
	app = "quick"
	if _, _, err := hush.PutApp(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	if _, _, err := hush.PutFCM(t.Context(), app, protocol.FCMProvider{ServiceAccount: hush.FCM.ServiceAccountJSON()}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := hush.PutResource(t.Context(), app, "r", protocol.Resource{FCM: &protocol.Strategy{}}); err != nil {
		t.Fatal(err)
	}
	var lines []protocol.ImportLine
	for i := range rounds {
		token := newToken(sdk.Android)
		if err := hush.FCM.Register(fcmtest.Token{Token: token, Package: hushtest.Package, Online: true}); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, protocol.ImportLine{User: fmt.Sprint("offline", i), DeviceRequest: protocol.DeviceRequest{
			DeviceID: fmt.Sprint("offline", i), Platform: push.Android, Package: hushtest.Package, ProviderToken: &token}})
	}
	if _, err := hush.ImportDevices(t.Context(), app, lines); err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, hush: hush, user: "online", token: newToken(sdk.Android)}
	p.openWith(sdk.Android, filepath.Join(t.TempDir(), "app"), func(c *sdk.Config) {
		c.App, c.Token = app, func(ctx context.Context) (string, error) {
			token, err := hush.UserToken(ctx, app, "online", time.Hour)
			return token.Token, err
		}
	})
	p.connect(sdk.Android)
	p.register()
	p.client.SetAppState(sdk.Foreground)
	return app
}

// In each round pushes come to who is online, in the app whose broadcast waits for its provider and in another one, and to a device
// of the other one that is woken. In some round all of that happens while no wake of the broadcast ends, by a time-out.
func TestNobodyWaitsBehindAnAppsBroadcastWhoseProviderHangs(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.RetryWait(time.Millisecond))
	send := func(app string, p protocol.PushRequest) string {
		t.Helper()
		accepted, err := hush.Push(t.Context(), app, p)
		if err != nil {
			t.Fatal(err)
		}
		return accepted.PushID
	}
	reaches := func(what, app, id string, state push.State) {
		t.Helper()
		eventually(t, what, func() bool {
			status, err := hush.Status(t.Context(), app, id, client.Page{})
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(status.Deliveries, func(d protocol.Delivery) bool { return d.State == state })
		})
	}
	app := quickApp(t, hush)
	manyAway(t, hush)
	p := newPhone(t, hush, "alice", sdk.IOS) // the last one in the broadcast
	p.client.SetAppState(sdk.Foreground)
	eventually(t, "a session", func() bool { return hush.DevicesOf(t, "alice")[0].AppState == push.AppForeground })
	send(hushtest.App, protocol.PushRequest{To: protocol.Audience{All: true}, ResourceID: "both", Payload: "broadcast"})
	eventually(t, "the broadcast at the phone that is online", func() bool { return slices.Contains(p.payloads(), "broadcast") })
	send(hushtest.App, protocol.PushRequest{To: to("alice"), ResourceID: "both", Deliver: push.WakeAlways}) // from now on, something is open on it
	for round := range rounds {
		flooded(t, hush)
		before := wakesOver(t, hush)
		online := send(app, protocol.PushRequest{To: to("online"), ResourceID: "r"})
		offline := send(app, protocol.PushRequest{To: to(fmt.Sprint("offline", round)), ResourceID: "r"})
		beside := send(hushtest.App, protocol.PushRequest{To: to("away1", "alice"), ResourceID: "both"})
		reaches("the push at the other app's phone that is online", app, online, push.Handled)
		reaches("the wake of the other app's device", app, offline, push.Sent)
		reaches("the push for two at the phone that is online", hushtest.App, beside, push.Handled)
		alone := send(hushtest.App, protocol.PushRequest{To: to("alice"), ResourceID: "both"})
		reaches("the push at the phone that is online", hushtest.App, alone, push.Handled)
		if wakesOver(t, hush) == before {
			return
		}
	}
	t.Error("no push came before wakes of another app's broadcast had ended")
}
