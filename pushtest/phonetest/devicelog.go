package phonetest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unique"
)

// Limits of what a phone remembers; the oldest lines go first. One of many phones remembers less, see share.
const (
	maxLogLines = 1_000
	maxLogText  = 4 << 10 // bytes of a line, as in logcat
	maxRecords  = 256
	maxQueue    = 128 // pushes that wait for the app at once; FCM delivers at most 100 that had waited

	// A fleet shares what a few phones would not miss: so much for all of a fleet, but least for each.
	allLogLines = 1_000_000
	allRecords  = 800_000
	least       = 8
)

// share is how much a phone of a fleet with so many phones keeps.
func share(each, all, phones int) int { return min(each, max(least, all/max(phones, 1))) }

// LogLine is a line of the device log: what an app printed, or what the system did to it.
type LogLine struct {
	At     time.Time `json:"at"`  // by the phone's clock
	PID    int       `json:"pid"` // 0: the system, or an app without a process
	System bool      `json:"system"`
	Text   string    `json:"text"`
}

// String is the line as logcat would print it: time, process, who, text.
func (l LogLine) String() string {
	who := "app"
	if l.System {
		who = "system"
	}
	return fmt.Sprintf("%s %6d %s: %s", l.At.Format("01-02 15:04:05.000"), l.PID, who, l.Text)
}

// logLine appends to the device log. p.mu must be held.
func (p *Phone) logLine(pid int, system bool, text string) {
	if len(text) > maxLogText {
		text = strings.ToValidUTF8(text[:maxLogText], "") + "…"
	}
	if system {
		text = unique.Make(text).Value() // a fleet says the same things again and again
	}
	l := LogLine{p.wall(), pid, system, text}
	p.log = appendBounded(p.log, l, share(maxLogLines, allLogLines, p.fleet.Len()))
	if p.fleet.cfg.OnLog != nil {
		p.fleet.cfg.OnLog(p.spec.Name, l)
	}
}

// lastWords is the last line that the app printed, cut for an error; "" if it printed none.
func (p *Phone) lastWords() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range slices.Backward(p.log) {
		if !l.System {
			return strings.ToValidUTF8(l.Text[:min(len(l.Text), 200)], "")
		}
	}
	return ""
}

// note appends to the record, and returns the line as it stands there. p.mu must be held.
func (p *Phone) note(r Record) Record {
	p.noted++
	r.At, r.seq = p.wall(), p.noted
	p.records = appendBounded(p.records, r, share(maxRecords, allRecords, p.fleet.Len()))
	p.change()
	return r
}

// amend replaces a line of the record, unless it has been dropped by now. p.mu must be held.
func (p *Phone) amend(r Record) {
	for i := range p.records {
		if p.records[i].seq == r.seq {
			p.records[i] = r
		}
	}
	p.change()
}

// appendBounded appends, and drops the oldest half when the list has grown to its limit.
func appendBounded[T any](list []T, v T, limit int) []T {
	if len(list) >= limit {
		list = append(list[:0], list[len(list)-limit/2:]...)
	}
	return append(list, v)
}
