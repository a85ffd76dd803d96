package delivery

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/push"
)

func TestAppsTakeTurns(t *testing.T) {
	t.Parallel()
	q := newQueue(100, 10, time.Now)
	for i := range 5 {
		q.add(push.DeviceKey{App: "big", Device: fmt.Sprint(i)})
	}
	q.add(push.DeviceKey{App: "small", Device: "0"})
	var apps []string
	for range 3 {
		k, _ := q.next()
		apps = append(apps, k.App)
	}
	if want := []string{"big", "small", "big"}; !slices.Equal(apps, want) {
		t.Errorf("taken in the order %v, want %v", apps, want)
	}
}

func TestAnAppWhoseProviderHangsLeavesWorkersToOthers(t *testing.T) {
	t.Parallel()
	q := newQueue(100, 3, time.Now)
	for i := range 5 {
		q.add(push.DeviceKey{App: "hangs", Device: fmt.Sprint(i)})
	}
	q.next()
	q.next()
	if k, ok := q.next(); ok {
		t.Errorf("a third of the same app was taken: %v", k)
	}
	q.add(push.DeviceKey{App: "other", Device: "0"})
	if k, ok := q.next(); !ok || k.App != "other" {
		t.Errorf("took %v %v, want the other app's", k, ok)
	}
	q.done(push.DeviceKey{App: "hangs", Device: "0"})
	if k, ok := q.next(); ok {
		t.Errorf("took %v, want the last worker left to an app that has none", k)
	}
	q.done(push.DeviceKey{App: "other", Device: "0"})
	if _, ok := q.next(); !ok {
		t.Error("nothing taken once the other app's was done")
	}
}

func TestADeviceIsLookedAtByOneWorkerAtATimeAndAgainIfAddedMeanwhile(t *testing.T) {
	t.Parallel()
	q := newQueue(10, 10, time.Now)
	k := push.DeviceKey{App: "a", Device: "d"}
	q.add(k)
	q.add(k)
	q.next()
	if !q.add(k) {
		t.Fatal("no room for a device in work")
	}
	if _, ok := q.next(); ok {
		t.Fatal("taken twice at once")
	}
	q.done(k)
	if got, ok := q.next(); !ok || got != k {
		t.Errorf("after done: %v %v, want it once more", got, ok)
	}
	q.done(k)
	if _, ok := q.next(); ok {
		t.Error("taken a third time")
	}
}

func TestAFullQueueSaysSo(t *testing.T) {
	t.Parallel()
	q := newQueue(1, 1, time.Now)
	if !q.add(push.DeviceKey{App: "a", Device: "1"}) || q.add(push.DeviceKey{App: "a", Device: "2"}) {
		t.Error("want room for one and no more")
	}
	if left := q.drain(); len(left) != 1 || q.free("a") != 1 {
		t.Errorf("drained %v, %d free; want one, 1", left, q.free("a"))
	}
}

// Workers come as devices do, no more than may work at once, and go when there is nothing for them.
func TestWorkersAreHiredAsThereIsWork(t *testing.T) {
	t.Parallel()
	q := newQueue(100, 4, time.Now)
	q.maxIdle = 0
	hired := 0
	add := func(app string, devices ...string) {
		for _, d := range devices {
			q.add(push.DeviceKey{App: app, Device: d})
		}
	}
	take := func(want string) push.DeviceKey {
		t.Helper()
		k, _ := q.work(nil)
		if got := k.App + k.Device; got != want {
			t.Fatalf("a worker took %q, want %q", got, want)
		}
		return k
	}
	add("a", "1", "2")
	q.open(func() { hired++ })
	if hired != 2 {
		t.Fatalf("%d hired for two that waited, want 2", hired)
	}
	one := take("a1")
	two := take("a2")
	add("a", "3", "4")
	take("a3")
	if hired != 4 {
		t.Fatalf("%d hired, want 4: the last one came when another of the app could work", hired)
	}
	take("") // the app has as many in work as it may
	add("a", "5")
	if hired != 4 {
		t.Errorf("%d hired while the app has as many in work as it may, want 4", hired)
	}
	add("b", "1", "2")
	if hired != 5 {
		t.Errorf("%d hired, want 5: four may work", hired)
	}
	take("b1")
	q.done(one)
	q.done(two)
	take("a4")
	q.close()
	add("c", "1")
	if hired != 5 {
		t.Errorf("%d hired once the queue was closed", hired)
	}
	for range 4 {
		take("")
	}
	if q.workers != 0 {
		t.Errorf("%d workers are left, want none", q.workers)
	}
}

func TestMostTokensRefusedAlikeMeanTheCredential(t *testing.T) {
	t.Parallel()
	suspect := &outcome{answer: push.Answer{Status: 400}, err: &push.WakeError{Fault: push.FaultSuspect, Reason: "BadDeviceToken"}}
	taken := &outcome{answer: push.Answer{Status: 200}}
	k := sender{"a", push.APNs}
	for _, c := range []struct {
		name           string
		refused, taken int
		bad            bool
	}{
		{"one alone", 1, 0, true},
		{"nine", 9, 0, true},
		{"ten of ten", 10, 0, false},
		{"ten of twenty", 10, 10, true},
		{"eleven of twenty-one", 11, 10, false},
	} {
		s := newSenders()
		for i := range c.refused {
			s.record(t0, k, &push.Device{ID: fmt.Sprint(i)}, suspect)
		}
		for i := range c.taken {
			s.record(t0, k, &push.Device{ID: fmt.Sprint("t", i)}, taken)
		}
		if got := s.standing(k).tokenBad(t0.Add(suspectWait), "BadDeviceToken"); got != c.bad {
			t.Errorf("%s: the token is to blame %v, want %v", c.name, got, c.bad)
		}
		if !s.standing(k).tokenBad(t0.Add(suspectWait), "DeviceTokenNotForTopic") {
			t.Errorf("%s: another refusal counts as one alike", c.name)
		}
		if !s.standing(k).tokenBad(t0.Add(time.Hour), "BadDeviceToken") {
			t.Errorf("%s: an hour later the credential is still to blame", c.name)
		}
		if !s.standing(sender{"other", push.APNs}).tokenBad(t0, "BadDeviceToken") {
			t.Errorf("%s: another app is affected", c.name)
		}
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	s, k := newSenders(), sender{"a", push.FCM}
	s.record(t0, k, &push.Device{ID: "d"}, &outcome{err: &push.WakeError{Fault: push.FaultQuota, RetryAfter: time.Minute}})
	if h := s.standing(k).longest(t0.Add(59*time.Second), push.Device{}); h == nil || h.why != push.ReasonQuota {
		t.Errorf("hold %+v, want quota", h)
	}
	if h := s.standing(sender{"b", push.FCM}).longest(t0, push.Device{}); h != nil {
		t.Errorf("another app is held: %+v", h)
	}
	if h := s.standing(k).longest(t0.Add(time.Minute), push.Device{}); h != nil {
		t.Errorf("still held after its time: %+v", h)
	}
	s.forget(t0, k)
	if h, renewed := s.standing(k).longest(t0.Add(time.Second), push.Device{}), s.standing(k).renewed; h != nil || !renewed.Equal(t0) {
		t.Errorf("after new credentials: hold %+v, renewed %v; want none, %v", h, renewed, t0)
	}
}

func TestACredentialRefusedForOneKindOfDeviceHoldsNoOther(t *testing.T) {
	t.Parallel()
	ours := push.Device{ID: "ours", Environment: push.Production, BundleID: "com.example.notes"}
	second := push.Device{ID: "second", Environment: push.Production, BundleID: "com.example.second"}
	debug := push.Device{ID: "debug", Environment: push.Development, BundleID: "com.example.notes"}
	for _, c := range []struct {
		name                string
		from                push.Device
		reach               push.Reach
		ours, second, debug bool // held
	}{
		{"all in production", second, push.ReachEnvironment, true, true, false},
		{"a topic", second, push.ReachTopic, false, true, false},
		{"a developer's build", debug, push.ReachEnvironment, false, false, true},
		{"a device", second, push.ReachDevice, false, false, false},
	} {
		s, k := newSenders(), sender{"a", push.APNs}
		s.record(t0, k, &c.from, &outcome{err: &push.WakeError{Fault: push.FaultCredentials, Reach: c.reach}})
		for d, want := range map[string]struct {
			push.Device
			held bool
		}{"ours": {ours, c.ours}, "second": {second, c.second}, "debug": {debug, c.debug}} {
			if h := s.standing(k).longest(t0, want.Device); (h != nil) != want.held {
				t.Errorf("%s refused: %s is held %v, want %v", c.name, d, h != nil, want.held)
			}
		}
	}
}

func TestHoldsAreBounded(t *testing.T) {
	t.Parallel()
	s, k := newSenders(), sender{"a", push.APNs}
	refused := &outcome{err: &push.WakeError{Fault: push.FaultCredentials, Reach: push.ReachTopic}}
	for i := range 3 * maxHolds {
		s.record(t0, k, &push.Device{BundleID: fmt.Sprint(i)}, refused)
	}
	if got := len(s.standing(k).holds); got != maxHolds {
		t.Errorf("%d holds after refusals of %d topics, want %d", got, 3*maxHolds, maxHolds)
	}
	s.record(t0.Add(time.Hour), k, &push.Device{BundleID: "new"}, refused)
	if h := s.standing(k).longest(t0.Add(time.Hour), push.Device{BundleID: "new"}); h == nil {
		t.Error("a topic is not held though the other holds have ended")
	}
}

// Who waits is taken on before anybody is hired, the last one first; the end sends all away.
func TestAFewWorkersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(100, 3, time.Now)
		q.maxIdle = 2
		var mu sync.Mutex // guards took
		var took []string
		hired := 0
		q.open(func() {
			hired++
			me := fmt.Sprint("worker ", hired)
			go func() {
				wake := make(chan struct{}, 1)
				for k, ok := q.work(wake); ok; k, ok = q.work(wake) {
					mu.Lock()
					took = append(took, me)
					mu.Unlock()
					time.Sleep(time.Second)
					q.done(k)
				}
			}()
		})
		workers := func() int {
			q.mu.Lock()
			defer q.mu.Unlock()
			return q.workers
		}
		add := func(devices ...string) []string {
			mu.Lock()
			took = nil
			mu.Unlock()
			for _, d := range devices {
				q.add(push.DeviceKey{App: "a", Device: d})
			}
			time.Sleep(time.Minute)
			mu.Lock()
			defer mu.Unlock()
			return took
		}
		add("1", "2", "3", "4")
		if n := workers(); hired != 3 || n != 2 {
			t.Errorf("%d hired, %d are left; want 3, 2", hired, n)
		}
		if first, then := add("5"), add("6"); hired != 3 || !slices.Equal(first, then) {
			t.Errorf("%d hired, %v took what came, and then %v; want 3, the same one twice", hired, first, then)
		}
		q.close()
		synctest.Wait()
		if n := workers(); n != 0 {
			t.Errorf("%d workers are left once the queue was closed, want none", n)
		}
	})
}
