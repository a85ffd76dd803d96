// Package timeline draws the timelines of pushes for people. hush trace, the demo and the test kit all show the same words.
package timeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Text returns the timeline of a push, all of its deliveries and its verdict.
func Text(p protocol.Push, s terminal.Style) string {
	lines := Heading(p, s)
	for _, d := range p.Deliveries {
		lines = append(lines, "")
		lines = append(lines, Delivery(d, p.AcceptedAt, s)...)
	}
	lines = append(lines, "", Verdict(p, s))
	if slices.ContainsFunc(p.Deliveries, func(d protocol.Delivery) bool { return d.Budget != nil }) {
		lines = append(lines, s.Faint(AboutBudgets))
	}
	return strings.Join(lines, "\n") + "\n"
}

// Heading returns the lines that name a push.
func Heading(p protocol.Push, s terminal.Style) []string {
	times := "accepted " + terminal.Moment(p.AcceptedAt)
	if p.DeliverAt != nil {
		times += ", for " + terminal.Moment(*p.DeliverAt)
	}
	return []string{
		s.Bold("push "+terminal.Clean(p.PushID)) + "  resource " + terminal.Clean(p.ResourceID),
		s.Faint(times + ", expires " + terminal.Moment(p.ExpiresAt)),
	}
}

// Delivery returns how a delivery stands, and then a line for each of its events.
func Delivery(d protocol.Delivery, accepted time.Time, s terminal.Style) []string {
	lines := []string{Standing(d, s)}
	for i := range d.Events {
		lines = append(lines, Event(d, i, accepted, s))
	}
	return lines
}

// Standing returns how a delivery stands, in a line.
func Standing(d protocol.Delivery, s terminal.Style) string {
	mark := "○"
	switch {
	case d.State == push.Handled:
		mark = "✔"
	case d.State.Final():
		mark = "✘"
	}
	words := []string{string(d.State)}
	if d.Result != "" {
		words = append(words, string(d.Result))
	}
	if d.Reason != "" {
		words = append(words, "("+string(d.Reason)+BudgetWait(d.Budget)+")")
	}
	if d.Path != "" {
		words = append(words, "by "+string(d.Path))
	}
	paint := colorOf(d.State)
	return fmt.Sprintf("%s %s  %s", s.Paint(paint, mark), Target(d, s), s.Paint(paint, terminal.Clean(strings.Join(words, " "))))
}

// colorOf returns the colour of a state.
func colorOf(state push.State) terminal.Color {
	switch {
	case state == push.Handled:
		return terminal.Green
	case state.Final():
		return terminal.Red
	}
	return terminal.Yellow
}

// State paints text in the colour of a state.
func State(state push.State, text string, s terminal.Style) string {
	return s.Paint(colorOf(state), text)
}

// Target names a delivery's device and its user.
func Target(d protocol.Delivery, s terminal.Style) string {
	switch {
	case d.DeviceID == "" && !begun(d):
		return s.Bold(terminal.Clean(d.User))
	case d.DeviceID == "":
		return s.Bold(terminal.Clean(d.User)) + s.Faint(" (no device yet)")
	case d.User == "":
		return s.Bold(terminal.Clean(d.DeviceID))
	}
	return s.Bold(terminal.Clean(d.DeviceID)) + s.Faint(" of "+terminal.Clean(d.User))
}

// begun reports whether the time of a delivery's push has come. Before that nobody has looked for its user's devices.
func begun(d protocol.Delivery) bool {
	return slices.ContainsFunc(d.Events, func(e protocol.Event) bool {
		return e.Event != push.EventName(push.Scheduled) && e.Event != push.EventName(push.Cancelled)
	})
}

// Event returns the line of a delivery's event i, with the time since its push was accepted.
func Event(d protocol.Delivery, i int, accepted time.Time, s terminal.Style) string {
	rail := "│"
	if i == len(d.Events)-1 && d.State.Final() {
		rail = "╰"
	}
	row := Row(d.Events[i], accepted)
	text := fmt.Sprintf("%10s  %-14s %s", row[0], row[1], row[2])
	return s.Faint(rail) + " " + strings.TrimRight(terminal.Clean(text), " ")
}

// Row returns the columns of an event: the time since its push was accepted, its name, and its details.
func Row(e protocol.Event, accepted time.Time) []string {
	return []string{Since(accepted, e.At), string(e.Event), Details(e)}
}

// Since returns the time from accepting a push to an event, no finer than matters.
func Since(accepted, at time.Time) string {
	d := at.Sub(accepted)
	switch {
	case d < 0:
		return "+0.000s"
	case d < time.Minute:
		return fmt.Sprintf("+%.3fs", d.Seconds())
	}
	return "+" + d.Round(time.Second).String()
}

// Details returns what an event says besides its name and its time.
func Details(e protocol.Event) string {
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
