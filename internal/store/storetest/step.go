package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func (suite) AStepReadsAndWritesOneDevice(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	var pushes []push.Push
	for i := range 5 {
		p := PushTo(ToUsers("alice"), fmt.Sprint("payload ", i))
		w.MustAccept(p)
		pushes = append(pushes, p)
	}
	big := PushTo(ToUsers("alice"), string(make([]byte, 5000)))
	w.MustAccept(big)
	w.Handle("d1", pushes[4].ID)

	now := time.Now().UTC().Truncate(time.Microsecond)
	wake := push.Wake{ID: push.NewID(), State: push.WakeRetry, Provider: push.APNs, Attempt: 1, DueAt: now.Add(10 * time.Second), Generation: 1, TokenGen: 1,
		Pushes: []push.ID{pushes[0].ID}, ExpiresAt: now.Add(time.Hour), Items: []push.Item{push.PushItem{ID: "not stored"}}}
	_, err := w.Step(Context(t), push.StepRequest{Key: Key("d1"), OpenLimit: 2, Named: []push.ID{pushes[4].ID, big.ID, push.NewID()}}, func(s push.Snapshot) push.Changes {
		if len(s.Open) != 2 || s.Open[0].PushID != pushes[0].ID || s.Open[1].PushID != pushes[1].ID || s.OpenTotal != 5 {
			t.Errorf("%d open of %d; want the oldest two of 5", len(s.Open), s.OpenTotal)
		}
		if string(s.Open[0].Payload) != "payload 0" || s.Open[0].PayloadBytes != 9 {
			t.Errorf("payload %q of %d bytes", s.Open[0].Payload, s.Open[0].PayloadBytes)
		}
		if len(s.Named) != 2 || s.Named[0].State != push.Handled || s.Named[1].Payload != nil || s.Named[1].PayloadBytes != 5000 {
			t.Errorf("named: %d; want the handled one and the large one, without its payload", len(s.Named))
		}
		if want := pushes[2].AcceptedAt.Add(time.Hour).Truncate(time.Microsecond); !s.NextExpiry.Equal(want) {
			t.Errorf("next expiry %s, want %s", s.NextExpiry, want)
		}
		if r, ok := s.Resources["both"]; !ok || *r.APNs.TTL != time.Hour || r.FCM == nil {
			t.Errorf("resources %+v; want both", s.Resources)
		}
		d := s.Device
		d.Wake, d.WakeTimes, d.DueAt, d.Token = wake, []time.Time{now.Add(-time.Hour), now}, now.Add(time.Minute), push.TokenDead
		sent := s.Open[0].To(now, push.Sent, push.ReasonNone)
		sent.Delivery.Path, sent.Delivery.Wakes, sent.Delivery.DueAt, sent.Delivery.Unreturned = push.PathAPNs, 1, now.Add(time.Hour), 2
		sent.Events = append(sent.Events, push.Event{At: now, Event: push.EventWakeSent, WakeID: wake.ID, Attempt: 1})
		return push.Changes{Deliveries: []push.Change{sent}, Device: &d}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Reopen()
	snap, err := w.PeekDevice(Context(t), Key("d1"), 100)
	if err != nil {
		t.Fatal(err)
	}
	d := snap.Device
	wake.Items = nil
	if fmt.Sprint(d.Wake) != fmt.Sprint(wake) || len(d.WakeTimes) != 2 || !d.WakeTimes[1].Equal(now) || !d.DueAt.Equal(now.Add(time.Minute)) || d.Token != push.TokenDead {
		t.Errorf("device %+v\nwant the wake %+v, two wake times, due in a minute, token dead", d, wake)
	}
	first := snap.Open[0]
	if first.State != push.Sent || first.Path != push.PathAPNs || first.Wakes != 1 || first.Unreturned != 2 || !first.DueAt.Equal(now.Add(time.Hour)) || snap.OpenTotal != 5 {
		t.Errorf("delivery %+v of %d open", first, snap.OpenTotal)
	}
	events := w.AllDeliveries(pushes[0].ID)[0].Events
	if len(events) != 3 || events[1].Event != "sent" || events[2].WakeID != wake.ID {
		t.Errorf("timeline %+v; want waiting, sent, wake_sent", events)
	}
}

func (suite) StepsOnOneDeviceSeeEachOther(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	var wg sync.WaitGroup
	const n = 50
	for range n {
		wg.Go(func() {
			_, err := w.Step(Context(t), push.StepRequest{Key: Key("d1")}, func(s push.Snapshot) push.Changes {
				d := s.Device
				d.WakeTimes = append(slices.Clone(d.WakeTimes), time.Now())
				return push.Changes{Device: &d}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if d, err := w.Device(Context(t), Key("d1")); err != nil || len(d.WakeTimes) != n {
		t.Errorf("%d wake times, %v; want %d: none lost", len(d.WakeTimes), err, n)
	}
}

func (suite) TheFirstFinalStateStays(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	p := PushTo(ToUsers("alice"), "x")
	w.MustAccept(p)
	if n, _, err := w.Cancel(Context(t), "notes", p.ID); n != 1 || err != nil {
		t.Fatalf("cancelled %d, %v", n, err)
	}
	w.Handle("d1", p.ID)
	d := w.AllDeliveries(p.ID)[0]
	if d.State != push.Cancelled || d.Events[len(d.Events)-1].Event != push.EventHandledLate {
		t.Errorf("state %s, events %+v; want cancelled, and handled_late at the end", d.State, d.Events)
	}
	stale := d // as it was before it was cancelled
	stale.State, stale.FinalAt = push.Waiting, time.Time{}
	_, err := w.Step(Context(t), push.StepRequest{Key: Key("d1")}, func(push.Snapshot) push.Changes {
		return push.Changes{Deliveries: []push.Change{stale.To(time.Now(), push.Sent, push.ReasonNone)}}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.WantStates(p.ID, "d1 alice cancelled ")
}

func (suite) AStepOnAnUnknownDeviceGetsAnEmptySnapshot(t *testing.T, w *World) {
	_, err := w.Step(Context(t), push.StepRequest{Key: Key("none"), OpenLimit: 10, Named: []push.ID{"x"}}, func(s push.Snapshot) push.Changes {
		if s.Device.ID != "" || len(s.Open) != 0 || len(s.Named) != 0 || s.OpenTotal != 0 {
			t.Errorf("snapshot %+v, want an empty one", s)
		}
		return push.Changes{}
	})
	if err != nil {
		t.Error(err)
	}
}

func (suite) AStepThatFailsFailsAlone(t *testing.T, w *World) {
	for i := range 20 {
		w.AddDevice("notes", fmt.Sprint("u", i), fmt.Sprint("d", i), push.IOS)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := w.Step(Context(t), push.StepRequest{Key: Key(fmt.Sprint("d", i))}, func(s push.Snapshot) push.Changes {
				if i%7 == 0 {
					panic("on purpose")
				}
				d := s.Device
				d.Token = push.TokenDead
				return push.Changes{Device: &d}
			})
			if failed := err != nil; failed != (i%7 == 0) {
				t.Errorf("step %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range 20 {
		d, err := w.Device(Context(t), Key(fmt.Sprint("d", i)))
		if err != nil || (d.Token == push.TokenDead) != (i%7 != 0) {
			t.Errorf("device %d: %q, %v", i, d.Token, err)
		}
	}
}

func (suite) InboxSaysHowManyAreOpen(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	var ids []push.ID
	for range 7 {
		p := PushTo(ToUsers("alice"), "x")
		w.MustAccept(p)
		ids = append(ids, p.ID)
	}
	list, open, err := w.Inbox(Context(t), Key("d1"), 3)
	if err != nil || open != 7 || len(list) != 3 || list[0].PushID != ids[0] || list[2].PushID != ids[2] {
		t.Errorf("inbox: %d of %d, %v; want the oldest 3 of 7", len(list), open, err)
	}
	if _, _, err := w.Inbox(Context(t), Key(""), 3); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("inbox of no device: %v, want not found", err)
	}
}
