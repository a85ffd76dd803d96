package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
)

// painter writes for people: with colours on a terminal, plain text elsewhere.
type painter struct {
	terminal.Style
	out   io.Writer
	width int // columns that a line may have
}

// columns is how wide a terminal is unless it is known, and the most that is used of a wider one.
const columns = 80

// storyColumns are the most that a story uses: its picture in the README is to be read on a phone, too.
const storyColumns = 70

// newPainter returns the painter of what Run writes on its output.
func newPainter(o Options) painter {
	p := painter{Style: terminal.Style{Colored: o.Color}, out: o.Out, width: columns}
	if o.Story {
		p.width = storyColumns
	}
	if o.Width > 0 {
		p.width = min(p.width, o.Width)
	}
	return p
}

func (p painter) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p painter) title(s string) { p.line("\n%s", p.Bold(s)) }

// fold writes text in lines that fit, each indented and in one colour.
func (p painter) fold(indent int, color terminal.Color, text string) {
	for _, l := range terminal.Fold(text, p.width-indent) {
		p.line("%s%s", strings.Repeat(" ", indent), p.Paint(color, l))
	}
}

// spread returns how wide a line of such columns is.
func spread(widths []int) int {
	sum := 0
	for _, w := range widths {
		sum += len(terminal.Gap) + w
	}
	return sum
}

// coloring returns the colour of a cell.
type coloring func(row, column int) terminal.Color

// align returns an indented line for each row, with the columns in step.
func (p painter) align(rows [][]string, color coloring) []string {
	lines := terminal.Columns(rows, func(row, column int, cell string) string { return p.Paint(color(row, column), cell) })
	for i := range lines {
		lines[i] = terminal.Gap + lines[i]
	}
	return lines
}

// columns writes rows with their columns in step. The last column is folded where a line has no room for it.
func (p painter) columns(rows [][]string, color coloring) {
	before := terminal.Widths(rows)
	before = before[:len(before)-1]
	room := max(p.width-spread(before)-len(terminal.Gap), columns/4)
	var folded [][]string
	var from []int // the row that a folded one belongs to
	for y, r := range rows {
		lines := terminal.Fold(r[len(r)-1], room)
		for i, l := range lines {
			row := make([]string, len(r))
			if i == 0 {
				copy(row, r)
			}
			row[len(r)-1] = l
			folded, from = append(folded, row), append(from, y)
		}
	}
	for _, l := range p.align(folded, func(y, x int) terminal.Color { return color(from[y], x) }) {
		p.line("%s", l)
	}
}

// progress reports what happens while it happens, a line at a time.
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

// row reports that a row is done.
func (p *progress) row(o outcome, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	what := fmt.Sprintf("by %s in %d ms", o.row.Path, o.row.MS)
	switch {
	case o.err != nil:
		what = "not as expected"
	case o.spec.left:
		what = "waits"
	}
	fmt.Fprintf(p.out, "[%2d/%d] %-7s %-22s %-8s  %s\n", p.done, of, o.spec.platform, o.spec.state, o.spec.resource, what)
}

// complain reports what is wrong with a row, and all that is known of it.
func (p *progress) complain(o outcome) {
	p.line("\n%s is not as expected: %v", o.spec.name(), o.err)
	for _, d := range o.push.Deliveries {
		p.line("  %s", strings.Join(timeline.Delivery(d, o.push.AcceptedAt, terminal.Style{}), "\n  "))
	}
	if o.device != nil {
		p.line("%s", strings.TrimRight(o.device.History(), "\n"))
	}
}
