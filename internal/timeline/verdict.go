package timeline

import (
	"fmt"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Tally returns how many deliveries a push has, and how many of them were handled and are final. Where the answer does not
// have all of them, the server's counts are taken.
func Tally(p protocol.Push) (all, handled, final int) {
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

// Verdict returns the sum of a push in a line.
func Verdict(p protocol.Push, s terminal.Style) string {
	all, handled, final := Tally(p)
	text := fmt.Sprintf("handled on %d of %d", handled, all)
	switch {
	case len(p.Warnings) > 0:
		return s.Bad(WhyNobody(p.Warnings[0]))
	case !p.Final && all == 0 && p.DeliverAt != nil && p.DeliverAt.After(time.Now()):
		return s.Open("waits for its time, " + terminal.Moment(*p.DeliverAt) + "; its devices are looked up then")
	case !p.Final && all == 0:
		return s.Open("its devices are being looked up")
	case !p.Final && all == final:
		return s.Open(text + ", more to be made")
	case !p.Final:
		return s.Open(fmt.Sprintf("%s, %d not final yet", text, all-final))
	case all == 0:
		return s.Bad("nobody got it")
	case handled == all:
		return s.Good(text)
	}
	return s.Bad(text)
}

// WhyNobody returns why nobody gets a push.
func WhyNobody(w protocol.Warning) string {
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
	return terminal.Clean(string(w.Code))
}

// AboutBudgets says where to read on when something waits for a budget.
const AboutBudgets = "To try budgets without waiting: docs/testing.md, “Budgets without waiting”."

// BudgetWait returns what follows the reason of a delivery that waits for a budget; "" for any other.
func BudgetWait(b *protocol.BudgetWait) string {
	if b == nil {
		return ""
	}
	per := b.Per
	if d, err := time.ParseDuration(per); err == nil {
		per = push.AboutDuration(d)
	}
	return fmt.Sprintf(": %d of %d wakes in %s, next at %s", b.Seen, b.Wakes, per, terminal.MomentNear(b.NextAt, time.Now()))
}
