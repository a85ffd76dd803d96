package demo

import (
	"fmt"
	"sync"

	"github.com/hushpush/hush/pushtest/phonetest"
)

// tryPhone is the phone of the ready curl line: suspended, so that a wake is to be seen.
const tryPhone = "android-suspended-both"

// next says what to try next.
func (p painter) next(w *world, o Options) {
	p.title("What to try next")
	if o.Once {
		p.line("  hush demo                  the same, and then the server stays up for you to push by hand")
	}
	p.line("  hush serve --data ./hush   a server of your own; hush push --help, hush trace --help")
	p.line("  hush sim world --help      Apple's and Google's push services, and phones, for tests in every language")
	p.line("  examples/notes             an app and its backend, to copy from")
}

// staying says what is up, and how to use it.
func (p painter) staying(w *world) {
	p.title("The server stays up")
	p.columns([][]string{
		{"address", w.url},
		{"docs", w.url + "/docs"},
		{"app", appName},
		{"root key", w.root.Reveal()},
		{"send key", w.sendKey.Reveal()},
		{"log", w.logPath()},
	}, func(_, x int) string { return []string{faint, ""}[x] })
	p.line("\nSend a push to a suspended phone, and see its device log here:\n\n  %s\n", p.paint(bold, w.curl()))
	p.line("Ctrl-C ends it, and removes everything.\n")
}

// curl is a line to paste into a shell.
func (w *world) curl() string {
	return fmt.Sprintf(`curl -sS -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' `+
		`-d '{"to":{"users":["%s"]},"resource_id":"%s","payload":"hello"}' %s/v1/apps/%s/pushes`,
		w.sendKey.Reveal(), tryPhone, both, w.url, appName)
}

// deviceLogs hands lines of all device logs to whoever follows them; nobody does while the rows run.
type deviceLogs struct {
	mu sync.Mutex
	to func(phone string, l phonetest.LogLine) // guarded by mu
}

func (d *deviceLogs) take(phone string, l phonetest.LogLine) {
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
		if !l.System {
			p.line("%s  %s", p.paint(faint, phone), l.String())
		}
	}
}
