package phonetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unique"
)

// Limits of what a phone remembers; the oldest lines go first. One of many phones remembers less, see share.
const (
	maxLogLines = 1_000
	maxLogText  = 4 << 10 // bytes of a line, as in logcat
	maxRecords  = 256
	maxQueue    = 128 // pushes that wait for the app at once; FCM delivers at most 100 that had waited

	// A fleet shares what a few phones would not miss: so much for all of it, but least for each.
	allLogLines = 1_000_000
	allRecords  = 800_000
	least       = 8
)

// share returns how much a phone keeps in a fleet with so many phones.
func share(each, all, phones int) int { return min(each, max(least, all/max(phones, 1))) }

// LogLine is a line of the device log: what an app printed, or what the system did to it.
type LogLine struct {
	At     time.Time `json:"at"`  // by the phone's clock
	PID    int       `json:"pid"` // 0: the system, or an app without a process
	System bool      `json:"system"`
	Text   string    `json:"text"`
}

// String returns the line as logcat would print it: time, process, who, text.
func (l LogLine) String() string {
	who := "app"
	if l.System {
		who = "system"
	}
	return fmt.Sprintf("%s %6d %s: %s", l.At.Format("01-02 15:04:05.000"), l.PID, who, l.Text)
}

// record is what a phone remembers of what happened on it: a line for each push, and the device log. It wakes those who
// wait for a change of the phone.
type record struct {
	phone string // the phone's name; never changes
	fleet *Fleet
	clock *phoneClock

	mu      sync.Mutex    // the last of a phone's locks: nothing is called under it but Config.OnLog
	pushes  []Record      // guarded by mu
	added   int           // guarded by mu; lines of pushes so far
	log     []LogLine     // guarded by mu
	changed chan struct{} // guarded by mu; closed at the next change, nil while nobody waits
}

func newRecord(phone string, f *Fleet, c *phoneClock) *record {
	return &record{phone: phone, fleet: f, clock: c}
}

// add appends a line about a push, and returns it as it stands in the record.
func (r *record) add(line Record) Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.added++
	line.At, line.seq = r.clock.shown(), r.added
	r.pushes = appendBounded(r.pushes, line, share(maxRecords, allRecords, r.fleet.Len()))
	r.wake()
	return line
}

// amend replaces a line about a push, unless it has been dropped by now.
func (r *record) amend(line Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.pushes {
		if r.pushes[i].seq == line.seq {
			r.pushes[i] = line
		}
	}
	r.wake()
}

// last returns the last line about a push; the zero value if there is none.
func (r *record) last(push string) Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range slices.Backward(r.pushes) {
		if line.Push == push {
			return line
		}
	}
	return Record{}
}

// lines returns all lines about pushes, oldest first.
func (r *record) lines() []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pushes)
}

// logApp appends what the app has printed to the device log.
func (r *record) logApp(pid int, text string) { r.append(LogLine{PID: pid, Text: cut(text)}) }

// logSystem appends what the system did to the device log. pid is the app's; 0: it has none.
func (r *record) logSystem(pid int, text string) {
	text = unique.Make(cut(text)).Value() // a fleet says the same things again and again
	r.append(LogLine{PID: pid, System: true, Text: text})
}

func (r *record) append(l LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.At = r.clock.shown()
	r.log = appendBounded(r.log, l, share(maxLogLines, allLogLines, r.fleet.Len()))
	if r.fleet.cfg.OnLog != nil {
		r.fleet.cfg.OnLog(r.phone, l)
	}
	r.wake()
}

func cut(text string) string {
	if len(text) > maxLogText {
		return strings.ToValidUTF8(text[:maxLogText], "") + "…"
	}
	return text
}

// logLines returns the device log, oldest line first.
func (r *record) logLines() []LogLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

// lastWords returns the last line that the app printed, cut for an error; "" if it printed none.
func (r *record) lastWords() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range slices.Backward(r.log) {
		if !l.System {
			return strings.ToValidUTF8(l.Text[:min(len(l.Text), 200)], "")
		}
	}
	return ""
}

// change wakes those who wait, after a change of the phone that has no line.
func (r *record) change() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wake()
}

// wake wakes those who wait. mu is held.
func (r *record) wake() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// nextChange returns a channel that is closed at the next change.
func (r *record) nextChange() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}

// text returns the record and the device log, for people.
func (r *record) text() (out string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pushes {
		out += fmt.Sprintf("  %s push %s: %s in %s %s %s\n", p.At.Format("15:04:05.000"), p.Push, p.Did, p.State, p.Reason, p.Result)
	}
	for _, l := range r.log {
		out += "  " + l.String() + "\n"
	}
	return out
}

// appendBounded appends, and drops the oldest half when the list has grown to its limit.
func appendBounded[T any](list []T, v T, limit int) []T {
	if len(list) >= limit {
		list = append(list[:0], list[len(list)-limit/2:]...)
	}
	return append(list, v)
}
