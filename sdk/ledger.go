package sdk

import (
	"slices"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const (
	// seenFor is how long the end of a push is remembered. It is twice the longest time to live, so that no path can bring
	// back a push that was forgotten.
	seenFor = 60 * 24 * time.Hour
	// maxStarts is how often a push's handler may begin without returning before the push is given up as crashed.
	maxStarts = 3
	// startGrace is added to a start's time before it counts as interrupted, where the system cannot say for certain whether
	// its process still lives.
	startGrace = 5 * time.Second
)

// ledger is what the journal's records add up to: a plain state, changed by records only.
type ledger struct {
	self    identity
	begun   map[string]begun // pushes whose handler began and has not ended yet
	ended   map[string]ended // pushes that are done
	unsent  map[string]protocol.Receipt
	records int // applied since the ledger was empty, to see whether the journal is worth compacting
}

// begun is a push whose handler began and has not ended: how often, and when last.
type begun struct {
	starts int
	last   start
	at     int64
}

// ended is how a push ended.
type ended struct {
	at     int64 // Unix milliseconds, by the server's clock
	event  push.ReceiptEvent
	result FetchResult
}

func newLedger() ledger {
	return ledger{begun: map[string]begun{}, ended: map[string]ended{}, unsent: map[string]protocol.Receipt{}}
}

// apply changes the ledger by one record.
func (l *ledger) apply(r record) {
	l.records++
	switch {
	case r.Self != nil:
		l.self = *r.Self
	case r.Start != nil && r.Start.Push != "":
		if _, done := l.ended[r.Start.Push]; done {
			return
		}
		b := l.begun[r.Start.Push]
		l.begun[r.Start.Push] = begun{starts: b.starts + 1, last: *r.Start, at: notBefore(r.At, r.Start.Push)}
	case r.End != nil && r.End.PushID != "":
		id := r.End.PushID
		if _, done := l.ended[id]; done {
			return // the first end counts
		}
		delete(l.begun, id)
		l.ended[id] = ended{at: notBefore(r.At, id), event: r.End.Event, result: r.End.Result}
		l.unsent[id] = *r.End
	case r.Sent != nil:
		for _, id := range r.Sent {
			delete(l.unsent, id)
		}
	}
}

// notBefore corrects a time that was recorded by a phone's clock that ran years behind: nothing happens to a push before it
// was made, and its id says when that was by the server's clock.
func notBefore(at int64, id string) int64 {
	if made, ok := push.ID(id).MadeAt(); ok {
		return max(at, made.UnixMilli())
	}
	return at
}

// verdict is what is to be done with a push that has just arrived.
type verdict int

const (
	mayRun    verdict = iota // nobody runs it
	isDone                   // it has ended; the result is known
	isBusy                   // another process runs it: look again later
	hasFallen                // its handler began maxStarts times and never returned
	isForeign                // it is not for the present owner
)

// verdictOn returns what is to be done with a push, and the result of one that is done. now is the phone's own clock.
func (l *ledger) verdictOn(id string, now time.Time) (verdict, FetchResult) {
	if e, done := l.ended[id]; done {
		return isDone, e.result
	}
	b, started := l.begun[id]
	if !started {
		return mayRun, ""
	}
	alive, certain := b.last.By.mayReturn()
	if alive && (certain || now.UnixMilli() < b.last.Until+startGrace.Milliseconds()) {
		return isBusy, ""
	}
	if b.starts >= maxStarts {
		return hasFallen, ""
	}
	return mayRun, ""
}

// again makes the receipt of an ended push due once more, because the server still sends the push.
func (l *ledger) again(id string, path push.Path) {
	if e, done := l.ended[id]; done {
		if _, waits := l.unsent[id]; !waits {
			l.unsent[id] = protocol.Receipt{PushID: id, Event: e.event, Result: e.result, Path: path}
		}
	}
}

// receipts returns those that the server has not accepted yet, in the order of the pushes' ids: that in which they were made.
func (l *ledger) receipts() []protocol.Receipt {
	all := make([]protocol.Receipt, 0, len(l.unsent))
	for _, r := range l.unsent {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b protocol.Receipt) int {
		switch {
		case a.PushID < b.PushID:
			return -1
		case a.PushID > b.PushID:
			return 1
		}
		return 0
	})
	return all
}

// compacted returns the shortest journal that adds up to the same, without what is older than seenFor. now is by the server's
// clock.
func (l *ledger) compacted(now time.Time) []record {
	oldest := now.Add(-seenFor).UnixMilli()
	records := []record{{At: now.UnixMilli(), Self: &l.self}}
	for id, b := range l.begun {
		if b.at < oldest {
			continue
		}
		b.last.Push = id
		for range b.starts {
			records = append(records, record{At: b.at, Start: &b.last})
		}
	}
	var sent []string
	for id, e := range l.ended {
		receipt, unsent := l.unsent[id]
		if e.at < oldest && !unsent {
			continue
		}
		if !unsent {
			receipt = protocol.Receipt{PushID: id, Event: e.event, Result: e.result}
			sent = append(sent, id)
		}
		records = append(records, record{At: e.at, End: &receipt})
	}
	if sent != nil {
		records = append(records, record{At: now.UnixMilli(), Sent: sent})
	}
	return records
}

// worthCompacting reports whether a long journal has more than four times the records that it needs.
func (l *ledger) worthCompacting(now time.Time) bool {
	if l.records < 1_000 {
		return false
	}
	oldest := now.Add(-seenFor).UnixMilli()
	live := 1 + len(l.begun)
	for id, e := range l.ended {
		if _, unsent := l.unsent[id]; unsent || e.at >= oldest {
			live++
		}
	}
	return l.records > 4*live
}
