package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

func TestAPushReachesAnAppInTheBackgroundByItsProvider(t *testing.T) {
	t.Parallel()
	for platform, path := range platforms {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t)
			p := newPhone(t, hush, "alice", platform)
			got := hush.WaitState(t, hush.Send(t, "alice", "both", `{"cursor":1841}`), push.Handled)
			if d := got.Deliveries[0]; d.Path != path || d.Result != push.NewData {
				t.Errorf("path %s, result %s; want %s, new_data", d.Path, d.Result, path)
			}
			if want := []string{`{"cursor":1841}`}; !slices.Equal(p.payloads(), want) {
				t.Errorf("payloads %q, want %q", p.payloads(), want)
			}
		})
	}
}

func TestAPushReachesAnAppInTheForegroundByItsSession(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.AckWait(20*time.Second))
	p := newPhone(t, hush, "alice", sdk.IOS)
	p.client.SetAppState(sdk.Foreground)
	eventually(t, "the device is in the foreground", func() bool { return hush.DevicesOf(t, "alice")[0].AppState == push.AppForeground })
	got := hush.WaitState(t, hush.Send(t, "alice", "both", "x"), push.Handled)
	if d := got.Deliveries[0]; d.Path != push.PathSession {
		t.Errorf("path %s, want session", d.Path)
	}
	if _, wakes := p.counts(); wakes != 0 {
		t.Errorf("%d wakes, want none", wakes)
	}
}

func TestPayloadsArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	for name, payload := range map[string]string{
		"empty":            "",
		"with U+0000":      "a\x00b",
		"markup and emoji": "<&>\u2028 😀 \\ \" \t",
		"4 KiB and more":   strings.Repeat("é", 2500),
		"64 KiB":           strings.Repeat("x", push.MaxPayloadBytes),
	} {
		for platform := range platforms {
			t.Run(fmt.Sprint(name, " on ", platform), func(t *testing.T) {
				t.Parallel()
				user := fmt.Sprint(name, platform)
				p := newPhone(t, hush, user, platform)
				hush.WaitState(t, hush.Send(t, user, "both", payload), push.Handled)
				if got := p.payloads(); len(got) != 1 || got[0] != payload {
					t.Errorf("%d payloads, the first of %d bytes; want one as it was sent, of %d", len(got), len(got[0]), len(payload))
				}
			})
		}
	}
}

func TestIDsMayHaveDotsSpacesSlashesAndEmoji(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	for _, user := range []string{"a.b", "a b", "a/b", "a//b", "😀", "%2F", "…", "a?b#c", strings.Repeat("ü", 64)} {
		newPhone(t, hush, user, sdk.Android)
		if got := hush.DevicesOf(t, user); len(got) != 1 {
			t.Errorf("user %q: %d devices, want 1", user, len(got))
		}
		hush.WaitState(t, hush.Send(t, user, "both", "x"), push.Handled)
		if _, err := hush.PutTags(t.Context(), hushtest.App, user, []string{"odd"}); err != nil {
			t.Errorf("user %q: tags: %v", user, err)
		}
	}
	id := hush.SendPush(t, protocol.PushRequest{To: protocol.Audience{Tags: &protocol.TagRule{Any: []string{"odd"}}}, ResourceID: "both"})
	if got := hush.WaitState(t, id, push.Handled); len(got.Deliveries) != 9 {
		t.Errorf("%d deliveries to those with the tag, want 9", len(got.Deliveries))
	}
}

func TestFiftyPushesInAMinuteMakeFewWakesAndAreAllHandledOnce(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.IOS)
	var ids, want []string
	for i := range 50 {
		payload := fmt.Sprint("push ", i)
		ids = append(ids, hush.Send(t, "alice", "ios-only", payload))
		want = append(want, payload)
	}
	eventually(t, "the burst of wakes", func() bool { _, wakes := p.counts(); return wakes == 2 })
	p.client.SetAppState(sdk.Foreground) // the person opens the app: the inbox brings what waits for the budget
	for _, id := range ids {
		hush.WaitState(t, id, push.Handled)
	}
	if _, wakes := p.counts(); wakes > 2 {
		t.Errorf("%d wakes, want at most the burst of 2", wakes)
	}
	got := p.payloads()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("handled %d pushes, want each of the 50 once: %q", len(got), got)
	}
}

func TestWithoutAStrategyForThePlatformTheInboxDelivers(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	id := hush.Send(t, "alice", "ios-only", "x")
	hush.WaitReason(t, id, push.Waiting, push.ReasonNoStrategy)
	p.client.SetAppState(sdk.Foreground)
	if d := hush.WaitState(t, id, push.Handled).Deliveries[0]; d.Path != push.PathInbox {
		t.Errorf("path %s, want inbox", d.Path)
	}
	if handled, wakes := p.counts(); handled != 1 || wakes != 0 {
		t.Errorf("handled %d times after %d wakes, want once after none", handled, wakes)
	}
}

func TestAUserNeverSeenGetsItsPushWithItsFirstDevice(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	accepted, err := hush.Push(t.Context(), hushtest.App, protocol.PushRequest{To: protocol.Audience{Users: []string{"new"}}, ResourceID: "both", Payload: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []protocol.Warning{{Code: push.UserNotSeen, User: "new"}}; !slices.Equal(accepted.Warnings, want) {
		t.Errorf("warnings %v, want %v", accepted.Warnings, want)
	}
	newPhone(t, hush, "new", sdk.IOS)
	hush.WaitState(t, accepted.PushID, push.Handled)
}
