package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/protocol"
)

// timeline draws what became of one push, event by event.
func (p painter) timeline(o outcome) {
	if len(o.push.Deliveries) == 0 {
		return
	}
	p.title("The timeline of one of them: " + o.spec.name())
	lines := timelineLines(o.push.AcceptedAt, o.push.Deliveries[0].Events)
	p.columns(lines, func(_, x int) string {
		return []string{faint, blue, ""}[x]
	})
}

// timelineLines are a timeline's events for people: when after the 202, what, and the rest.
func timelineLines(accepted time.Time, events []protocol.Event) (lines [][]string) {
	for _, e := range events {
		var more []string
		add := func(name, value string) {
			if value != "" {
				more = append(more, name+value)
			}
		}
		add("", string(e.Reason))
		add("by ", string(e.Path))
		add("", string(e.Provider))
		if e.Status != 0 {
			add("", strconv.Itoa(e.Status))
		}
		add("", e.ProviderReason)
		add("id ", e.ProviderID)
		add("result ", string(e.Result))
		add("took ", e.Took)
		lines = append(lines, []string{
			fmt.Sprintf("%+6d ms", e.At.Sub(accepted).Milliseconds()), string(e.Event), strings.Join(more, ", ")})
	}
	return lines
}
