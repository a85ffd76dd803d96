package demo

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// played returns the outcomes of rows that went well, and took long.
func played(specs []spec) (outcomes []outcome) {
	for _, s := range specs {
		o := outcome{spec: s, pushID: "01a22526-65c6-708a-90fb-9f17362e60ef", row: Row{Platform: string(s.platform), State: s.state,
			Resource: s.resource, Path: s.want.path, Callback: s.want.callback, Result: push.NewData, Reason: s.want.reason, MS: 49_999}}
		if s.platform == phonetest.Android && s.state == "terminated" {
			o.row.Log = `notes: BackgroundMessageHandler payload={"cursor":12345}`
		}
		o.push.Deliveries = []protocol.Delivery{{Events: []protocol.Event{{Event: "wake_answered", Provider: push.FCM, Status: 200,
			ProviderID: "projects/demo/messages/0:1790000000000000%31bd1c9631bd1c96"}}}}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		o     Options
		specs []spec
		most  int
	}{
		{"a terminal of 80", Options{Width: 80}, rows(), 80},
		{"in colours", Options{Width: 80, Color: true}, rows(), 80},
		{"a wide terminal gets the same layout", Options{Width: 200}, rows(), 80},
		{"another output", Options{}, rows(), 80},
		{"a narrow terminal", Options{Width: 60}, rows(), 60},
		{"a story", Options{Width: 80, Story: true}, story(), 70},
		{"a story on a narrow terminal", Options{Width: 50, Story: true}, story(), 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			outcomes := played(c.specs)
			outcomes[len(outcomes)-1].err = errors.New("the row took longer than 50s, " + strings.Repeat("漢字", 60))
			var b strings.Builder
			c.o.Out = &b
			p := newPainter(c.o)
			p.table(outcomes, c.o.Story)
			p.summary(outcomes, 0, time.Minute)
			p.summary(outcomes, 1, time.Minute)
			p.timeline(outcomes[0])
			p.fold(2, "", aboutBudgets)
			for line := range strings.Lines(sgr.ReplaceAllString(b.String(), "")) {
				if got := terminal.Cells(strings.TrimSuffix(line, "\n")); got > c.most {
					t.Errorf("a line takes %d columns, want at most %d: %s", got, c.most, line)
				}
			}
			if marks := strings.Count(b.String(), "✓") + strings.Count(b.String(), "○") + strings.Count(b.String(), "✗"); marks != len(c.specs) {
				t.Errorf("%d rows are marked, want %d:\n%s", marks, len(c.specs), b.String())
			}
		})
	}
}

func TestLinesToPasteFitATerminal(t *testing.T) {
	t.Parallel()
	const dir = "/tmp/hush-4294967295/" // as long as os.MkdirTemp makes them
	var b strings.Builder
	p := newPainter(Options{Out: &b})
	p.tries(tryFiles{hush: dir + "hush", curl: dir + "push.curl", budget: dir + "budget.sh"}.tries(string(push.NewID())))
	for line := range strings.Lines(b.String()) {
		if got := terminal.Cells(strings.TrimSuffix(line, "\n")); got > columns {
			t.Errorf("a line takes %d columns, want at most %d: %s", got, columns, line)
		}
	}
}

func TestProgressFitsATerminal(t *testing.T) {
	t.Parallel()
	for _, o := range played(rows()) {
		var b strings.Builder
		(&progress{out: &b}).row(o, 28)
		if got := terminal.Cells(strings.TrimSuffix(b.String(), "\n")); got > columns {
			t.Errorf("a line takes %d columns, want at most %d: %s", got, columns, b.String())
		}
	}
}

func TestNeighboursShareANote(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	newPainter(Options{Out: &b}).table(played(rows()), false)
	for why, notes := range map[string]int{"ack_timeout": 2, "terminated_by_user": 1, "force_stopped": 1, "doze": 1, "no_strategy": 2} {
		if got := strings.Count(b.String(), whyNot[why]); got != notes {
			t.Errorf("the remark of %s stands %d times, want %d:\n%s", why, got, notes, b.String())
		}
	}
}

func TestWhatAppsPrintCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	w := &world{}
	var b strings.Builder
	w.follow(newPainter(Options{Out: &b}))
	w.logs.add("alice", phonetest.LogLine{Text: "payload=\x1b[2J\u202e" + strings.Repeat("漢字", 60)})
	w.logs.add("alice", phonetest.LogLine{Text: "system", System: true})
	if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Contains(b.String(), "system") {
		t.Errorf("the log shows %q; want neither control characters nor the system's lines", b.String())
	}
	for line := range strings.Lines(b.String()) {
		if got := terminal.Cells(strings.TrimSuffix(line, "\n")); got > columns {
			t.Errorf("a line takes %d columns, want at most %d: %s", got, columns, line)
		}
	}
}

func TestAQuotedWordIsReadBackByAShell(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"/tmp/hush-1/hush": "/tmp/hush-1/hush", "": "''", "/a b": "'/a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "~/hush": "'~/hush'",
	} {
		if got := quote(word); got != want {
			t.Errorf("quote(%q) is %s, want %s", word, got, want)
		}
	}
}
