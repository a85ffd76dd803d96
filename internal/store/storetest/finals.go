package storetest

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// finals counts the deliveries that became final, by "state reason".
type finals struct {
	mu sync.Mutex
	n  map[string]int
}

func (*finals) Committing(int)                                    {}
func (*finals) Committed(int, time.Duration, time.Duration, bool) {}

func (f *finals) Final(state push.State, why push.Reason, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n[fmt.Sprintf("%s %s", state, why)] += n
}

// since returns the counts since the last call.
func (f *finals) since() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.n
	f.n = map[string]int{}
	return n
}

func (suite) EachWayToAFinalStateIsCountedOnce(t *testing.T, w *World) {
	f := &finals{n: map[string]int{}}
	w.Config.Vitals = f
	w.Reopen()
	to := func(ttl time.Duration, deliver push.Mode, collapse string, who push.Audience) push.Push {
		p := PushTo(who, "x")
		p.TTL, p.Deliver, p.CollapseKey = &ttl, deliver, collapse
		return p
	}
	accept := func(pushes ...push.Push) {
		t.Helper()
		reqs := make([]push.AcceptRequest, len(pushes))
		for i, p := range pushes {
			reqs[i].Push = p
		}
		for _, r := range w.Accept(Context(t), reqs, 0, nil) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	cancel := func(p push.Push) {
		t.Helper()
		if _, _, err := w.Cancel(Context(t), "notes", p.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.AddDevice("notes", "alice", "phone", push.IOS)
	two := ToUsers("alice", "nobody")
	for _, c := range []struct {
		name string
		do   func()
		want map[string]int
	}{
		{"nobody is there now", func() { accept(to(0, push.Auto, "", ToUsers("nobody"))) }, map[string]int{"expired no_device": 1}},
		{"nobody has a session", func() { accept(to(time.Hour, push.SessionOnly, "", ToUsers("nobody"))) }, map[string]int{"undeliverable no_session": 1}},
		{"superseded in the store, and beside each other", func() {
			accept(to(time.Hour, push.Auto, "k", two))
			accept(to(time.Hour, push.Auto, "k", two), to(time.Hour, push.Auto, "k", two))
		}, map[string]int{"superseded ": 4}},
		{"cancelled, and once more", func() {
			p := to(time.Hour, push.Auto, "", two)
			accept(p)
			cancel(p)
			cancel(p)
		}, map[string]int{"cancelled ": 2}},
		{"cancelled before it began, and once more", func() {
			p := to(time.Hour, push.Auto, "", two)
			p.DeliverAt = p.AcceptedAt.Add(time.Hour)
			accept(p)
			cancel(p)
			cancel(p)
		}, map[string]int{"cancelled ": 2}},
		{"a list of which nothing is made, cancelled", func() {
			p := to(time.Hour, push.Auto, "", crowd())
			accept(p)
			cancel(p)
			for !w.piece(p, time.Now()) {
			}
		}, map[string]int{"cancelled ": 1_200}},
	} {
		c.do()
		if got := f.since(); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
