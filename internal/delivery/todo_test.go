package delivery

import (
	"testing"
	"testing/synctest"

	"github.com/hushpush/hush/push"
)

// decideFresh decides on the phone as a push is accepted.
func (n *node) decideFresh(t *testing.T) *fresh {
	t.Helper()
	f, err := n.freshFor(t.Context(), []push.AcceptRequest{{Push: push.Push{App: "notes", To: push.Audience{Devices: []string{"phone"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.store.Step(t.Context(), push.StepRequest{Key: n.phone, OpenLimit: 1}, f.look); err != nil {
		t.Fatal(err)
	}
	return f
}

// work visits all that wait, as workers do.
func (n *node) visitAll(t *testing.T) {
	t.Helper()
	for key, ok := n.queue.take(); ok; key, ok = n.queue.take() {
		n.visit(t.Context(), key)
		n.queue.done(key)
	}
}

// wantPlaces checks how many places are taken.
func (n *node) wantPlaces(t *testing.T, want int) {
	t.Helper()
	if n.todo.taken != want || n.todo.ofApp["notes"] != want || want == 0 && len(n.todo.ofApp) != 0 {
		t.Errorf("%d places are taken, by app %v; want %d", n.todo.taken, n.todo.ofApp, want)
	}
}

func TestTwoPushesOfABatchForOneDeviceAreFollowedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		n := newNode(t, func(w push.Wake) (push.Answer, error) { woken++; return taken(w) })
		f := n.decideFresh(t)
		n.todo.enter(t.Context(), "notes", 2)
		followed := n.follow(f, []push.DeviceKey{n.phone}) // a push that ended at once was looked at before
		n.visitAll(t)
		followed += n.follow(f, []push.DeviceKey{n.phone})
		n.visitAll(t)
		n.todo.leave("notes", 2-followed)
		if woken != 1 || len(n.store.devices[n.phone].WakeTimes) != 1 {
			t.Errorf("%d wakes were sent and %d counted, want 1", woken, len(n.store.devices[n.phone].WakeTimes))
		}
		n.wantPlaces(t, 0)
	})
}

func TestWhatIsDecidedAnewBeforeItWasDoneTakesOnePlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, taken)
		n.sockets.set(n.phone, true)
		for range 3 { // each is fetched from the inbox and handled before a worker has come to give it to the session
			d := n.delivery()
			d.State = push.Waiting
			n.store.deliveries[n.phone] = []push.Delivery{d}
			n.todo.enter(t.Context(), "notes", 1)
			n.todo.leave("notes", 1-n.follow(n.decideFresh(t), []push.DeviceKey{n.phone}))
		}
		n.wantPlaces(t, 1)
		n.visitAll(t)
		n.wantPlaces(t, 0)
	})
}
