package server_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/proxy/proxytest"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// behindProxy starts a server whose providers only a proxy knows, by Apple's and Google's own names, and which only the proxy
// knows, as hush.example. The proxy wants me and hunter2.
func behindProxy(t *testing.T, opts ...hushtest.Option) (*hushtest.Server, *proxytest.Proxy, string) {
	t.Helper()
	var way *proxytest.Proxy
	var url string
	hush := hushtest.Start(t, append(opts, hushtest.Proxy(func(apns, fcm string) string {
		way = proxytest.Start(t, map[string]string{
			"api.push.apple.com:443": apns, "fcm.googleapis.com:443": fcm, "oauth2.googleapis.com:443": fcm,
		})
		way.Want("me", "hunter2")
		url = "http://me:hunter2@" + proxytest.Address(way.URL)
		return url
	}))...)
	way.Lead("hush.example:80", proxytest.Address(hush.URL))
	return hush, way, url
}

func TestAPushArrivesWhereAProxyIsTheOnlyWayOut(t *testing.T) {
	t.Parallel()
	hush, way, proxy := behindProxy(t, hushtest.AckWait(20*time.Second))
	for platform, path := range platforms {
		p := newPhoneBehind(t, hush, string(platform), platform, proxy)
		got := hush.WaitState(t, hush.Send(t, string(platform), "both", "by its provider"), push.Handled)
		if d := got.Deliveries[0]; d.Path != path {
			t.Errorf("%s: path %s, want %s", platform, d.Path, path)
		}
		p.client.SetAppState(sdk.Foreground)
		eventually(t, "the device is in the foreground", func() bool {
			return hush.DevicesOf(t, string(platform))[0].AppState == push.AppForeground
		})
		eventually(t, "a push arrives by the session", func() bool { // the first may be in the inbox that the app reads as it opens
			got := hush.WaitState(t, hush.Send(t, string(platform), "both", "by its session"), push.Handled)
			return got.Deliveries[0].Path == push.PathSession
		})
	}
	backend, err := client.New(client.Config{Server: "http://hush.example", Key: push.Secret(hush.Key), Proxy: proxy})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backend.Devices(t.Context(), hushtest.App, string(sdk.IOS), client.Page{}); err != nil {
		t.Errorf("the Go client: %v", err)
	}
	asked := way.Asked()
	for _, want := range []string{
		"CONNECT api.push.apple.com:443", "CONNECT fcm.googleapis.com:443", "CONNECT oauth2.googleapis.com:443",
		"PUT hush.example:80", "CONNECT hush.example:80", "GET hush.example:80",
	} {
		if !slices.Contains(asked, want) {
			t.Errorf("the proxy was not asked to %s; it was for %q", want, asked)
		}
	}
}

func TestAProxyThatRefusesIsOnTheTimelineWithoutItsPassword(t *testing.T) {
	t.Parallel()
	hush, way, _ := behindProxy(t, hushtest.RetryWait(100*time.Millisecond))
	way.Want("me", "another password")
	for platform := range platforms {
		newPhone(t, hush, string(platform), platform)
		id := hush.Send(t, string(platform), "both", "x")
		var timeline []byte
		eventually(t, "the proxy's refusal on the timeline", func() bool {
			timeline, _ = json.Marshal(hush.Timeline(t, id))
			return strings.Contains(string(timeline), string(push.EventWakeFailed))
		})
		if strings.Contains(string(timeline), "hunter2") {
			t.Errorf("%s: the timeline has the proxy's password:\n%s", platform, timeline)
		}
		way.Want("me", "hunter2")
		hush.WaitState(t, id, push.Handled)
		way.Want("me", "another password")
	}
	if !strings.Contains(hush.Logs(), "407 Proxy Authentication Required") {
		t.Error("the log does not say what the proxy answered")
	}
	for _, secret := range []string{"hunter2", "bWU6aHVudGVyMg"} {
		if strings.Contains(hush.Logs(), secret) {
			t.Errorf("the log has the proxy's credentials %q", secret)
		}
	}
}
