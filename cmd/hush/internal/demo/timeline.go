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
		row := timeline.Row(e, o.push.AcceptedAt)
		if e.ProviderID != "" {
			row[2] += ", id " + e.ProviderID
		}
		rows = append(rows, row)
	}
	p.columns(rows, func(_, x int) terminal.Color {
		return []terminal.Color{terminal.Faint, terminal.Cyan, terminal.Plain}[x]
	})
}
