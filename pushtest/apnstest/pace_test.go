package apnstest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// order returns the numbers n of the payloads that a phone got.
func (i *inbox) order() (ns []string) {
	for _, n := range i.all() {
		ns = append(ns, string(n.Payload))
	}
	return ns
}

// numbered sends payloads with these numbers, one after the other.
func (w *world) numbered(from, to int) {
	w.t.Helper()
	for n := from; n <= to; n++ {
		w.send(body(fmt.Sprint(n))).mustBe(w.t, 200, "", fmt.Sprint("number ", n))
	}
}

func TestNotificationsMayOvertakeEachOther(t *testing.T) {
	t.Parallel()
	w, phone := setup(t, apnstest.Set("deliver.overtaken", "1")), &inbox{}
	w.StopClock()
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
	w.numbered(1, 5)
	if got, want := phone.order(), []string{"2", "1", "4", "3"}; !slices.Equal(got, want) {
		t.Errorf("the phone got %v, want %v and the fifth held", got, want)
	}
	w.Advance(time.Second)
	if got, want := phone.order(), []string{"2", "1", "4", "3", "5"}; !slices.Equal(got, want) {
		t.Errorf("a second later the phone has %v, want %v", got, want)
	}
}

func TestWhichNotificationsAreOvertakenDependsOnTheSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []string {
		w, phone := setup(t, apnstest.Seed(seed), apnstest.Set("deliver.overtaken", "0.3"), apnstest.Set("payload.json", "accept"),
			apnstest.Set("notifications.off", "deliver")), &inbox{}
		w.StopClock()
		w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
		w.numbered(1, 20)
		w.Advance(time.Minute)
		return phone.order()
	}
	first, again, other := run(5), run(5), run(6)
	if !slices.Equal(first, again) || slices.Equal(first, other) || slices.IsSorted(first) {
		t.Errorf("seed 5: %v, then %v; seed 6: %v", first, again, other)
	}
}

func TestLowPriorityMayComeInBursts(t *testing.T) {
	t.Parallel()
	w, phone := setup(t, apnstest.Set("deliver.bursts", "10m")), &inbox{}
	w.StopClock()
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
	w.send(body("5")).mustBe(t, 200, "", "priority 5")
	if got := w.outcome(1); got != "throttled" {
		t.Errorf("priority 5 is %s, want it to wait for the burst", got)
	}
	w.send(header("apns-priority", "10"), header("apns-push-type", "alert"), body("10")).mustBe(t, 200, "", "priority 10")
	w.Advance(10 * time.Minute)
	if got, want := phone.order(), []string{"10", "5"}; !slices.Equal(got, want) {
		t.Errorf("the phone got %v, want %v", got, want)
	}
}
