package demo

import (
	"context"
	"fmt"
	"sync"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// try is something to try next: what it shows, and a line to paste into another shell, as it stands.
type try struct{ what, line string }

// tries writes them under their title. Lines to paste are not folded, whatever the width.
func (p painter) tries(what []try) {
	p.title("What to try next")
	for _, t := range what {
		p.fold(2, terminal.Faint, t.what)
		p.line("    %s", p.Bold(t.line))
	}
}

// nextOnce says what to try after a demo that has ended.
func (p painter) nextOnce(self string) {
	hush := quote(self)
	p.tries([]try{
		{"The same, and then the server stays up for you to push by hand:", hush + " demo"},
		{"A server of your own:", hush + " serve --help"},
		{"Apple's and Google's push services, and phones, for tests in every language:", hush + " sim world --help"},
	})
}

// alice is the person with the phone to try things on: suspended, so that a wake is to be seen.
var alice = spec{platform: phonetest.Android, state: "suspended", resource: both, user: "alice"}

// stay says what is up and how to use it, and writes from then on what apps print.
func (w *world) stay(ctx context.Context, p painter, outcomes []outcome) error {
	s := &scene{world: w, spec: alice}
	if err := s.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted meanwhile
		}
		return fmt.Errorf("demo: preparing %s's phone: %w", alice.name(), err)
	}
	files, err := w.writeTryFiles()
	if err != nil {
		return err
	}
	p.title("The server stays up until Ctrl-C")
	p.columns([][]string{
		{"address", w.url},
		{"docs", w.url + "/docs"},
		{"app", appName},
		{"root key", w.root.Reveal()},
		{"send key", w.sendKey.Reveal()},
		{"log", w.logPath()},
	}, func(_, x int) terminal.Color { return []terminal.Color{terminal.Faint, terminal.Plain}[x] })
	p.tries(files.tries(example(outcomes).pushID))
	p.line("")
	p.fold(2, terminal.Plain, aboutBudgets)
	p.line("")
	p.fold(0, terminal.Faint, "What apps print comes here:")
	w.follow(p)
	return nil
}

// aboutBudgets is what whoever sees "waiting (budget)" has to know.
const aboutBudgets = `A push that is "waiting (budget)" goes by itself as soon as its resource's budget allows it. The server counts ` +
	`by its own clock: advancing the simulators' clock (POST /_sim/clock) moves Apple, Google and the phones, and frees no budget. ` +
	`To try one without waiting, give the resource a short "per", as budget.sh does, or put it with a larger budget: what waits ` +
	`goes at once. See "Budgets without waiting" in docs/testing.md.`

// deviceLogs hands lines of all device logs to whoever follows them; nobody does while the rows run.
type deviceLogs struct {
	mu sync.Mutex
	to func(phone string, l phonetest.LogLine) // guarded by mu
}

func (d *deviceLogs) add(phone string, l phonetest.LogLine) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.to != nil {
		d.to(phone, l)
	}
}

// follow prints what apps print from now on.
func (w *world) follow(p painter) {
	w.logs.mu.Lock()
	defer w.logs.mu.Unlock()
	w.logs.to = func(phone string, l phonetest.LogLine) {
		if l.System {
			return
		}
		p.columns([][]string{{phone, l.At.Format("15:04:05.000"), terminal.Clean(l.Text)}}, func(_, x int) terminal.Color {
			return []terminal.Color{terminal.Cyan, terminal.Faint, terminal.Plain}[x]
		})
	}
}
