package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// WakeAll decides to wake the device for its open deliveries. It sets every column that a look may write.
func WakeAll(now time.Time) func(push.Snapshot) push.Changes {
	return func(snap push.Snapshot) push.Changes {
		d := snap.Device
		d.Wake = push.Wake{ID: "wake", State: push.WakeSending, Provider: push.APNs, Attempt: 1, Generation: d.OwnerGeneration, TokenGen: d.TokenGeneration, DueAt: now.Add(time.Minute)}
		d.WakeTimes, d.DueAt = append(d.WakeTimes, now), now.Add(time.Minute)
		c := push.Changes{Device: &d}
		for _, o := range snap.Open {
			change := o.SentBy(now, push.PathAPNs, now.Add(time.Hour))
			change.Delivery.WakeUntil = d.Wake.DueAt
			change.Events = append(change.Events, push.Event{At: now, Event: push.EventWakeSent, WakeID: "wake", Provider: push.APNs, Attempt: 1})
			c.Deliveries = append(c.Deliveries, change)
			d.Wake.Pushes = append(d.Wake.Pushes, o.PushID)
		}
		return c
	}
}

// ALookAtAFreshPushCommitsWhatTheNextLookWould accepts one push with a look at it, and another without, which is then looked at.
func (suite) ALookAtAFreshPushCommitsWhatTheNextLookWould(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "a", push.IOS)
	w.AddDevice("notes", "bob", "b", push.IOS)
	short, long := push.DeviceKey{App: "notes", Device: "a"}, push.DeviceKey{App: "notes", Device: "b"}
	now := time.Now().UTC().Truncate(time.Microsecond)
	var seen [2]push.Snapshot
	look := WakeAll(now)
	p := PushTo(ToUsers("alice"), `{"n":1}`)
	r := w.Accept(Context(t), []push.AcceptRequest{{Push: p}}, time.Minute, func(s push.Snapshot) push.Changes { seen[0] = s; return look(s) })[0]
	if r.Err != nil || len(r.Accepted.Looked) != 1 || r.Accepted.Looked[0].Device != "a" {
		t.Fatalf("accepted %+v, %v; want device a looked at", r.Accepted, r.Err)
	}
	q := PushTo(ToUsers("bob"), `{"n":1}`)
	q.AcceptedAt = p.AcceptedAt
	if r := w.Accept(Context(t), []push.AcceptRequest{{Push: q}}, time.Minute, nil)[0]; r.Err != nil || len(r.Accepted.Looked) != 0 {
		t.Fatalf("accepted %+v, %v; want nobody looked at", r.Accepted, r.Err)
	}
	if _, err := w.Step(Context(t), push.StepRequest{Key: long, OpenLimit: 10}, func(s push.Snapshot) push.Changes { seen[1] = s; return look(s) }); err != nil {
		t.Fatal(err)
	}
	same := func(s push.Snapshot) push.Snapshot { // but for who and which
		s.Device = push.Device{Platform: s.Device.Platform, Token: s.Device.Token, Wake: s.Device.Wake, WakeTimes: s.Device.WakeTimes}
		for i := range s.Open {
			s.Open[i].PushID, s.Open[i].DeviceID, s.Open[i].User, s.Open[i].Row = "", "", "", push.Row{}
		}
		return s
	}
	if got, want := same(seen[0]), same(seen[1]); !reflect.DeepEqual(got, want) {
		t.Errorf("the look that accepts saw\n%+v\nand the next one\n%+v", got, want)
	}
	after := func(key push.DeviceKey, id push.ID) (push.Delivery, push.Device) {
		list, _, err := w.Deliveries(Context(t), "notes", id, "", 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("deliveries of %s: %+v, %v", id, list, err)
		}
		snap, err := w.PeekDevice(Context(t), key, 10)
		if err != nil {
			t.Fatal(err)
		}
		d := list[0]
		d.PushID, d.DeviceID, d.User, d.Row = "", "", "", push.Row{}
		return d, push.Device{Wake: snap.Device.Wake, WakeTimes: snap.Device.WakeTimes, DueAt: snap.Device.DueAt}
	}
	gotDelivery, gotDevice := after(short, p.ID)
	wantDelivery, wantDevice := after(long, q.ID)
	if gotDevice.Wake.Pushes, wantDevice.Wake.Pushes = nil, nil; !reflect.DeepEqual(gotDelivery, wantDelivery) || !reflect.DeepEqual(gotDevice, wantDevice) {
		t.Errorf("the look that accepts left\n%+v\n%+v\nand the next one\n%+v\n%+v", gotDelivery, gotDevice, wantDelivery, wantDevice)
	}
}

// ALookAtAPushBesideOpenOnesCommitsWhatTheNextLookWould does the same with open deliveries on the devices: up to as many as a look at
// a new push allows, and one more.
func (suite) ALookAtAPushBesideOpenOnesCommitsWhatTheNextLookWould(t *testing.T, w *World) {
	w.MustPutResource(push.Resource{App: "notes", ID: "other", APNs: &push.Strategy{}})
	for before := range 9 {
		short, long := fmt.Sprint("short", before), fmt.Sprint("long", before)
		users := ToUsers(short, long)
		w.AddDevice("notes", short, short, push.IOS)
		w.AddDevice("notes", long, long, push.IOS)
		for i := range before {
			p := PushTo(users, fmt.Sprint(i))
			p.ResourceID = []string{"both", "other"}[i%2]
			w.MustAccept(p)
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		var seen [2]push.Snapshot
		for i, user := range []string{short, long} {
			p := PushTo(ToUsers(user), "new")
			p.AcceptedAt = now
			see := func(s push.Snapshot) push.Changes { seen[i] = s; return WakeAll(now)(s) }
			look := see
			if i == 1 {
				look = nil
			}
			r := w.Accept(Context(t), []push.AcceptRequest{{Push: p}}, time.Minute, look)[0]
			if looked := len(r.Accepted.Looked) == 1; r.Err != nil || looked != (i == 0 && before < 8) {
				t.Fatalf("%d open before: looked at: %v, %v", before, looked, r.Err)
			}
			if i == 1 || before == 8 {
				if _, err := w.Step(Context(t), push.StepRequest{Key: Key(user), OpenLimit: 100}, see); err != nil {
					t.Fatal(err)
				}
			}
		}
		plain := func(s push.Snapshot) string { // without whose it is
			text := ""
			for _, d := range s.Open {
				text += fmt.Sprintln(d.ResourceID, d.State, d.EventsKept, d.PayloadBytes, d.DueAt, d.WakeUntil, d.ExpiresAt.Sub(d.Since))
			}
			return text + fmt.Sprintln(s.OpenTotal, s.NextExpiry, len(s.Resources), s.Device.WakeTimes, s.Device.Wake.DueAt, s.Device.DueAt.Equal(now.Add(time.Minute)))
		}
		for i := range seen {
			seen[i].Device.DueAt = time.Time{} // who waits for a look is due at the end of a lease
		}
		if got, want := plain(seen[0]), plain(seen[1]); got != want || len(seen[0].Open) != before+1 {
			t.Errorf("%d open before: the look that accepts saw\n%s\nand the next one\n%s", before, got, want)
		}
		var after [2]push.Snapshot
		for i, user := range []string{short, long} {
			var err error
			if after[i], err = w.PeekDevice(Context(t), Key(user), 100); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := plain(after[0]), plain(after[1]); got != want {
			t.Errorf("%d open before: the look that accepts left\n%s\nand the next one\n%s", before, got, want)
		}
	}
}

func (suite) OnlyAPushThatIsAloneOnItsDeviceIsLookedAtAsItIsAccepted(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "a", push.IOS)
	w.AddDevice("notes", "bob", "b", push.IOS)
	looks := 0
	accept := func(want int, pushes ...push.Push) {
		t.Helper()
		reqs := make([]push.AcceptRequest, len(pushes))
		for i, p := range pushes {
			reqs[i].Push = p
		}
		looked := 0
		looks = 0
		for _, r := range w.Accept(Context(t), reqs, time.Minute, func(s push.Snapshot) push.Changes { looks++; return WakeAll(time.Now())(s) }) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			looked += len(r.Accepted.Looked)
		}
		if looked != want {
			t.Errorf("%d devices were looked at, want %d", looked, want)
		}
	}
	accept(0, PushTo(ToUsers("nobody"), "x")) // there is no device
	accept(1, PushTo(ToUsers("alice"), "x"))
	accept(0, PushTo(ToUsers("alice"), "x")) // one is open, and its wake in flight
	accept(1, PushTo(ToUsers("alice", "bob"), "x"))
}
