package demo

import (
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
)

// timeline draws what became of one push, event by event.
func (p painter) timeline(o outcome) {
	if len(o.push.Deliveries) == 0 {
		return
	}
	p.title("The timeline of one of them: " + o.spec.name())
	var rows [][]string
	for _, e := range o.push.Deliveries[0].Events {
		details := timeline.Details(e)
		if e.ProviderID != "" {
			details += ", id " + e.ProviderID
		}
		rows = append(rows, []string{timeline.Since(o.push.AcceptedAt, e.At), string(e.Event), details})
	}
	p.columns(rows, func(_, x int) terminal.Color {
		return []terminal.Color{terminal.Faint, terminal.Cyan, terminal.Plain}[x]
	})
}
