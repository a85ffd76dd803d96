package hushtest_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/sdk"
)

// The package page has this test's lines; internal/packagepages_test.go holds them together.
func TestTheExampleOfThePackagePage(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	hush.Phone(t, "alice", phonetest.IOS, nil)
	id := hush.Send(t, "alice", "both", "42")
	hush.WaitState(t, id, push.Handled)
}

func TestAPhoneGivesThePayloadToItsHandler(t *testing.T) {
	t.Parallel()
	for platform, path := range map[phonetest.Platform]push.Path{phonetest.IOS: push.PathAPNs, phonetest.Android: push.PathFCM} {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t)
			got := make(chan string, 10)
			handler := func(_ context.Context, m sdk.Message) sdk.FetchResult {
				got <- m.Extras[sdk.ExtraPayload]
				return sdk.NoData
			}
			phone := hush.Phone(t, "alice", platform, handler)
			p := hush.WaitState(t, hush.Send(t, "alice", "both", "42"), push.Handled)
			if d := p.Deliveries[0]; d.Path != path || d.Result != push.NoData || <-got != "42" {
				t.Errorf("path %s, result %s; want %s and no_data for 42", d.Path, d.Result, path)
			}
			for _, state := range []phonetest.State{phonetest.Reclaimed, phonetest.Foreground} { // a launch of its own each
				if err := phone.SetState(t.Context(), state); err != nil {
					t.Fatal(err)
				}
				hush.WaitState(t, hush.Send(t, "alice", "both", string(state)), push.Handled)
				if payload := <-got; payload != string(state) {
					t.Errorf("%s: the handler got %q", state, payload)
				}
			}
		})
	}
}
