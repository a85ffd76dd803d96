package push

import (
	"slices"
	"testing"
	"time"
)

// possible says again, by hand and the other way round, which states may come before each: the table and this list were
// written apart, so that a slip in one shows.
var possible = map[State][]State{
	Scheduled:     {},
	Waiting:       {Scheduled, Waiting, Sent, Received},
	Sent:          {Waiting, Sent},
	Received:      {Waiting, Sent, Received},
	Handled:       {Waiting, Sent, Received},
	Expired:       {Scheduled, Waiting, Sent, Received},
	Cancelled:     {Scheduled, Waiting, Sent, Received},
	Superseded:    {Scheduled, Waiting, Sent, Received},
	Undeliverable: {Scheduled, Waiting, Sent, Received},
}

func TestNoOtherChangeOfStateIsPossible(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, from := range States() {
		for _, to := range States() {
			want := slices.Contains(possible[to], from)
			if got := from.MayFollow(to); got != want {
				t.Errorf("%s.MayFollow(%s) = %v, want %v", from, to, got, want)
			}
			c := Delivery{State: from, Reason: ReasonRetry}.To(now, to, ReasonTTL)
			if moved := len(c.Events) > 0; moved != want {
				t.Errorf("a delivery that is %s, sent to %s: moved %v, want %v", from, to, moved, want)
			}
			if !want && c.Delivery.State != from {
				t.Errorf("a delivery that is %s, sent to %s: is %s", from, to, c.Delivery.State)
			}
		}
	}
}

func TestFinalStatesAreThoseOfTheDesign(t *testing.T) {
	t.Parallel()
	final := []State{Handled, Expired, Cancelled, Superseded, Undeliverable}
	for _, s := range States() {
		if got, want := s.Final(), slices.Contains(final, s); got != want {
			t.Errorf("%s.Final() = %v, want %v", s, got, want)
		}
	}
}

func TestAFinalStateSetsItsTimeAndOpenOnesDoNot(t *testing.T) {
	t.Parallel()
	now := time.Now()
	d := Delivery{State: Sent, DueAt: now.Add(time.Hour)}
	if c := d.To(now, Expired, ReasonTTL); !c.Delivery.FinalAt.Equal(now) || !c.Delivery.DueAt.IsZero() {
		t.Errorf("expired: final at %v, due at %v; want %v and never", c.Delivery.FinalAt, c.Delivery.DueAt, now)
	}
	if c := d.To(now, Waiting, ReasonBudget); !c.Delivery.FinalAt.IsZero() {
		t.Errorf("waiting: final at %v, want never", c.Delivery.FinalAt)
	}
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name   string
		was    State
		r      Receipt
		want   State
		events []EventName
	}{
		{"received", Sent, Receipt{Event: ReceiptReceived, Path: PathSession}, Received, []EventName{"received"}},
		{"received again", Received, Receipt{Event: ReceiptReceived, Path: PathAPNs}, Received, nil},
		{"handled without received", Waiting, Receipt{Event: ReceiptHandled, Result: NoData, Path: PathInbox}, Handled, []EventName{"handled"}},
		{"handled", Received, Receipt{Event: ReceiptHandled, Result: NewData, Path: PathAPNs}, Handled, []EventName{"handled"}},
		{"handled again", Handled, Receipt{Event: ReceiptHandled, Result: NewData, Path: PathAPNs}, Handled, nil},
		{"handled too late", Expired, Receipt{Event: ReceiptHandled, Result: NewData, Path: PathAPNs}, Expired, []EventName{"handled_late"}},
		{"received too late", Cancelled, Receipt{Event: ReceiptReceived, Path: PathAPNs}, Cancelled, nil},
		{"crashed", Received, Receipt{Event: ReceiptCrashed, Path: PathFCM}, Undeliverable, []EventName{"undeliverable"}},
	} {
		got := Delivery{State: c.was, Result: "as it was"}.Receive(now, IOS, c.r)
		var names []EventName
		for _, e := range got.Events {
			names = append(names, e.Event)
		}
		if got.Delivery.State != c.want || !slices.Equal(names, c.events) {
			t.Errorf("%s: %s with events %v; want %s with %v", c.name, got.Delivery.State, names, c.want, c.events)
		}
	}
}

func TestAResultThatComesTooLateIsNotedOnce(t *testing.T) {
	t.Parallel()
	d := Delivery{State: Cancelled}
	noted := 0
	for range 3 {
		for _, result := range []Result{NewData, NoData, Failed} {
			c := d.Receive(time.Now(), IOS, Receipt{Event: ReceiptHandled, Result: result, Path: PathInbox})
			d, noted = c.Delivery, noted+len(c.Events)
		}
	}
	if noted != 3 {
		t.Errorf("%d events of 9 late receipts with 3 results; want one for each result", noted)
	}
}

func TestTheTimeForAResultIsThePlatforms(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for platform, least := range map[Platform]time.Duration{IOS: 30 * time.Second, Android: 20 * time.Second} {
		c := Delivery{State: Sent}.Receive(now, platform, Receipt{Event: ReceiptReceived, Path: PathSession})
		if got := c.Delivery.DueAt.Sub(now); got < least || got > least+5*time.Second {
			t.Errorf("%s: looked at again after %s; want %s and a little", platform, got, least)
		}
	}
}
