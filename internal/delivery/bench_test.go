package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// One delivery's verdict: a device that is to be woken, and one with a session.
func BenchmarkDecide(b *testing.B) {
	for name, s := range map[string]situation{"wake": at(t0), "session": at(t0, func(s *situation) { s.session = &session{since: t0} })} {
		b.Run(name, func(b *testing.B) {
			d := waiting()
			b.ReportAllocs()
			for b.Loop() {
				if v := decide(s, d); v.do == "" {
					b.Fatal("nothing was decided")
				}
			}
		})
	}
}

// A look's plan for a device with so many pushes that wait: the verdicts, and the wake.
func BenchmarkPlan(b *testing.B) {
	for _, open := range []int{1, 50} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			s := at(t0)
			snap := push.Snapshot{Device: s.device}
			for range open {
				snap.Open = append(snap.Open, waiting())
			}
			b.ReportAllocs()
			for b.Loop() {
				if p := planFor(s, newBoard(s.now, snap), time.Time{}); p.wake == nil {
					b.Fatal("no wake was planned")
				}
			}
		})
	}
}

// What a provider's plain answer changes.
func BenchmarkAnswer(b *testing.B) {
	s := at(t0)
	w := planFor(s, newBoard(s.now, push.Snapshot{Device: s.device, Open: []push.Delivery{waiting()}}), time.Time{})
	snap := push.Snapshot{Device: *w.changes.Device, Open: []push.Delivery{w.changes.Deliveries[0].Delivery}}
	o := &outcome{wake: *w.wake, answer: push.Answer{Provider: push.APNs, Status: 200}}
	s.device = snap.Device
	b.ReportAllocs()
	for b.Loop() {
		board := newBoard(s.now, snap)
		o.apply(s, board)
		if p := planFor(s, board, time.Time{}); len(p.changes.Deliveries) != 1 {
			b.Fatalf("%d deliveries changed, want the one", len(p.changes.Deliveries))
		}
	}
}

// What a device's receipts change: so many pushes that were handled.
func BenchmarkReceive(b *testing.B) {
	for _, receipts := range []int{1, 50} {
		b.Run(fmt.Sprintf("receipts=%d", receipts), func(b *testing.B) {
			snap := push.Snapshot{Device: at(t0).device, OpenTotal: receipts}
			var said []push.Receipt
			for range receipts {
				d := waiting()
				snap.Open = append(snap.Open, d)
				said = append(said, push.Receipt{PushID: d.PushID, Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathAPNs})
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, open, _ := receive(t0, snap, snap.Device, said); open != 0 {
					b.Fatalf("%d are open, want none", open)
				}
			}
		})
	}
}

// A device's way through the queue, and what was decided on it: added, taken by a worker, done.
func BenchmarkQueue(b *testing.B) {
	q, t := newQueue(8192, 512, time.Now), newTodo(time.Now)
	q.open(func() {})
	keys := make([]push.DeviceKey, 1000)
	for i := range keys {
		keys[i] = push.DeviceKey{App: "notes", Device: fmt.Sprint("device-", i)}
	}
	d := &decided{}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		key := keys[i%len(keys)]
		i++
		t.acquire(b.Context(), key.App, 1)
		t.put(key, d)
		q.add(key)
		key, ok := q.work(nil)
		if !ok {
			b.Fatal("nothing was taken")
		}
		t.pop(key)
		t.release(key.App, 1)
		q.done(key)
	}
}

// The look at a push as it is accepted, on a device with nothing else open.
func BenchmarkFresh(b *testing.B) {
	s := at(t0)
	snap := push.Snapshot{Device: s.device, Open: []push.Delivery{waiting()}, OpenTotal: 1, Resources: map[string]push.Resource{"r": {APNs: &push.Strategy{}}}}
	f := &fresh{known: known{now: t0, ackWait: s.ackWait}, plans: map[freshPush]*decided{}}
	b.ReportAllocs()
	for b.Loop() {
		if c := f.look(snap); len(c.Deliveries) != 1 {
			b.Fatalf("%d deliveries changed, want the one", len(c.Deliveries))
		}
	}
}
