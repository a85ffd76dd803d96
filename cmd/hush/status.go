package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func newStatus(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "status", Short: "Show the state of the server: problems first, then the facts", Args: noArgs,
		Long: `Show the state of the server. Problems come first: the database, late work, slow commits, and apps that have trouble with
APNs or FCM, each with the last error. The facts follow: version, uptime, engine, sessions, backlog, commit times, and
counts of the last hour, or since the start of the process if that is shorter. Needs the root key.

Exit status: 0 if the server was reached, whatever its state.`,
		Example: "  hush status\n  hush status --json",
	}, false, func(ctx context.Context, r *remote, _ []string) error {
		var all protocol.ServerStatus
		err := r.pages(ctx, func(ctx context.Context, page client.Page) (string, error) {
			s, err := r.ServerStatus(ctx, page)
			s.Apps = append(all.Apps, s.Apps...)
			all = s
			return s.Cursor, err
		})
		if err != nil {
			return err
		}
		if !r.json {
			statusPage{r.w.style(), all}.print(func(line string) { fmt.Fprintln(r.w.stdout, line) })
		}
		return nil
	})
	r.addPageTo(cmd)
	return cmd
}

// statusPage is a status for people, in lines of 80 columns.
type statusPage struct {
	terminal.Style
	protocol.ServerStatus
}

const (
	statusWidth  = 80
	statusIndent = 11 // where the facts begin
)

func (p statusPage) print(line func(string)) {
	for _, l := range p.wrong() {
		line(l)
	}
	if p.Standing == "ok" {
		line(p.Good("ok") + "  nothing is wrong")
	}
	line("")
	for _, f := range p.facts() {
		for i, text := range wrapped(f[1], statusWidth-statusIndent) {
			name := ""
			if i == 0 {
				name = f[0]
			}
			line(p.Bold(fmt.Sprintf("%-*s", statusIndent, name)) + text)
		}
	}
	p.apps(line)
}

// wrong returns what is wrong, worst first.
func (p statusPage) wrong() (lines []string) {
	say := func(text string) {
		for i, l := range wrapped(text, statusWidth-9) {
			mark := "trouble"
			if i > 0 {
				mark = "       "
			}
			lines = append(lines, p.Bad(mark)+"  "+l)
		}
	}
	if d := p.Database; !d.Reachable {
		say("the database does not answer since " + momentIf(d.Since) + ": " + d.Error)
	}
	if p.Backlog.Late {
		say(fmt.Sprintf("work is late: %d due, the oldest for %s", p.Backlog.Due, p.Backlog.Oldest))
	}
	if b := p.Backlog; b.Full {
		say(fmt.Sprintf("pushes are refused: the backlog has reached limits.backlog (%d)", b.Limit))
	}
	if c := p.Commits; c.Hangs != "" {
		say("a commit hangs for " + c.Hangs + ": see to the disk or the database")
	} else if c.Slow {
		say("commits are slow: the slowest of the last hour took " + c.Slowest)
	}
	for _, a := range p.Apps {
		for _, name := range sortedKeys(a.Providers) {
			for _, t := range a.Providers[name].Troubles {
				say(fmt.Sprintf("%s at %s: %s", a.App, name, troubleText(t)))
			}
		}
	}
	return lines
}

// troubleText returns a trouble in a sentence.
func troubleText(t protocol.ProviderTrouble) string {
	text := map[push.ProviderState]string{
		push.ProviderUnreachable: "the provider is unreachable", push.ProviderNoCredential: "there is no credential",
		push.ProviderRefused: "the credential is refused", push.ProviderHeld: "the quota is used up",
	}[t.Standing]
	text = cmp.Or(text, string(t.Standing))
	if t.Environment != "" {
		text += " in " + string(t.Environment)
	}
	if t.Topic != "" {
		text += " for " + t.Topic
	}
	return fmt.Sprintf("%s since %s; %s failed, %s and %s wait", text, terminal.Moment(t.Since), push.Counted(t.Failed, "wake"), push.Counted(t.Devices, "device"),
		push.Counted(t.Pushes, "push"))
}

// facts returns the rows of a name and its value.
func (p statusPage) facts() [][2]string {
	facts := [][2]string{
		{"server", fmt.Sprintf("hush %s, up %s since %s", p.Version, p.Uptime, terminal.Moment(p.StartedAt))},
		{"node", p.Node},
		{"engine", p.Engine + " " + p.EngineVersion},
		{"sessions", fmt.Sprint(p.Sessions)},
		{"backlog", p.backlog()},
		{"commits", p.commits()},
		{"last hour", p.lastHour()},
	}
	for _, name := range sortedKeys(p.LastHour.Wakes) {
		facts = append(facts, [2]string{"", string(name) + ": " + wakeText(p.LastHour.Wakes[name]) + droppedText(p.LastHour.TokensDropped[name])})
	}
	return facts
}

func (p statusPage) backlog() string {
	b := p.Backlog
	text := fmt.Sprintf("%d due", b.Due)
	if b.InMemory+b.InWork > 0 {
		text += fmt.Sprintf(", %d in memory, %d in work", b.InMemory, b.InWork)
	}
	if b.OldestAt != nil {
		text += ", the oldest for " + b.Oldest
	}
	if b.Limit > 0 {
		text += fmt.Sprintf("; pushes are refused from %d on", b.Limit)
	}
	return text
}

func (p statusPage) commits() string {
	c := p.Commits
	if c.LastAt == nil {
		return "none yet"
	}
	text := fmt.Sprintf("last %s at %s", c.Last, terminal.Moment(*c.LastAt))
	if c.Count > 0 {
		text += fmt.Sprintf("; of the last hour's %d: half within %s, 99 of 100 within %s, slowest %s", c.Count, c.P50, c.P99, c.Slowest)
	}
	return text
}

func (p statusPage) lastHour() string {
	h := p.LastHour
	text := fmt.Sprintf("since %s: %s", terminal.Moment(h.Since), push.Counted(h.Pushes, "push"))
	for _, state := range sortedKeys(h.Deliveries) {
		text += fmt.Sprintf(", %d %s", h.Deliveries[state], state)
	}
	return text
}

func wakeText(c protocol.WakeCounts) string {
	text := fmt.Sprintf("%s, %d taken", push.Counted(c.Sent, "wake"), c.Taken)
	for _, fault := range sortedKeys(c.Refused) {
		text += fmt.Sprintf(", %d %s", c.Refused[fault], fault)
	}
	return text
}

func droppedText(tokens int) string {
	if tokens == 0 {
		return ""
	}
	return "; " + push.Counted(tokens, "token") + " dropped"
}

// apps prints each app's standing, with the last error below it.
func (p statusPage) apps(line func(string)) {
	for _, a := range p.Apps {
		for _, name := range sortedKeys(a.Providers) {
			s := a.Providers[name]
			line("")
			line(fmt.Sprintf("%s  %s  %s", p.Bold(clean(a.App)), name, p.colour(s.Standing)))
			texts := []string{wakeText(s.Wakes) + " in the last hour"}
			if e := s.LastError; e != nil {
				texts = append(texts, "last error "+terminal.Moment(e.At)+": "+errorText(*e))
			}
			for _, text := range texts {
				for _, l := range wrapped(text, statusWidth-2) {
					line("  " + l)
				}
			}
		}
	}
}

func (p statusPage) colour(s push.ProviderState) string {
	switch s {
	case push.ProviderOK:
		return p.Good(string(s))
	case push.ProviderUntried:
		return p.Faint(string(s))
	case push.ProviderHeld:
		return p.Open(string(s))
	}
	return p.Bad(clean(string(s)))
}

func errorText(e protocol.ProviderError) string {
	words := []string{}
	if e.Status != 0 {
		words = append(words, fmt.Sprint(e.Status))
	}
	for _, w := range []string{e.Reason, string(e.Error)} {
		if w != "" {
			words = append(words, w)
		}
	}
	words = append(words, "(fault: "+string(e.Fault)+")")
	if e.Detail != "" {
		words = append(words, e.Detail)
	}
	return strings.Join(words, " ")
}

// wrapped returns a text in lines of at most width columns, without what would steer a terminal.
func wrapped(text string, width int) []string { return terminal.Fold(clean(text), width) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
