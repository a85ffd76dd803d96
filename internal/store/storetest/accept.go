package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func (suite) AcceptMakesADeliveryPerDeviceAndOnePerUserWithoutAny(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "a1", push.IOS)
	w.AddDevice("notes", "alice", "a2", push.Android)
	p := PushTo(ToUsers("alice", "bob", "alice"), "x")
	got := w.MustAccept(p)
	if got.Deliveries != 3 || len(got.Devices) != 2 || len(got.Warnings) != 1 || got.Warnings[0].User != "bob" {
		t.Errorf("accepted: %+v; want 3 deliveries, 2 devices, a warning for bob", got)
	}
	w.WantStates(p.ID, " bob waiting no_device", "a1 alice waiting ", "a2 alice waiting ")
	for _, d := range w.AllDeliveries(p.ID) {
		want := 7 * 24 * time.Hour
		if d.DeviceID == "a1" {
			want = time.Hour // the iOS strategy's
		}
		if got := d.ExpiresAt.Sub(d.AcceptedAt); got != want {
			t.Errorf("TTL on %q: %s, want %s", d.DeviceID, got, want)
		}
		if len(d.Events) != 1 || d.Events[0].Event != "waiting" || !d.Events[0].At.Equal(d.AcceptedAt) {
			t.Errorf("timeline on %q: %+v; want one event waiting, when it was accepted", d.DeviceID, d.Events)
		}
	}
}

func (suite) AcceptKeepsPayloadsAndIDsByteForByte(t *testing.T, w *World) {
	for _, payload := range []string{"", "a\x00b", "\x00", strings.Repeat("🔔", push.MaxPayloadBytes/4), `{"cursor":1841}`} {
		for _, id := range []string{"a/b", "ä b.c", "📱", `q"'\?$1`, strings.Repeat("x", 128)} {
			user := "user " + id[:len(id)/2*2%len(id)]
			if !strings.ContainsRune(id, '/') {
				user = id
			}
			if _, err := w.Device(Context(t), Key(id)); errors.Is(err, push.ErrNotFound) {
				w.AddDevice("notes", user, id, push.IOS)
			}
			p := PushTo(ToUsers(user), payload)
			w.MustAccept(p)
			list, open, err := w.Inbox(Context(t), Key(id), 100)
			if err != nil || open != 1 || len(list) != 1 || !bytes.Equal(list[0].Payload, []byte(payload)) || list[0].User != user {
				t.Fatalf("inbox of %q: %d open, %v, list %d; want the payload of %d bytes as it was given", id, open, err, len(list), len(payload))
			}
			back, _, err := w.Push(Context(t), "notes", p.ID)
			if err != nil || !bytes.Equal(back.Payload, p.Payload) || back.To.Users[0] != user {
				t.Errorf("push read back for %q: %v", id, err)
			}
			w.Handle(id, p.ID)
		}
	}
}

func (suite) AcceptRefusesUnknownDevicesResourcesAndApps(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "a1", push.IOS)
	bad := PushTo(ToDevices("a1", "nobody's"), "x")
	noResource := PushTo(ToDevices("a1"), "x")
	noResource.ResourceID = "none"
	noApp := PushTo(ToUsers("alice"), "x")
	noApp.App = "none"
	good := PushTo(ToDevices("a1"), "x")
	r := w.Accept(Context(t), []push.AcceptRequest{{Push: bad}, {Push: noResource}, {Push: noApp}, {Push: good}}, 0, nil)
	var fields push.FieldErrors
	if !errors.As(r[0].Err, &fields) || len(fields) != 1 || fields[0].Location != "to.devices[1]" || fields[0].Code != push.CodeUnknownDevice {
		t.Errorf("unknown device: %v; want unknown_device at to.devices[1]", r[0].Err)
	}
	for i := 1; i <= 2; i++ {
		if !errors.Is(r[i].Err, push.ErrNotFound) {
			t.Errorf("result %d: %v, want not found", i, r[i].Err)
		}
	}
	if r[3].Err != nil {
		t.Errorf("the good one beside them: %v", r[3].Err)
	}
	if _, _, err := w.Push(Context(t), "notes", bad.ID); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("the refused push: %v, want not found", err)
	}
}

func (suite) AnIdempotencyKeyMakesOnePush(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "a1", push.IOS)
	request := func(key, hash string) push.AcceptRequest {
		return push.AcceptRequest{Push: PushTo(ToUsers("alice", "bob"), "x"), Idempotency: &push.Idempotency{Key: key, BodyHash: []byte(hash)}}
	}
	var wg sync.WaitGroup
	ids := make([]push.ID, 20)
	for i := range ids {
		wg.Go(func() {
			r := w.Accept(Context(t), []push.AcceptRequest{request("k\xff1", "h")}, 0, nil)[0]
			if r.Err != nil || r.Accepted.Deliveries != 2 || len(r.Accepted.Warnings) != 1 {
				t.Errorf("request %d: %+v; want the same answer for all", i, r)
			}
			ids[i] = r.Accepted.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("ids %v; want one", ids)
		}
	}
	if r := w.Accept(Context(t), []push.AcceptRequest{request("k\xff1", "other")}, 0, nil)[0]; !errors.Is(r.Err, push.ErrConflict) {
		t.Errorf("another body: %v, want a conflict", r.Err)
	}
	if _, open, _ := w.Inbox(Context(t), Key("a1"), 10); open != 1 {
		t.Errorf("%d open on the device, want 1", open)
	}
	if err := w.PutIdempotent(Context(t), "notes", "batch", []byte("h"), []byte("answer\x00")); err != nil {
		t.Fatal(err)
	}
	hash, answer, found, err := w.Idempotent(Context(t), "notes", "batch")
	if err != nil || !found || string(hash) != "h" || string(answer) != "answer\x00" {
		t.Errorf("batch answer: %q %q %v %v", hash, answer, found, err)
	}
	if err := w.PutIdempotent(Context(t), "notes", "batch", []byte("h"), nil); !errors.Is(err, push.ErrConflict) {
		t.Errorf("key taken: %v, want a conflict", err)
	}
	if r := w.Accept(Context(t), []push.AcceptRequest{request("batch", "h")}, 0, nil)[0]; !errors.Is(r.Err, push.ErrConflict) {
		t.Errorf("a batch's key for a single push: %v, want a conflict", r.Err)
	}
}

func (suite) ACollapseKeyKeepsTheNewest(t *testing.T, w *World) {
	w.MustPutResource(push.Resource{App: "notes", ID: "collapsing", APNs: &push.Strategy{CollapseKey: "k"}, FCM: &push.Strategy{}})
	w.AddDevice("notes", "alice", "ios", push.IOS)
	w.AddDevice("notes", "alice", "android", push.Android)
	send := func() push.Push {
		p := PushTo(ToUsers("alice", "bob"), "x")
		p.ResourceID = "collapsing"
		return p
	}
	explicit := PushTo(ToUsers("alice", "bob"), "x")
	explicit.CollapseKey = "k"
	first, second, third := send(), send(), send()
	w.MustAccept(first)
	w.MustAccept(second)
	w.WantStates(first.ID, " bob waiting no_device", "android alice waiting ", "ios alice superseded ")
	// Two at once, in one transaction.
	r := w.Accept(Context(t), []push.AcceptRequest{{Push: third}, {Push: explicit}}, 0, nil)
	if err := errors.Join(r[0].Err, r[1].Err); err != nil {
		t.Fatal(err)
	}
	w.WantStates(second.ID, " bob waiting no_device", "android alice waiting ", "ios alice superseded ")
	w.WantStates(third.ID, " bob waiting no_device", "android alice waiting ", "ios alice superseded ")
	w.WantStates(explicit.ID, " bob waiting no_device", "android alice waiting ", "ios alice waiting ")
	again := PushTo(ToUsers("alice", "bob", "carol"), "x")
	again.CollapseKey = "k"
	w.MustAccept(again)
	w.WantStates(explicit.ID, " bob superseded ", "android alice superseded ", "ios alice superseded ")
	w.WantStates(again.ID, " bob waiting no_device", " carol waiting no_device", "android alice waiting ", "ios alice waiting ")
	d := w.AllDeliveries(explicit.ID)[0]
	if n := len(d.Events); n != 2 || d.Events[1].Event != "superseded" || d.FinalAt.IsZero() {
		t.Errorf("timeline %+v, final at %s; want superseded at its end", d.Events, d.FinalAt)
	}
}

func (suite) NowOrNeverStaysOpenForAckAndWake(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "ios", push.IOS)
	w.AddDevice("notes", "alice", "android", push.Android)
	p := PushTo(ToUsers("alice"), "x")
	p.TTL = new(time.Duration)
	w.MustAccept(p)
	want := map[string]time.Duration{"ios": 35 * time.Second, "android": 25 * time.Second}
	for _, d := range w.AllDeliveries(p.ID) {
		if got := d.ExpiresAt.Sub(d.AcceptedAt); got != want[d.DeviceID] || !d.NowOrNever {
			t.Errorf("on %q: open for %s, now or never %v; want %s, true", d.DeviceID, got, d.NowOrNever, want[d.DeviceID])
		}
	}
}

func (suite) WhatIsForNowOnlyEndsAtOnceForAUserWithoutADevice(t *testing.T, w *World) {
	waits, zero, session := PushTo(ToUsers("bob"), "x"), PushTo(ToUsers("bob"), "x"), PushTo(ToUsers("bob"), "x")
	waits.CollapseKey, zero.CollapseKey = "k", "k"
	zero.TTL, session.Deliver = new(time.Duration), push.SessionOnly
	w.MustAccept(waits)
	w.MustAccept(zero)
	w.MustAccept(session)
	w.AddDevice("notes", "bob", "d1", push.IOS)
	w.WantStates(zero.ID, " bob expired no_device")
	w.WantStates(session.ID, " bob undeliverable no_session")
	w.WantStates(waits.ID, "d1 bob waiting ") // what never was to be had replaces nothing
	for _, p := range []push.Push{zero, session} {
		if d := w.AllDeliveries(p.ID)[0]; d.FinalAt.IsZero() || len(d.Events) != 1 {
			t.Errorf("final at %s after %+v; want a time, one event", d.FinalAt, d.Events)
		}
		if _, got, err := w.Push(Context(t), "notes", p.ID); err != nil || !got.Final {
			t.Errorf("push %+v, %v; want it final", got, err)
		}
	}
}

func (suite) AcceptedDevicesAreThisNodesForTheLease(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "a1", push.IOS)
	now := time.Now()
	claim := func(at time.Time) int {
		t.Helper()
		keys, err := w.ClaimDevices(Context(t), at, 10*time.Second, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	if r := w.Accept(Context(t), []push.AcceptRequest{{Push: PushTo(ToUsers("alice"), "x")}}, time.Hour, nil)[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	if n := claim(now.Add(30 * time.Minute)); n != 0 {
		t.Errorf("claimed %d within the lease, want 0", n)
	}
	if n := claim(now.Add(2 * time.Hour)); n != 1 {
		t.Errorf("claimed %d after the lease, want 1", n)
	}
	w.MustAccept(PushTo(ToUsers("alice"), "x"))
	if n := claim(time.Now().Add(time.Second)); n != 1 {
		t.Errorf("claimed %d of a push accepted without a lease, want 1", n)
	}
}

func (suite) ManyAtOnceAreAcceptedOnceEach(t *testing.T, w *World) {
	const users, each = 8, 25
	for u := range users {
		w.AddDevice("notes", fmt.Sprint("user", u), fmt.Sprint("dev", u), push.IOS)
	}
	var wg sync.WaitGroup
	for u := range users {
		wg.Go(func() {
			for range each {
				p := PushTo(ToUsers(fmt.Sprint("user", u), "shared"), "x")
				w.MustAccept(p)
				w.Handle(fmt.Sprint("dev", u), p.ID)
			}
		})
	}
	wg.Wait()
	for u := range users {
		if n, err := w.OpenCount(Context(t), Key(fmt.Sprint("dev", u))); n != 0 || err != nil {
			t.Errorf("%d open, %v; want 0", n, err)
		}
	}
	w.AddDevice("notes", "shared", "late", push.Android)
	if n, err := w.OpenCount(Context(t), Key("late")); n != users*each || err != nil {
		t.Errorf("%d open, %v; want %d", n, err, users*each)
	}
}
