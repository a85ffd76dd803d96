package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// flight is a push whose wake was decided on when it was accepted, and the settlement of its answer.
type flight struct {
	*World
	push push.Push
	left push.Settlement // as the look left it, with the changes of a plain 200
	now  time.Time

	credential []byte // the device's
}

// wakeLease is the lease of the wake of a flight.
const wakeLease = 10 * time.Second

func newFlight(t *testing.T, w *World) *flight {
	t.Helper()
	f := &flight{credential: w.AddDevice("notes", "alice", "d1", push.IOS), World: w, now: time.Now().UTC().Truncate(time.Microsecond)}
	f.send("alice")
	return f
}

// send accepts a push for a user, and sends its wake.
func (f *flight) send(user string) {
	f.T.Helper()
	f.push = PushTo(ToUsers(user), "x")
	r := f.Accept(Context(f.T), []push.AcceptRequest{{Push: f.push}}, time.Minute, func(s push.Snapshot) push.Changes {
		d, o := s.Device, s.Open[0]
		d.Wake = push.Wake{ID: "wake", State: push.WakeSending, Provider: push.APNs, Attempt: 1, DueAt: f.now.Add(wakeLease), Pushes: []push.ID{o.PushID}}
		d.WakeTimes, d.DueAt = append(d.WakeTimes, f.now), f.now.Add(time.Hour)
		o.WakeUntil = f.now.Add(wakeLease)
		sent := []push.Event{{At: f.now, Event: push.EventWakeSent, WakeID: "wake", Attempt: 1}}
		f.left.Left = &d
		f.left.Open = []push.Delivery{o}
		f.left.Open[0].EventsKept = 1
		answered := f.left.Open[0].SentBy(f.now, push.PathAPNs, d.DueAt)
		answered.Delivery.WakeUntil = time.Time{}
		f.left.Changes = push.Changes{Deliveries: []push.Change{answered}}
		return push.Changes{Device: &d, Deliveries: []push.Change{{Delivery: o, Events: sent}}}
	})[0]
	if r.Err != nil || len(r.Accepted.Looked) != 1 {
		f.T.Fatalf("accepted %+v, %v; want the device looked at", r.Accepted, r.Err)
	}
}

func (f *flight) settle(want bool) {
	f.T.Helper()
	if settled, err := f.Settle(Context(f.T), f.left); settled != want || err != nil {
		f.T.Errorf("settled: %v, %v; want %v", settled, err, want)
	}
}

// want checks the delivery's state, and whether the device's wake is in flight.
func (f *flight) want(state push.State, inFlight bool) {
	f.T.Helper()
	list, _, err := f.Deliveries(Context(f.T), "notes", f.push.ID, "", 10)
	if err != nil || len(list) != 1 || list[0].State != state {
		f.T.Errorf("deliveries %+v, %v; want one that is %s", list, err, state)
	}
	snap, err := f.PeekDevice(Context(f.T), Key("d1"), 10)
	if is := snap.Device.Wake.State == push.WakeSending; is != inFlight || err != nil {
		f.T.Errorf("the wake is in flight: %v, %v; want %v", is, err, inFlight)
	}
}

// claimed returns how many devices are due at a time.
func (f *flight) claimed(at time.Time) int {
	f.T.Helper()
	keys, err := f.ClaimDevices(Context(f.T), at, time.Second, 10)
	if err != nil {
		f.T.Error(err)
	}
	return len(keys)
}

func (suite) AnAnswerSettlesWhatTheLookLeft(t *testing.T, w *World) {
	f := newFlight(t, w)
	f.want(push.Waiting, true)
	f.settle(true)
	f.want(push.Sent, false)
	f.settle(false) // it is not so any more
	if n := f.claimed(f.now.Add(2 * wakeLease)); n != 0 {
		f.T.Errorf("%d devices due when the lease is over, want none: the wake is answered", n)
	}
	if n := f.claimed(f.now.Add(time.Hour)); n != 1 {
		f.T.Errorf("%d devices due for another wake, want 1", n)
	}
}

func (suite) AnAnswerDoesNotSettleWhatHasChanged(t *testing.T, w *World) {
	for name, change := range map[string]func(f *flight){
		"a receipt": func(f *flight) { f.Handle("d1", f.push.ID) },
		"a cancel": func(f *flight) {
			if _, _, err := f.Cancel(Context(f.T), "notes", f.push.ID); err != nil {
				f.T.Error(err)
			}
		},
		"an owner": func(f *flight) {
			r := push.Registration{DeviceID: "d1", Platform: push.IOS}
			if _, _, err := f.Register(Context(f.T), r, "notes", push.Caller{User: "bob"}, f.credential, NewHash()); err != nil {
				f.T.Error(err)
			}
		},
		"the device": func(f *flight) { // its node owns it for a push accepted in the meantime
			f.MustAccept(PushTo(ToUsers("alice"), "y"))
			f.left.Changes.Device = &push.Device{Number: f.left.Left.Number, DueAt: f.now.Add(time.Minute)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlight(t, New(t, w.Engine))
			change(f)
			f.settle(false)
		})
	}
}

func (suite) WhatEndsWhileItsWakeIsInFlightLeavesTheWakeInFlight(t *testing.T, w *World) {
	f := newFlight(t, w)
	f.Handle("d1", f.push.ID)
	f.want(push.Handled, true)
	f.claimed(f.now.Add(2 * wakeLease))
	f.want(push.Handled, false) // nobody has answered within its lease
}

// AWakeInFlightOfAFormerOwnerIsNotTheNewOnes settles bob's wake while that of alice, the former owner of the device, is in flight.
func (suite) AWakeInFlightOfAFormerOwnerIsNotTheNewOnes(t *testing.T, w *World) {
	f := newFlight(t, w)
	r := push.Registration{DeviceID: "d1", Platform: push.IOS}
	if _, _, err := f.Register(Context(f.T), r, "notes", push.Caller{User: "bob"}, f.credential, NewHash()); err != nil {
		f.T.Fatal(err)
	}
	f.now = f.now.Add(time.Second)
	f.send("bob")
	f.want(push.Waiting, true)
	f.settle(true)
	f.want(push.Sent, false)
}

func (suite) ALookSeesWhatAWakeInFlightIsForBehindWhatIsOlder(t *testing.T, w *World) {
	f := newFlight(t, w)
	f.settle(true)
	f.Handle("d1", f.push.ID)
	f.MustAccept(PushTo(push.Audience{All: true}, "y"))
	f.send("alice")
	f.ExpandAll(time.Now(), 10)
	_, err := f.Step(Context(f.T), push.StepRequest{Key: Key("d1"), OpenLimit: 1}, func(s push.Snapshot) push.Changes {
		if len(s.Open) != 1 || s.OpenTotal != 2 {
			f.T.Errorf("open %+v of %d, want the first of 2", s.Open, s.OpenTotal)
		}
		if len(s.Named) != 1 || s.Named[0].PushID != f.push.ID {
			f.T.Errorf("beside it %+v, want what the wake in flight is for", s.Named)
		}
		return push.Changes{}
	})
	if err != nil {
		f.T.Error(err)
	}
}

func (suite) AWakeWithoutAnAnswerIsDueWhenItsLeaseIsOver(t *testing.T, w *World) {
	f := newFlight(t, w)
	if n := f.claimed(f.now.Add(wakeLease / 2)); n != 0 {
		f.T.Errorf("%d devices due within the lease, want none", n)
	}
	if n := f.claimed(f.now.Add(2 * wakeLease)); n != 1 {
		f.T.Errorf("%d devices due when the lease is over, want 1", n)
	}
	f.want(push.Waiting, true)
}

func (suite) AWakeOfAFormerProcessIsDueAtOnceWhereThereIsOneNode(t *testing.T, w *World) {
	f := newFlight(t, w)
	f.Reopen()
	want := 0 // another node may be sending it
	if w.Engine.SingleNode {
		want = 1
	}
	if n := f.claimed(time.Now()); n != want {
		t.Errorf("%d devices due after a start, want %d", n, want)
	}
}

func (suite) CloseFinishesAnswersThatWaitForCompany(t *testing.T, w *World) {
	f := newFlight(t, w)
	settled := make(chan error, 1)
	go func() {
		is, err := f.Settle(t.Context(), f.left)
		if err == nil && !is {
			err = push.ErrConflict
		}
		settled <- err
	}()
	// It waits by now, or is refused; in both cases it ends.
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-settled; err != nil && !errors.Is(err, push.ErrUnavailable) {
		t.Errorf("settled: %v; want it done, or refused", err)
	}
}
