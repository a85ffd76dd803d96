package timeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

var accepted = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestATimelineHasALinePerEventAndAVerdict(t *testing.T) {
	t.Parallel()
	p := protocol.Push{PushID: "p\x1b", ResourceID: "sync", AcceptedAt: accepted, ExpiresAt: accepted.Add(time.Hour), Final: true, Deliveries: []protocol.Delivery{
		{DeviceID: "d", User: "alice", State: push.Handled, Result: push.NewData, Path: push.PathAPNs, Events: []protocol.Event{
			{At: accepted, Event: "waiting"},
			{At: accepted.Add(-time.Second), Event: "wake_answered", Provider: push.APNs, Status: 200, Attempt: 2},
			{At: accepted.Add(90 * time.Second), Event: "handled", Result: push.NewData, Path: push.PathAPNs, Took: "120ms"},
		}},
		{User: "bob", State: push.Expired, Reason: push.ReasonTTL, Events: []protocol.Event{{At: accepted, Event: "waiting"}, {At: accepted, Event: "expired", Detail: "late"}}},
	}}
	got := timeline.Text(p, terminal.Style{})
	for _, want := range []string{
		"push p\uFFFD  resource sync\n",
		"✔ d of alice  handled new_data by apns\n│    +0.000s  waiting\n│    +0.000s  wake_answered  apns try 2 200\n╰     +1m30s  handled        new_data by apns in 120ms\n",
		"✘ bob (no device yet)  expired (ttl)\n", "╰    +0.000s  expired        “late”\n",
		"\n\nhandled on 1 of 2\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("drawn\n%s\nwant in it\n%s", got, want)
		}
	}
}

func TestTheServersCountsAreTakenWhereDeliveriesAreMissing(t *testing.T) {
	t.Parallel()
	one := []protocol.Delivery{{State: push.Handled}}
	for _, test := range []struct {
		p                   protocol.Push
		all, handled, final int
	}{
		{protocol.Push{Deliveries: one}, 1, 1, 1},
		{protocol.Push{Deliveries: one, Counts: map[push.State]int{push.Handled: 1}}, 1, 1, 1},
		{protocol.Push{Deliveries: one, Counts: map[push.State]int{push.Handled: 3, push.Expired: 2, push.Waiting: 4}}, 9, 3, 5},
	} {
		if all, handled, final := timeline.Tally(test.p); all != test.all || handled != test.handled || final != test.final {
			t.Errorf("%+v: %d, %d, %d; want %d, %d, %d", test.p, all, handled, final, test.all, test.handled, test.final)
		}
	}
}
