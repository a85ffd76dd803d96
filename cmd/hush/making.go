package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const (
	makingSoon  = 50 * time.Millisecond  // between two looks at a push whose deliveries are being made, within its first second
	makingLater = 250 * time.Millisecond // the same after that
	makingTold  = 2 * time.Second        // between two lines, where there is no terminal
	paceSpan    = 2 * time.Second        // that the pace shown is of
)

// making shows how the deliveries of a push for tags or all are made. On a terminal it is drawn over; elsewhere there is a line
// each makingTold, and the result.
type making struct {
	r     *remote
	live  bool // on a terminal
	began time.Time
	told  time.Time // the last line
	drawn int       // rows on the terminal now; they are drawn over
	pace  pace
}

func newMaking(r *remote, now time.Time) *making {
	_, _, isTerminal := terminalSize(r.w.stdout)
	return &making{r: r, live: isTerminal && r.w.getenv("TERM") != "dumb", began: now, told: now}
}

// show returns once all deliveries are made, or nothing more can be seen. The push is accepted all the same.
func (m *making) show(ctx context.Context, id string) {
	for {
		p, err := one(ctx, m.r, func(ctx context.Context) (protocol.Push, error) {
			return m.r.Status(ctx, m.r.app, id, client.Page{Limit: 1})
		})
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			m.stop()
			return
		case err != nil:
			m.erase()
			m.r.say("deliveries  being made; the server does not tell how many: %s\n", err.Error())
			return
		}
		made, _, _ := timeline.Tally(p)
		m.pace.at(now, made)
		if p.Expanded || p.Final {
			m.erase()
			m.print(finishedText(made, now.Sub(m.began)), p)
			sayWarnings(m.r, p.Warnings)
			return
		}
		m.update(now, made, p)
		rest := makingLater
		if now.Sub(m.began) < time.Second {
			rest = makingSoon
		}
		select {
		case <-ctx.Done():
			m.stop()
			return
		case <-time.After(rest):
		}
	}
}

// stop ends the drawing after Ctrl-C; what was shown stays.
func (m *making) stop() { fmt.Fprintln(m.r.w.stderr, "hush: stopped watching; the push goes on") }

// update draws how it stands, if it is time.
func (m *making) update(now time.Time, made int, p protocol.Push) {
	text := fmt.Sprintf("%d made so far, %.0f a second", made, m.pace.perSecond())
	switch {
	case m.live:
		m.erase()
		m.drawn = m.print(text, p)
	case now.Sub(m.told) >= makingTold:
		m.told = now
		m.print(text, p)
	}
}

// print prints how it stands, and returns how many rows of the terminal that takes.
func (m *making) print(text string, p protocol.Push) (rows int) {
	width, _, _ := terminalSize(m.r.w.stdout)
	lines := []string{"deliveries  " + text}
	if states := statesText(p.Counts); states != "" {
		lines = append(lines, "            "+states)
	}
	for _, line := range lines {
		m.r.say("%s\n", line)
		rows += terminal.Rows(line, width)
	}
	return rows
}

func (m *making) erase() {
	if m.drawn > 0 {
		fmt.Fprint(m.r.w.stdout, terminal.Erase(m.drawn))
		m.drawn = 0
	}
}

// finishedText says that all are made, and how fast that was.
func finishedText(made int, took time.Duration) string {
	if made == 0 {
		return "0"
	}
	return fmt.Sprintf("%d made within %s, %.0f a second", made, took.Round(time.Millisecond), float64(made)/max(took, time.Millisecond).Seconds())
}

// statesText returns how many deliveries are in which state, most first.
func statesText(counts map[push.State]int) string {
	states := sortedKeys(counts)
	slices.SortStableFunc(states, func(a, b push.State) int { return counts[b] - counts[a] })
	var texts []string
	for _, s := range states {
		if counts[s] > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", counts[s], clean(string(s))))
		}
	}
	return strings.Join(texts, ", ")
}

// pace is how fast a count grows, over the last paceSpan.
type pace struct{ seen []sample }

type sample struct {
	at time.Time
	n  int
}

// at takes the count at a time. What is older than paceSpan is forgotten, but for the last of it.
func (p *pace) at(now time.Time, n int) {
	p.seen = append(p.seen, sample{now, n})
	for len(p.seen) > 2 && now.Sub(p.seen[1].at) >= paceSpan {
		p.seen = p.seen[1:]
	}
}

// perSecond returns the pace, which is 0 until there are two counts.
func (p *pace) perSecond() float64 {
	if len(p.seen) < 2 {
		return 0
	}
	first, last := p.seen[0], p.seen[len(p.seen)-1]
	took := last.at.Sub(first.at)
	if took <= 0 {
		return 0
	}
	return float64(last.n-first.n) / took.Seconds()
}
