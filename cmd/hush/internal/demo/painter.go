package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/hushpush/hush/internal/terminal"
)

// painter writes for people: with colours on a terminal, plain text elsewhere.
type painter struct {
	out   io.Writer
	color bool
	width int // columns that a line may have
}

// columns is how wide a terminal is unless it is known, and the most that is used of a wider one.
const columns = 80

// storyColumns are the most that a story uses: its picture in the README is to be read on a phone, too.
const storyColumns = 70

// newPainter returns the painter of what Run writes on its output.
func newPainter(o Options) painter {
	p := painter{out: o.Out, color: o.Color, width: columns}
	if o.Story {
		p.width = storyColumns
	}
	if o.Width > 0 {
		p.width = min(p.width, o.Width)
	}
	return p
}

// The colours, as terminals number them (ECMA-48, SGR).
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "36"
)

func (p painter) paint(color, s string) string {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (p painter) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p painter) title(s string) { p.line("\n%s", p.paint(bold, s)) }

// fold writes text in lines that fit, each indented and in one colour.
func (p painter) fold(indent int, color, text string) {
	for _, l := range terminal.Fold(text, p.width-indent) {
		p.line("%s%s", strings.Repeat(" ", indent), p.paint(color, l))
	}
}

// gap is what stands between two columns.
const gap = "  "

// widths returns the columns' widths: of each the widest cell.
func widths(rows [][]string) (of []int) {
	for _, r := range rows {
		for i, cell := range r {
			if i == len(of) {
				of = append(of, 0)
			}
			of[i] = max(of[i], terminal.Cells(cell))
		}
	}
	return of
}

// spread returns how wide a line of such columns is.
func spread(widths []int) int {
	sum := 0
	for _, w := range widths {
		sum += len(gap) + w
	}
	return sum
}

// align returns a line for each row, with the columns in step. style paints a cell; its colour takes no room.
func (p painter) align(rows [][]string, style func(row, column int) string) (lines []string) {
	width := widths(rows)
	for y, r := range rows {
		var b strings.Builder
		pad := 0
		for x, cell := range r {
			if cell != "" {
				b.WriteString(strings.Repeat(" ", pad) + gap + p.paint(style(y, x), cell))
				pad = 0
			} else {
				pad += len(gap)
			}
			pad += width[x] - terminal.Cells(cell)
		}
		lines = append(lines, b.String())
	}
	return lines
}

// columns writes rows with their columns in step. The last column is folded where a line has no room for it.
func (p painter) columns(rows [][]string, style func(row, column int) string) {
	before := widths(rows)
	before = before[:len(before)-1]
	room := max(p.width-spread(before)-len(gap), columns/4)
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
	for _, l := range p.align(folded, func(y, x int) string { return style(from[y], x) }) {
		p.line("%s", l)
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
	what := fmt.Sprintf("by %s in %d ms", o.row.Path, o.row.MS)
	switch {
	case o.err != nil:
		what = "not as expected"
	case o.spec.left:
		what = "waits"
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
