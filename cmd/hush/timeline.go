package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// drawPush is the heading of a push's timeline.
func drawPush(p protocol.Push, s style) []string {
	lines := []string{s.bold("push "+clean(p.PushID)) + "  resource " + clean(p.ResourceID)}
	times := "accepted " + moment(p.AcceptedAt)
	if p.DeliverAt != nil {
		times += ", for " + moment(*p.DeliverAt)
	}
	return append(lines, s.faint(times+", expires "+moment(p.ExpiresAt)))
}

// drawDelivery is one device's part: a heading with how it stands, then a line per event, with times since the push was
// accepted.
func drawDelivery(d protocol.Delivery, accepted time.Time, s style) []string {
	lines := []string{drawStanding(d, s)}
	for i, e := range d.Events {
		lines = append(lines, drawEvent(e, accepted, i == len(d.Events)-1 && d.State.Final(), s))
	}
	return lines
}

func drawStanding(d protocol.Delivery, s style) string {
	mark, paint := "○", s.open
	switch {
	case d.State == push.Handled:
		mark, paint = "✔", s.good
	case d.State.Final():
		mark, paint = "✘", s.bad
	}
	return fmt.Sprintf("%s %s  %s", paint(mark), drawTarget(d, s), paint(standing(d)))
}

// drawTarget names a delivery's device and its user.
func drawTarget(d protocol.Delivery, s style) string {
	switch {
	case d.DeviceID == "" && !begun(d):
		return s.bold(clean(d.User))
	case d.DeviceID == "":
		return s.bold(clean(d.User)) + s.faint(" (no device yet)")
	case d.User == "":
		return s.bold(clean(d.DeviceID))
	}
	return s.bold(clean(d.DeviceID)) + s.faint(" of "+clean(d.User))
}

// begun tells whether the time of a delivery's push has come. Before that nobody has looked for its user's devices.
func begun(d protocol.Delivery) bool {
	return slices.ContainsFunc(d.Events, func(e protocol.Event) bool {
		return e.Event != push.EventName(push.Scheduled) && e.Event != push.EventName(push.Cancelled)
	})
}

// standing is a delivery's state with what explains it.
func standing(d protocol.Delivery) string {
	words := []string{string(d.State)}
	if d.Result != "" {
		words = append(words, string(d.Result))
	}
	if d.Reason != "" {
		words = append(words, "("+string(d.Reason)+budgetWait(d.Budget)+")")
	}
	if d.Path != "" {
		words = append(words, "by "+string(d.Path))
	}
	return clean(strings.Join(words, " "))
}

// aboutBudgets says where to read on, where something waits for a budget.
const aboutBudgets = "To try budgets without waiting: docs/testing.md, “Budgets without waiting”."

// budgetWait is what a budget waits for, behind the reason.
func budgetWait(b *protocol.BudgetWait) string {
	if b == nil {
		return ""
	}
	per := b.Per
	if d, err := time.ParseDuration(per); err == nil {
		per = push.AboutDuration(d)
	}
	return fmt.Sprintf(": %d of %d wakes in %s, next at %s", b.Seen, b.Wakes, per, clockTime(b.NextAt, time.Now()))
}

// clockTime is a moment near now: the day is said where it is another one.
func clockTime(t, now time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return moment(t)
}

func drawEvent(e protocol.Event, accepted time.Time, last bool, s style) string {
	rail := "│"
	if last {
		rail = "╰"
	}
	text := fmt.Sprintf("%10s  %-14s %s", since(accepted, e.At), e.Event, eventDetails(e))
	return s.faint(rail) + " " + strings.TrimRight(clean(text), " ")
}

// since is the time from the accepting to an event, as fine as matters.
func since(accepted, at time.Time) string {
	d := at.Sub(accepted)
	switch {
	case d < 0:
		return "+0.000s"
	case d < time.Minute:
		return fmt.Sprintf("+%.3fs", d.Seconds())
	}
	return "+" + d.Round(time.Second).String()
}

func eventDetails(e protocol.Event) string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if e.Provider != "" {
		add("%s", e.Provider)
	}
	if e.Count > 0 {
		add("%d events", e.Count)
	}
	if e.Attempt > 1 {
		add("try %d", e.Attempt)
	}
	if e.Error != push.FailureNone {
		add("%s", e.Error)
	}
	if e.Status != 0 {
		add("%d", e.Status)
	}
	if e.ProviderReason != "" {
		add("%s", e.ProviderReason)
	}
	if e.Fault != "" {
		add("(fault: %s)", e.Fault)
	}
	if e.Unclear {
		add("(unclear: it may have arrived)")
	}
	if e.Result != "" {
		add("%s", e.Result)
	}
	if e.Path != "" && string(e.Path) != string(e.Provider) {
		add("by %s", e.Path)
	}
	if e.Took != "" {
		add("in %s", e.Took)
	}
	if e.Reason != "" {
		add("%s", e.Reason)
	}
	if e.Detail != "" {
		add("“%s”", e.Detail)
	}
	return strings.Join(words, " ")
}

// tally is how many deliveries a push has, and how many of them were handled and are final. Where not all of them are shown,
// the server's counts tell.
func tally(p protocol.Push) (all, handled, final int) {
	counted := 0
	for _, n := range p.Counts {
		counted += n
	}
	counts := p.Counts
	if counted <= len(p.Deliveries) {
		counts = map[push.State]int{}
		for _, d := range p.Deliveries {
			counts[d.State]++
		}
	}
	for state, n := range counts {
		all += n
		if state.Final() {
			final += n
		}
	}
	return all, counts[push.Handled], final
}

// verdict sums a push up.
func verdict(p protocol.Push, s style) string {
	all, handled, final := tally(p)
	text := fmt.Sprintf("handled on %d of %d", handled, all)
	switch {
	case len(p.Warnings) > 0:
		return s.bad(whyNobody(p.Warnings[0]))
	case !p.Final && all == 0 && p.DeliverAt != nil && p.DeliverAt.After(time.Now()):
		return s.open("waits for its time, " + moment(*p.DeliverAt) + "; its devices are looked up then")
	case !p.Final && all == 0:
		return s.open("its devices are being looked up")
	case !p.Final && all == final:
		return s.open(text + ", more to be made")
	case !p.Final:
		return s.open(fmt.Sprintf("%s, %d not final yet", text, all-final))
	case all == 0:
		return s.bad("nobody got it")
	case handled == all:
		return s.good(text)
	}
	return s.bad(text)
}

// whyNobody says why nobody gets a push.
func whyNobody(w protocol.Warning) string {
	switch w.Code {
	case push.CancelledBeforeItBegan:
		return "cancelled before it began"
	case push.NobodyHasTheTags:
		return "nobody gets it: no user with a device had the tags when its time came"
	case push.NoDevices:
		return "nobody gets it: the app had no device when its time came"
	case push.DevicesGone:
		return "nobody gets it: none of its devices was registered any more when its time came"
	}
	return clean(string(w.Code))
}

// handledEverywhere tells whether every delivery ended as it should. A push that nobody got was handled nowhere.
func handledEverywhere(p protocol.Push) bool {
	all, handled, _ := tally(p)
	return all > 0 && handled == all
}
