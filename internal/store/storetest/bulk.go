package storetest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func (suite) ACursorThatNoPageGaveIsNamed(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	p := w.MustAccept(PushTo(ToUsers("alice"), "x"))
	cursor := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	for _, bad := range []string{"%", cursor(`["a\u0000"]`), cursor(`["a\u0000", ""]`), cursor(`["", "\u0000"]`), cursor(`[1]`), cursor(`{}`), cursor(`["a","b","c"]`)} {
		ask := map[string]func() error{
			"apps":       func() error { _, _, err := w.Apps(Context(t), bad, 10); return err },
			"keys":       func() error { _, _, err := w.ServerKeys(Context(t), "notes", bad, 10); return err },
			"resources":  func() error { _, _, err := w.Resources(Context(t), "notes", bad, 10); return err },
			"devices":    func() error { _, _, err := w.DevicesOf(Context(t), "notes", "alice", bad, 10); return err },
			"deliveries": func() error { _, _, err := w.Deliveries(Context(t), "notes", p.ID, bad, 10); return err },
		}
		for list, f := range ask {
			err := f()
			var fields push.FieldErrors
			if !errors.As(err, &fields) || fields[0].Location != "query.cursor" {
				t.Errorf("%s with the cursor %q: %v; want field errors of query.cursor", list, bad, err)
			}
		}
	}
}

func (suite) AnInboxPageEndsAfterSomeMegabytes(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	const pushes = 70 // of 64 KiB each: 64 of them are 4 MiB
	for range pushes {
		w.MustAccept(PushTo(ToUsers("alice"), string(make([]byte, push.MaxPayloadBytes))))
	}
	for limit, want := range map[int]int{1: 1, 64: 64, 65: 64, 100: 64, 1000: 64} {
		list, open, err := w.Inbox(Context(t), Key("d1"), limit)
		if err != nil || len(list) != want || open < min(pushes, want+1) {
			t.Errorf("limit %d: %d deliveries, %d open, %v; want %d of %d", limit, len(list), open, err, want, pushes)
		}
	}
}

func (suite) AFirstDeviceTakesOverMoreThanOnePiece(t *testing.T, w *World) {
	const pushes = 620 // in two pieces
	var reqs []push.AcceptRequest
	start := time.Now()
	for i := range pushes {
		p := PushTo(ToUsers("bob"), "x")
		p.AcceptedAt = start.Add(time.Duration(i) * time.Millisecond)
		reqs = append(reqs, push.AcceptRequest{Push: p})
	}
	for _, r := range w.Accept(Context(t), reqs, 0, nil) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	w.MustPutResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{CollapseKey: "k"}})
	w.AddDevice("notes", "bob", "d1", push.IOS) // now all have the strategy's key
	w.WantStates(reqs[0].Push.ID, "d1 bob superseded ")
	w.WantStates(reqs[pushes-1].Push.ID, "d1 bob waiting ")
	if n, err := w.OpenCount(Context(t), Key("d1")); n != 1 || err != nil {
		t.Errorf("%d open, %v; want only the newest", n, err)
	}
	due, err := w.ClaimDevices(Context(t), time.Now().Add(time.Second), time.Minute, 10)
	if err != nil || !slices.Equal(due, []push.DeviceKey{Key("d1")}) {
		t.Errorf("due: %v, %v; want d1", due, err)
	}
}

func (suite) ABroadcastKeepsPlatformsGenerationsAndCollapseKeysApart(t *testing.T, w *World) {
	short := time.Minute
	w.MustPutResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{TTL: &short}, FCM: &push.Strategy{CollapseKey: "k"}})
	for i := range 7 {
		w.AddDevice("notes", fmt.Sprint("u", i), fmt.Sprint("d", i), []push.Platform{push.IOS, push.Android}[i%2])
	}
	older, newer := PushTo(push.Audience{All: true}, "1"), PushTo(push.Audience{All: true}, "2")
	w.MustAccept(older)
	if n := w.ExpandAll(time.Now(), 3); n != 7 {
		t.Fatalf("the first broadcast reached %d devices, want 7", n)
	}
	w.MustAccept(newer)
	w.ExpandAll(time.Now(), 3)
	w.WantStates(older.ID, "d0 u0 waiting ", "d1 u1 superseded ", "d2 u2 waiting ", "d3 u3 superseded ", "d4 u4 waiting ", "d5 u5 superseded ", "d6 u6 waiting ")
	for i, d := range w.AllDeliveries(newer.ID) {
		want := push.DefaultTTL
		if i%2 == 0 {
			want = short
		}
		if got := d.ExpiresAt.Sub(d.AcceptedAt); got != want || d.Generation != 1 || d.State != push.Waiting || len(d.Events) != 1 {
			t.Errorf("on %s: open for %s, generation %d, %s after %v; want %s, 1, waiting", d.DeviceID, got, d.Generation, d.State, d.Events, want)
		}
	}
}

func (suite) TwoChangesOfOneDeliveryInOneStepBothHappen(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	p := w.MustAccept(PushTo(ToUsers("alice"), "x"))
	_, err := w.Step(Context(t), push.StepRequest{Key: Key("d1"), Named: []push.ID{p.ID, "no\x00id", "none"}}, func(s push.Snapshot) (c push.Changes) {
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
	w.WantStates(p.ID, "d1 alice handled ")
	if events := w.AllDeliveries(p.ID)[0].Events; len(events) != 3 {
		t.Errorf("events %v; want waiting, received, handled", events)
	}
}
