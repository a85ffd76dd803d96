package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestAnAppsDevicesWaitUntilItsBroadcastIsMade(t *testing.T) {
	t.Parallel()
	onBothIn(t, 0, func(t *testing.T, w *world, c *clock) {
		if _, _, err := w.PutApp(ctx(t), "other"); err != nil {
			t.Fatal(err)
		}
		w.putResource(push.Resource{App: "other", ID: "both", APNs: &push.Strategy{}})
		for i := range 6 {
			w.device("notes", fmt.Sprint("u", i), fmt.Sprint("d", i), push.IOS)
		}
		w.device("other", "alice", "a1", push.IOS)
		single, all := pushTo(toUsers("alice"), "x"), pushTo(push.Audience{All: true}, "x")
		single.App, single.AcceptedAt, all.AcceptedAt = "other", c.now(), c.now()
		w.accept(single)
		w.accept(all)
		expand := func(limit int, wantDone bool) {
			t.Helper()
			if _, done, err := w.Expand(ctx(t), push.PushRef{App: "notes", ID: all.ID}, c.now(), limit, 0); done != wantDone || err != nil {
				t.Fatalf("a piece: done %v, %v; want %v", done, err, wantDone)
			}
		}
		expand(3, false)
		w.wantClaimed(c, "other/a1")
		c.advance(time.Second) // the next piece is missed
		w.wantClaimed(c, "notes/d0", "notes/d1", "notes/d2")
		expand(2, false)
		w.wantClaimed(c)
		expand(2, true)
		w.wantClaimed(c, "notes/d3", "notes/d4", "notes/d5")
	})
}

// wantClaimed claims devices that are due, and compares them.
func (w *world) wantClaimed(c *clock, want ...string) {
	w.t.Helper()
	keys, err := w.ClaimDevices(ctx(w.t), c.now(), time.Hour, 100)
	var got []string
	for _, k := range keys {
		got = append(got, k.App+"/"+k.Device)
	}
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		w.t.Errorf("claimed %v, %v; want %v", got, err, want)
	}
}
