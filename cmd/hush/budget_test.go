package main

import (
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestWhatWaitsForABudgetSaysForWhichAndUntilWhen(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(time.Minute).Local()
	next := terminal.MomentNear(at, time.Now())
	b := &protocol.BudgetWait{Limit: push.LimitWakes, Wakes: 3, Per: "1h0m0s", Seen: 3, NextAt: at.UTC()}
	d := protocol.Delivery{DeviceID: "d", State: push.Waiting, Reason: push.ReasonBudget, Budget: b}
	out := timeline.Text(protocol.Push{PushID: aPush, Deliveries: []protocol.Delivery{d}}, terminal.Style{})
	for _, want := range []string{"waiting (budget: 3 of 3 wakes in 1h, next at " + next + ")", "docs/testing.md"} {
		if !strings.Contains(out, want) {
			t.Errorf("printed\n%s\nwant in it %q", out, want)
		}
	}
	b.Per = "8m34.285714285s" // the burst of seven wakes an hour
	if got := timeline.BudgetWait(b); !strings.HasPrefix(got, ": 3 of 3 wakes in 8m34s, next at ") {
		t.Errorf("printed %q; want a time that people read", got)
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)
	if got := terminal.MomentNear(noon.AddDate(0, 0, 1), noon); got != "2026-01-03 12:00:00" {
		t.Errorf("tomorrow is %q; want the day too", got)
	}
	if got := terminal.MomentNear(noon, noon); got != "12:00:00" {
		t.Errorf("today is %q; want the time alone", got)
	}
}
