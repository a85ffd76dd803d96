package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// painter writes for people: with colours on a terminal, plain text elsewhere.
type painter struct {
	out   io.Writer
	color bool
}

// The colours, as terminals number them (ECMA-48, SGR).
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
	blue  = "36"
)

func (p painter) paint(color, s string) string {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (p painter) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p painter) title(s string) { p.line("\n%s", p.paint(bold, s)) }

// columns writes rows with their columns in step. style paints a cell; its width does not count.
func (p painter) columns(rows [][]string, style func(row, column int) string) {
	var width []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for y, r := range rows {
		var b strings.Builder
		for x, cell := range r {
			pad := strings.Repeat(" ", width[x]-utf8.RuneCountInString(cell)+2)
			b.WriteString(p.paint(style(y, x), cell))
			b.WriteString(pad)
		}
		p.line("  %s", strings.TrimRight(b.String(), " "))
	}
}

// progress tells what happens while it happens, a line at a time.
type progress struct {
	out io.Writer

	mu   sync.Mutex
	done int // guarded by mu
}

func (p *progress) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// row tells that one is done.
func (p *progress) row(o outcome, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	what := fmt.Sprintf("%s by %s in %d ms", o.row.Result, o.row.Path, o.row.MS)
	if o.err != nil {
		what = "not as expected"
	}
	fmt.Fprintf(p.out, "[%2d/%d] %-7s %-22s %-8s  %s\n", p.done, of, o.spec.platform, o.spec.state, o.spec.resource, what)
}

// complain tells what is wrong with a row, and all that is known of it.
func (p *progress) complain(o outcome) {
	p.line("\n%s is not as expected: %v", o.spec.name(), o.err)
	for _, d := range o.push.Deliveries {
		for _, e := range timelineLines(o.push.AcceptedAt, d.Events) {
			p.line("  %s", strings.Join(e, "  "))
		}
	}
	if o.device != nil {
		p.line("%s", strings.TrimRight(o.device.History(), "\n"))
	}
}
