package demo

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// whyNot is what people read for a reason: what kept the push from the app, and what came of it.
var whyNot = map[string]string{
	"ack_timeout":        "the socket was dead: no acknowledgement, so a wake",
	"terminated_by_user": "swiped away: iOS starts nothing; once opened, from the inbox",
	"force_stopped":      "force-stopped: nothing starts it; once opened, from the inbox",
	"no_strategy":        "no strategy for this phone, so no wake; once opened, from the inbox",
	"doze":               "dozing: FCM waits; given in the next maintenance window",
}

// stillWaits is the same for a push whose phone is left as it is.
var stillWaits = map[string]string{
	"terminated_by_user": "swiped away: iOS starts nothing until the app is opened",
}

// The columns of the table. A terminal that is too narrow for all gets the later ones in a line of their own.
const (
	columnMark = iota
	columnState
	columnPath
	columnCallback
	columnMS
	columnResource // of a story there is none: all have the same
	columnsOfTable

	columnsOfFirstLine = columnPath
)

// table draws the rows, each platform's under a heading, and below them what kept their pushes or what the log says, once
// for neighbours of whom the same is to be said.
func (p painter) table(outcomes []outcome, story bool) {
	shown := columnsOfTable
	if story {
		shown = columnResource
	}
	p.title("One push to each phone")
	var cells [][]string
	var of []*outcome // whose cells they are; nil: a heading
	platform := phonetest.Platform("")
	for i := range outcomes {
		o := &outcomes[i]
		if o.spec.platform != platform {
			platform = o.spec.platform
			cells, of = append(cells, heading(platform)[:shown]), append(of, nil)
		}
		cells, of = append(cells, o.cells()[:shown]), append(of, o)
	}
	lines := p.tableLines(cells, func(y, x int) terminal.Color { return tableColor(of[y], x) })
	for y, l := range lines {
		if of[y] == nil && y > 0 {
			p.line("")
		}
		p.line("%s", l)
		if remark := of[y].remark(); remark != "" && (y == len(of)-1 || remark != of[y+1].remark()) {
			p.fold(remarkIndent, terminal.Faint, remark)
		}
	}
}

// remarkIndent is where a remark begins: below the state, a little to the right.
const remarkIndent = 7

// tableLines returns a line for each row, or two where the width asks for it.
func (p painter) tableLines(cells [][]string, color coloring) []string {
	if spread(terminal.Widths(cells)) <= p.width {
		return p.align(cells, color)
	}
	first, second := make([][]string, len(cells)), make([][]string, len(cells))
	for y, c := range cells {
		first[y], second[y] = c[:columnsOfFirstLine], c[columnsOfFirstLine:]
	}
	lines := p.align(first, color)
	for y, l := range p.align(second, func(y, x int) terminal.Color { return color(y, x+columnsOfFirstLine) }) {
		lines[y] += "\n   " + l
	}
	return lines
}

func heading(p phonetest.Platform) []string {
	name := map[phonetest.Platform]string{phonetest.IOS: "iOS", phonetest.Android: "Android"}[p]
	return []string{"", name, "path", "handler that ran", "  ms", "resource"}
}

// cells returns an outcome's line in the table.
func (o *outcome) cells() []string {
	mark, callback, ms := "✓", o.row.Callback, fmt.Sprintf("%4s", strconv.FormatInt(o.row.MS, 10))
	switch {
	case o.err != nil:
		mark = "✗"
	case o.spec.left:
		mark, callback, ms = "○", "none yet: waiting", ""
	}
	cells := make([]string, columnsOfTable)
	cells[columnMark], cells[columnState], cells[columnResource] = mark, o.row.State, o.row.Resource
	cells[columnPath], cells[columnCallback], cells[columnMS] = string(o.row.Path), callback, ms
	return cells
}

// remark returns what there is to say of an outcome beyond its cells; "" for a heading.
func (o *outcome) remark() string {
	switch {
	case o == nil:
		return ""
	case o.err != nil:
		return o.err.Error()
	case o.spec.left:
		return stillWaits[o.row.Reason]
	case o.row.Log != "":
		return "log: " + o.row.Log
	case whyNot[o.row.Reason] != "":
		return whyNot[o.row.Reason]
	}
	return o.row.Reason
}

func tableColor(o *outcome, column int) terminal.Color {
	switch {
	case o == nil && column == columnState:
		return terminal.Bold
	case o == nil:
		return terminal.Faint
	case column == columnMark && o.err != nil:
		return terminal.Red
	case column == columnMark && o.spec.left, column == columnCallback && o.spec.left:
		return terminal.Yellow
	case column == columnMark:
		return terminal.Green
	case column == columnPath:
		return terminal.Cyan
	}
	return terminal.Plain
}

// summary says how it went.
func (p painter) summary(outcomes []outcome, unexpected int, took time.Duration) {
	p.line("")
	took = took.Round(100 * time.Millisecond)
	if unexpected > 0 {
		p.fold(0, terminal.Red, fmt.Sprintf("%d of %d rows are not as expected (%s).", unexpected, len(outcomes), took))
		return
	}
	p.fold(0, terminal.Green, fmt.Sprintf("All %d rows are as expected (%s).", len(outcomes), took))
	p.fold(0, terminal.Plain, "Each handler completed exactly once, by its app's own record.")
	if slices.ContainsFunc(outcomes, func(o outcome) bool { return o.spec.left }) {
		p.fold(0, terminal.Yellow, "One push still waits; it is kept on disk until its phone handles it.")
	}
}

// example returns the push whose timeline is shown: one that took more than one way.
func example(outcomes []outcome) outcome {
	for _, o := range outcomes {
		if o.row.Reason == string(push.ReasonAckTimeout) {
			return o
		}
	}
	return outcomes[0]
}
