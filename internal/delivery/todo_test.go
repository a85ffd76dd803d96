package delivery

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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

// visitAll visits all that wait, as workers do.
func (n *node) visitAll(t *testing.T) {
	t.Helper()
	for key, ok := n.queue.next(); ok; key, ok = n.queue.next() {
		n.visit(t.Context(), key, true)
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

func TestWhatIsDecidedWithAPushIsFollowedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		n := newNode(t, func(w push.Wake) (push.Answer, error) { woken++; return taken(w) })
		f := n.decideFresh(t)
		n.todo.acquire(t.Context(), "notes", 2)
		followed := n.follow(f, n.push, []push.DeviceKey{n.phone})
		n.visitAll(t)
		followed += n.follow(f, n.push, []push.DeviceKey{n.phone})
		n.visitAll(t)
		n.todo.release("notes", 2-followed)
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
		for range 3 { // each is fetched from the inbox and handled before a worker has come to see that its session is gone
			d := n.delivery()
			d.State = push.Waiting
			n.store.deliveries[n.phone] = []push.Delivery{d}
			n.todo.acquire(t.Context(), "notes", 1)
			n.sockets.set(n.phone, true)
			f := n.decideFresh(t)
			n.sockets.set(n.phone, false)
			n.todo.release("notes", 1-n.follow(f, n.push, []push.DeviceKey{n.phone}))
		}
		n.wantPlaces(t, 1)
		n.visitAll(t)
		n.wantPlaces(t, 0)
	})
}

func TestWhatIsForASessionIsGivenAsItIsAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, taken)
		n.sockets.set(n.phone, true)
		f := n.decideFresh(t)
		if f.away != 0 {
			t.Error("the phone is away, want it online")
		}
		if left := n.follow(f, n.push, []push.DeviceKey{n.phone}); left != 0 || !slices.Equal(n.sockets.sent, []push.ID{n.push}) || len(n.queue.waiting) != 0 {
			t.Errorf("the session got %v, and %d devices are left to workers; want the push, and none", n.sockets.sent, left)
		}
	})
}

// ask asks for places in the background.
func ask(t *testing.T, todo *todo, app string, n int) <-chan bool {
	t.Helper()
	got := make(chan bool, 1)
	go func() {
		has, _ := todo.acquire(t.Context(), app, n)
		got <- has
	}()
	synctest.Wait()
	return got
}

// wantAnswer checks what who asked was told by now: "yes", "no", or "" if it waits.
func wantAnswer(t *testing.T, what string, got <-chan bool, want string) {
	t.Helper()
	synctest.Wait()
	answer := ""
	select {
	case has := <-got:
		answer = map[bool]string{true: "yes", false: "no"}[has]
	default:
	}
	if answer != want {
		t.Errorf("%s: the answer is %q, want %q", what, answer, want)
	}
}

func TestFewDoNotPassByManyWhoWaitForPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		todo := newTodo(time.Now)
		wantAnswer(t, "the first", ask(t, todo, "a", appPlaces), "yes")
		many := ask(t, todo, "a", 1000)
		todo.release("a", 500)
		one := ask(t, todo, "a", 1)
		wantAnswer(t, "many, with too few places", many, "")
		wantAnswer(t, "one behind them", one, "")
		todo.release("a", 501)
		wantAnswer(t, "many, with enough", many, "yes")
		wantAnswer(t, "one, with enough", one, "yes")
	})
}

func TestWhoIsBehindOneWhoGivesUpIsAdmitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		todo := newTodo(time.Now)
		wantAnswer(t, "the first", ask(t, todo, "a", appPlaces), "yes")
		many := ask(t, todo, "a", appPlaces)
		for range 6 { // something is done all the time
			time.Sleep(stillDone / 2)
			todo.release("a", 1)
		}
		one := ask(t, todo, "a", 1)
		wantAnswer(t, "one behind many", one, "")
		for range 2 * int(placesWait/stillDone) {
			time.Sleep(stillDone / 2)
			todo.release("a", 1)
		}
		wantAnswer(t, "many, for whom there was no room in time", many, "no")
		wantAnswer(t, "one behind them", one, "yes")
	})
}

func TestNobodyWaitsForPlacesWhereNothingGetsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		todo := newTodo(time.Now)
		wantAnswer(t, "the first", ask(t, todo, "a", appPlaces), "yes")
		waits := ask(t, todo, "a", 1)
		wantAnswer(t, "one more", waits, "")
		time.Sleep(2*stillDone + time.Millisecond)
		wantAnswer(t, "one more, when nothing was done for long", waits, "no")
		wantAnswer(t, "the next one", ask(t, todo, "a", 1), "no")
	})
}

func TestNoAppWaitsForAnothersWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		todo := newTodo(time.Now)
		wantAnswer(t, "a flood", ask(t, todo, "a", appPlaces), "yes")
		wantAnswer(t, "another", ask(t, todo, "b", freshPlaces-appPlaces), "yes")
		wantAnswer(t, "more of the flood", ask(t, todo, "a", 1), "")
		wantAnswer(t, "a third app", ask(t, todo, "c", 1), "no")
		todo.release("b", 10)
		wantAnswer(t, "a third app, with places left", ask(t, todo, "c", 1), "yes")
	})
}

func TestPlacesThatAreGrantedAsTheCallerGoesAreItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		todo := newTodo(time.Now)
		todo.acquire(t.Context(), "a", appPlaces)
		for range 200 {
			a := &asking{app: "a", n: 1, granted: make(chan struct{})}
			todo.mu.Lock()
			todo.line = append(todo.line, a)
			todo.mu.Unlock()
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan bool)
			go func() { got <- todo.wait(ctx, a) }()
			go cancel()
			go todo.release("a", 1)
			if !<-got {
				todo.release("a", -1) // as it was
			}
			synctest.Wait()
		}
		if todo.taken != appPlaces || len(todo.line) != 0 {
			t.Errorf("%d places are taken and %d wait, want %d and none", todo.taken, len(todo.line), appPlaces)
		}
	})
}
