package sdk

import (
	"sync"
	"time"
)

// clockSlack is how far two readings may lie apart and still count as the same time: the Date of an HTTP answer has whole
// seconds.
const clockSlack = 2 * time.Second

// clock is what the client knows of the server's time. The time is certain if it was heard in this process and if, since then,
// the phone's clock and the system's steady clock have advanced by the same amount: the phone's clock was not set, and the
// process was not suspended, which stops the steady clock on some phones. An offset that an earlier process saved, or that
// was heard before such a break, is only a hint: nobody knows which of the two clocks has been corrected since.
type clock struct {
	now func() time.Time // the phone's, which may be wrong and set at any moment; never changes

	mu     sync.Mutex
	offset time.Duration // guarded by mu; of the server's clock from the phone's, as last heard or remembered
	heard  moment        // guarded by mu; the zero value: not in this process
}

// moment is one moment by three clocks.
type moment struct{ server, phone, steady time.Time }

// reading is what the clocks show now.
type reading struct {
	phone   time.Time
	server  time.Time // a guess unless certain
	certain bool
}

// remember sets the offset that an earlier process saved.
func (k *clock) remember(offset time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.offset = offset
}

// hear records the server's time. It returns the offset of the server's clock, and whether that has changed.
func (k *clock) hear(server time.Time) (offset time.Duration, changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := moment{server: server, phone: wall(k.now()), steady: time.Now()}
	k.heard = m
	offset = server.Sub(m.phone)
	if near(offset, k.offset) {
		return k.offset, false
	}
	k.offset = offset
	return offset, true
}

// read returns what the clocks show now.
func (k *clock) read() reading {
	k.mu.Lock()
	defer k.mu.Unlock()
	phone := wall(k.now())
	if !k.heard.steady.IsZero() {
		gone := time.Since(k.heard.steady)
		if near(gone, phone.Sub(k.heard.phone)) {
			return reading{phone: phone, server: k.heard.server.Add(gone), certain: true}
		}
	}
	return reading{phone: phone, server: phone.Add(k.offset)}
}

// wall returns a time without Go's monotonic reading, which would hide that a clock was set.
func wall(t time.Time) time.Time { return t.Round(0) }

// near reports whether two spans are the same but for clockSlack.
func near(a, b time.Duration) bool { return a-b > -clockSlack && a-b < clockSlack }

// lateness is where a time by the server's clock stands.
type lateness int

const (
	inTime   lateness = iota // not over, by all that is known
	over                     // over, by the server's own time
	doubtful                 // over by a guess; only the server knows
)

// latenessAt returns where a time by the server's clock stands; the zero time is never over. A guess alone drops nothing,
// whichever way it is wrong: in doubt the client asks the inbox, which holds nothing that has expired.
func latenessAt(at time.Time, r reading) lateness {
	switch {
	case at.IsZero():
		return inTime
	case r.certain && !r.server.Before(at):
		return over
	case r.certain, r.server.Before(at) && r.phone.Before(at):
		return inTime
	}
	return doubtful
}

// late returns where a time by the server's clock stands now.
func (k *clock) late(at time.Time) lateness { return latenessAt(at, k.read()) }

// expired reports whether a time by the server's clock is certainly over; the zero time never is.
func (k *clock) expired(at time.Time) bool { return k.late(at) == over }

// stamp returns the time for a receipt: the server's, as far as it is known.
func (k *clock) stamp() string { return k.read().server.UTC().Format(time.RFC3339Nano) }
