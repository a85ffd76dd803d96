package demo

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hushpush/hush/push"
)

// whyNot is what people read for a reason: what kept the push from the app, and what came of it.
var whyNot = map[string]string{
	"ack_timeout":        "the socket was dead: no acknowledgement, so a wake",
	"terminated_by_user": "swiped away, iOS starts nothing; opened: once from the inbox",
	"force_stopped":      "force-stopped, Android starts nothing; opened: once from the inbox",
	"no_strategy":        "no strategy for this phone, no wake; opened: once from the inbox",
	"doze":               "dozing, FCM waits; in the next maintenance window",
}

// table draws the rows.
func (p painter) table(outcomes []outcome) {
	p.title("One push to each phone")
	lines := [][]string{{"", "platform", "state", "resource", "path", "callback", "result", "ms", "what kept it, what the log says"}}
	for _, o := range outcomes {
		r := o.row
		mark, note := "✓", whyNot[r.Reason]
		if o.err != nil {
			mark, note = "✗", o.err.Error()
		} else if note == "" {
			note = r.Reason
		}
		if r.Log != "" {
			note = "log: " + r.Log
		}
		lines = append(lines, []string{mark, r.Platform, r.State, r.Resource, string(r.Path), r.Callback, string(r.Result), strconv.FormatInt(r.MS, 10), note})
	}
	p.columns(lines, func(y, x int) string {
		switch {
		case y == 0:
			return faint
		case x == 0 && outcomes[y-1].err != nil:
			return red
		case x == 0:
			return green
		case x == 4:
			return blue
		case x == 8:
			return faint
		}
		return ""
	})
}

// summary says how it went.
func (p painter) summary(rows, unexpected int, took time.Duration) {
	if unexpected > 0 {
		p.line("\n%s", p.paint(red, fmt.Sprintf("%d of %d rows are not as expected (%s).", unexpected, rows, took.Round(100*time.Millisecond))))
		return
	}
	p.line("\n%s (%s): each handler completed exactly once, by its app's own record.",
		p.paint(green, fmt.Sprintf("All %d rows are as expected", rows)), took.Round(100*time.Millisecond))
}

// example is the push whose timeline is shown: one that took more than one way.
func example(outcomes []outcome) outcome {
	for _, o := range outcomes {
		if o.row.Reason == string(push.ReasonAckTimeout) {
			return o
		}
	}
	return outcomes[0]
}
