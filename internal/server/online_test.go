package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
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
	return hush.SendPush(t, protocol.PushRequest{To: push.Audience{Users: users}, ResourceID: "both", Payload: "x"})
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
