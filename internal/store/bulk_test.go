package store_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestACursorThatNoPageGaveIsNamed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.device("notes", "alice", "d1", push.IOS)
		p := w.accept(pushTo(toUsers("alice"), "x"))
		cursor := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
		for _, bad := range []string{"%", cursor(`["a\u0000"]`), cursor(`["a\u0000", ""]`), cursor(`["", "\u0000"]`), cursor(`[1]`), cursor(`{}`), cursor(`["a","b","c"]`)} {
			ask := map[string]func() error{
				"apps":       func() error { _, _, err := w.Apps(ctx(t), bad, 10); return err },
				"keys":       func() error { _, _, err := w.ServerKeys(ctx(t), "notes", bad, 10); return err },
				"resources":  func() error { _, _, err := w.Resources(ctx(t), "notes", bad, 10); return err },
				"devices":    func() error { _, _, err := w.DevicesOf(ctx(t), "notes", "alice", bad, 10); return err },
				"deliveries": func() error { _, _, err := w.Deliveries(ctx(t), "notes", p.ID, bad, 10); return err },
			}
			for list, f := range ask {
				err := f()
				var fields push.FieldErrors
				if !errors.As(err, &fields) || fields[0].Location != "query.cursor" {
					t.Errorf("%s with the cursor %q: %v; want field errors of query.cursor", list, bad, err)
				}
			}
		}
	})
}

func TestAnInboxPageEndsAfterSomeMegabytes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.device("notes", "alice", "d1", push.IOS)
		const pushes = 70 // of 64 KiB each: 64 of them are 4 MiB
		for range pushes {
			w.accept(pushTo(toUsers("alice"), string(make([]byte, push.MaxPayloadBytes))))
		}
		for limit, want := range map[int]int{1: 1, 64: 64, 65: 64, 100: 64, 1000: 64} {
			list, open, err := w.Inbox(ctx(t), key("d1"), limit)
			if err != nil || len(list) != want || open < min(pushes, want+1) {
				t.Errorf("limit %d: %d deliveries, %d open, %v; want %d of %d", limit, len(list), open, err, want, pushes)
			}
		}
	})
}

func TestAFirstDeviceTakesOverMoreThanOnePiece(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const pushes = 620 // in two pieces
		var reqs []push.AcceptRequest
		start := time.Now()
		for i := range pushes {
			p := pushTo(toUsers("bob"), "x")
			p.AcceptedAt = start.Add(time.Duration(i) * time.Millisecond)
			reqs = append(reqs, push.AcceptRequest{Push: p})
		}
		for _, r := range w.Accept(ctx(t), reqs, 0, nil) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		w.putResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{CollapseKey: "k"}})
		w.device("notes", "bob", "d1", push.IOS) // now all have the strategy's key
		w.wantStates(reqs[0].Push.ID, "d1 bob superseded ")
		w.wantStates(reqs[pushes-1].Push.ID, "d1 bob waiting ")
		if n, err := w.OpenCount(ctx(t), key("d1")); n != 1 || err != nil {
			t.Errorf("%d open, %v; want only the newest", n, err)
		}
		due, err := w.ClaimDevices(ctx(t), time.Now().Add(time.Second), time.Minute, 10)
		if err != nil || !slices.Equal(due, []push.DeviceKey{key("d1")}) {
			t.Errorf("due: %v, %v; want d1", due, err)
		}
	})
}

func TestABroadcastKeepsPlatformsGenerationsAndCollapseKeysApart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		short := time.Minute
		w.putResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{TTL: &short}, FCM: &push.Strategy{CollapseKey: "k"}})
		for i := range 7 {
			w.device("notes", fmt.Sprint("u", i), fmt.Sprint("d", i), []push.Platform{push.IOS, push.Android}[i%2])
		}
		older, newer := pushTo(push.Audience{All: true}, "1"), pushTo(push.Audience{All: true}, "2")
		w.accept(older)
		if n := w.expandAll(time.Now(), 3); n != 7 {
			t.Fatalf("the first broadcast reached %d devices, want 7", n)
		}
		w.accept(newer)
		w.expandAll(time.Now(), 3)
		w.wantStates(older.ID, "d0 u0 waiting ", "d1 u1 superseded ", "d2 u2 waiting ", "d3 u3 superseded ", "d4 u4 waiting ", "d5 u5 superseded ", "d6 u6 waiting ")
		for i, d := range w.deliveries(newer.ID) {
			want := push.DefaultTTL
			if i%2 == 0 {
				want = short
			}
			if got := d.ExpiresAt.Sub(d.AcceptedAt); got != want || d.Generation != 1 || d.State != push.Waiting || len(d.Events) != 1 {
				t.Errorf("on %s: open for %s, generation %d, %s after %v; want %s, 1, waiting", d.DeviceID, got, d.Generation, d.State, d.Events, want)
			}
		}
	})
}

func TestTwoChangesOfOneDeliveryInOneStepBothHappen(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.device("notes", "alice", "d1", push.IOS)
		p := w.accept(pushTo(toUsers("alice"), "x"))
		_, err := w.Step(ctx(t), push.StepRequest{Key: key("d1"), Named: []push.ID{p.ID, "no\x00id", "none"}}, func(s push.Snapshot) (c push.Changes) {
			for _, d := range s.Named {
				first := d.Receive(time.Now(), push.IOS, push.Receipt{PushID: d.PushID, Event: push.ReceiptReceived, Path: push.PathInbox})
				second := first.Delivery.Receive(time.Now(), push.IOS, push.Receipt{PushID: d.PushID, Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathInbox})
				c.Deliveries = append(c.Deliveries, first, second)
			}
			return c
		})
		if err != nil {
			t.Fatal(err)
		}
		w.wantStates(p.ID, "d1 alice handled ")
		if events := w.deliveries(p.ID)[0].Events; len(events) != 3 {
			t.Errorf("events %v; want waiting, received, handled", events)
		}
	})
}
