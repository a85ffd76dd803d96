package phonetest

import (
	"slices"
	"time"
)

// What a phone itself holds back, and when it releases it: on iOS everything; on Android what reaches it just after it was
// switched on, and, where no push service keeps it (atservice.go), what comes in Doze or before the phone is unlocked.

// maxOnPhone is how many messages wait for an app; with one more, all are discarded and the app is told (FCM, "Lifetime of a
// message").
const maxOnPhone = 100

// holdOnPhone holds a message. iOS keeps the newest background push of an app only ("Pushing background updates to your
// App"), FCM the newest of a collapse key and 100 in all; one that is now or never is kept by nobody, and a full disk keeps
// none. mu is held.
func (s *system) holdOnPhone(m Message, why Reason) {
	state := s.app.now()
	if m.Once {
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: why, State: state})
		return
	}
	if s.conditions.get().diskFull {
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: DiskFull, State: state})
		return
	}
	s.onPhone = slices.DeleteFunc(s.onPhone, func(old Message) bool {
		replaced := s.spec.Platform == IOS || (m.CollapseKey != "" && old.CollapseKey == m.CollapseKey)
		if replaced {
			s.record.add(Record{Push: old.ID, Did: Dropped, Reason: Replaced, State: state})
		}
		return replaced
	})
	if len(s.onPhone) >= maxOnPhone {
		s.discardOnPhone(TooMany)
		m = Message{ID: "deleted-" + m.ID, Deleted: true}
	}
	s.onPhone = append(s.onPhone, m)
	s.record.add(Record{Push: m.ID, Did: Held, Reason: why, State: state})
	s.scheduleRelease()
}

// discardOnPhone drops what the phone holds. mu is held.
func (s *system) discardOnPhone(why Reason) {
	for _, m := range s.onPhone {
		s.record.add(Record{Push: m.ID, Did: Dropped, Reason: why, State: s.app.now()})
	}
	s.onPhone = nil
}

// release hands what is held, on the phone and at the push service, to the worker, which judges it anew. It is called
// whenever the reason may be gone: the person opened the app, a condition of the phone changed, a time has come. No lock but
// steps may be held.
func (s *system) release() {
	s.releaseOnPhone()
	s.fetchFromService()
}

func (s *system) releaseOnPhone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	var again []Message
	for _, m := range s.onPhone {
		if m.expired(s.clock.now()) {
			s.record.add(Record{Push: m.ID, Did: Dropped, Reason: PushExpired, State: s.app.now()})
			continue
		}
		if s.verdictOn(m).do == hold {
			again = append(again, m)
			continue
		}
		m.released = true // what was released in a maintenance window is not held back, nor over, because time has jumped on
		s.worker.add(m)
	}
	s.onPhone = again
	s.scheduleRelease()
}

// scheduleRelease schedules release for when time alone will have lifted the reason for holding. mu is held.
func (s *system) scheduleRelease() {
	if len(s.onPhone) == 0 && !s.atService {
		return
	}
	now, rules, f := s.clock.now(), s.fleet.cfg.Rules, s.conditions.get()
	var at time.Time
	if s.spec.Platform == IOS {
		at = s.budgets.until(now)
	} else if f.dozing {
		_, at = dozeWindow(f.dozeSince, now, rules)
	}
	if now.Before(f.startsAt) {
		at = latest(at, f.startsAt)
	}
	if at.IsZero() {
		return
	}
	s.fleet.schedule(s, s.clock.inFleet(at))
}

// untilWindow returns how long what waits because of Doze has to wait; 0 if nothing does.
func (s *system) untilWindow() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, rules, f := s.clock.now(), s.fleet.cfg.Rules, s.conditions.get()
	if !f.dozesAt(now, rules) || len(s.onPhone) == 0 && !s.atService {
		return 0
	}
	_, opens := dozeWindow(f.dozeSince, now, rules)
	return opens.Sub(now)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
