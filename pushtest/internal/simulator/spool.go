package simulator

import (
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Spool is what lies behind a provider's API: the devices that are known, by the key of their token, and when something becomes
// due on each. A simulator embeds it in a spool of its own, which holds what waits for the devices.
type Spool[D comparable] struct {
	Kit
	owner  Owner[D]
	agenda *simkit.Agenda

	sync.Mutex
	Devices map[string]D // guarded by the lock
	Dues    Dues[D]      // guarded by the lock
}

// Owner is the spool that embeds one.
type Owner[D any] interface {
	// Flush delivers what can be delivered of what waits for a device, at a simulated time that may lie in the past of the clock.
	// The caller holds the lock.
	Flush(d D, now time.Time)
	// Drain calls a device's phone with what was delivered, without the lock.
	Drain(d D)
}

// Init makes the spool ready, and starts what does the work that becomes due. It is called once.
func (s *Spool[D]) Init(kit *Kit, owner Owner[D]) {
	s.Kit, s.owner, s.Devices = *kit, owner, map[string]D{}
	s.agenda = simkit.NewAgenda(s.Clock, s.step)
}

// Close ends the work that becomes due.
func (s *Spool[D]) Close() { s.agenda.Close() }

// Schedule schedules a device's flush for a time; zero: when it changes. The caller holds the lock.
func (s *Spool[D]) Schedule(d D, at time.Time) {
	if s.Dues.Set(d, at) {
		s.agenda.Poke()
	}
}

// Change finds a device, lets f change it, and delivers what can be delivered then. It reports whether the device is known.
func (s *Spool[D]) Change(key string, f func(d D, now time.Time)) bool {
	s.Lock()
	d, known := s.Devices[key]
	if !known {
		s.Unlock()
		return false
	}
	now := s.Clock.Now()
	f(d, now)
	s.owner.Flush(d, now)
	s.Unlock()
	s.owner.Drain(d)
	return true
}

// Forget forgets a device once f has been called with it. It reports whether it was known.
func (s *Spool[D]) Forget(key string, f func(d D)) bool {
	s.Lock()
	defer s.Unlock()
	d, known := s.Devices[key]
	if !known {
		return false
	}
	f(d)
	s.Dues.Set(d, time.Time{})
	delete(s.Devices, key)
	return true
}

// Reset forgets all devices. The caller does not hold the lock.
func (s *Spool[D]) Reset() {
	s.Lock()
	defer s.Unlock()
	clear(s.Devices)
	s.Dues = Dues[D]{}
}

// step flushes what is due, in the order of time, so that a jump of the clock has the effects that waiting would have had.
func (s *Spool[D]) step(now time.Time) time.Time {
	s.Lock()
	var touched []D
	for {
		d, at, ok := s.Dues.Next(now)
		if !ok {
			break
		}
		s.owner.Flush(d, at)
		touched = append(touched, d)
	}
	next := s.Dues.Earliest()
	s.Unlock()
	for _, d := range touched {
		s.owner.Drain(d)
	}
	return next
}
