package sdk

import (
	"sync"
	"time"
)

// clockSlack is how far two readings of a time may lie apart and still say the same: the Date of an HTTP answer has whole
// seconds.
const clockSlack = 2 * time.Second

// clock is what the client knows of the server's time. It is certain when it was heard in this process and has run on
// steadily since. Then, neither was the phone's clock set nor the process suspended, which stops the system's steady clock on
// some phones: the phone's clock and the steady one show the same time gone by. The distance that an earlier process wrote
// down, or that was heard before such a break, is only a hint: who knows which of the two clocks has been put right since.
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

// remember takes the distance that an earlier process wrote down.
func (k *clock) remember(offset time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.offset = offset
}

// hear notes the server's time, and returns its distance and whether that has changed.
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

// wall is a time without Go's monotonic reading, by which a clock that was set would not show.
func wall(t time.Time) time.Time { return t.Round(0) }

func near(a, b time.Duration) bool { return a-b > -clockSlack && a-b < clockSlack }

// lateness is where a time by the server's clock stands.
type lateness int

const (
	inTime   lateness = iota // not over, by all that is known
	over                     // over, by the server's own time
	doubtful                 // over by a guess; only the server knows
)

// latenessAt says where a time by the server's clock stands; the zero time is never over. A guess alone, in whichever
// direction it is wrong, drops nothing: in doubt the inbox is to be asked, which holds nothing that has expired.
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

// late says where a time by the server's clock stands now.
func (k *clock) late(at time.Time) lateness { return latenessAt(at, k.read()) }

// expired reports whether a time by the server's clock is certainly over; the zero time never is.
func (k *clock) expired(at time.Time) bool { return k.late(at) == over }

// stamp returns the time for a receipt: the server's, as far as it is known.
func (k *clock) stamp() string { return k.read().server.UTC().Format(time.RFC3339Nano) }
