package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func (suite) AnAppsDevicesWaitUntilItsBroadcastIsMade(t *testing.T, w *World) {
	c := w.limited(0)
	if _, _, err := w.PutApp(Context(t), "other"); err != nil {
		t.Fatal(err)
	}
	w.MustPutResource(push.Resource{App: "other", ID: "both", APNs: &push.Strategy{}})
	for i := range 6 {
		w.AddDevice("notes", fmt.Sprint("u", i), fmt.Sprint("d", i), push.IOS)
	}
	w.AddDevice("other", "alice", "a1", push.IOS)
	single, all := PushTo(ToUsers("alice"), "x"), PushTo(push.Audience{All: true}, "x")
	single.App, single.AcceptedAt, all.AcceptedAt = "other", c.Now(), c.Now()
	w.MustAccept(single)
	w.MustAccept(all)
	expand := func(limit int, wantDone bool) {
		t.Helper()
		if _, done, err := w.Expand(Context(t), push.PushRef{App: "notes", ID: all.ID}, c.Now(), limit, 0); done != wantDone || err != nil {
			t.Fatalf("a piece: done %v, %v; want %v", done, err, wantDone)
		}
	}
	expand(3, false)
	w.wantClaimed(c, "other/a1")
	c.Advance(time.Second) // the next piece is missed
	w.wantClaimed(c, "notes/d0", "notes/d1", "notes/d2")
	expand(2, false)
	w.wantClaimed(c)
	expand(2, true)
	w.wantClaimed(c, "notes/d3", "notes/d4", "notes/d5")
}

// wantClaimed claims the devices that are due, and compares them with those wanted.
func (w *World) wantClaimed(c *Clock, want ...string) {
	w.T.Helper()
	keys, err := w.ClaimDevices(Context(w.T), c.Now(), time.Hour, 100)
	var got []string
	for _, k := range keys {
		got = append(got, k.App+"/"+k.Device)
	}
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		w.T.Errorf("claimed %v, %v; want %v", got, err, want)
	}
}
