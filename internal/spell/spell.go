// Package spell decides when to log a trouble that lasts, or that comes and goes: a line when it begins, at most one a minute
// while it goes on, and one when it is over. Its rules take the time as a parameter; the package has no clock and writes
// nothing.
package spell

import "time"

// Per is the least time between two lines about a trouble that lasts. A trouble that comes back sooner than Per after its end
// is the same trouble: its next line is Goes, and it is over when it has stayed away for Per.
const Per = time.Minute

// Line is the line to log now.
type Line int

// The lines.
const (
	None  Line = iota // log nothing
	Begun             // the first hit, or after Renew perhaps more
	Goes              // there were more hits since the last line
	Ended             // it is over
)

// Spell is one trouble. Its zero value is none. The caller guards it.
type Spell struct {
	Since time.Time // the first hit that Count counts
	Count int       // hits
	Last  time.Time // the last hit
	over  time.Time // when the trouble ended; zero: it lasts
	told  time.Time // the last line
	heard int       // how many of Count the lines have reported
	open  bool      // the log has a line that it lasts, and none yet that it is over
	comes bool      // it has come back: its end is logged once it has stayed away for Per
	later bool      // its first line is still to come: at its first hit, the last line of the trouble before it was less than Per ago
}

// Hit counts one occurrence of the trouble.
func (s *Spell) Hit(now time.Time) Line {
	line := None
	switch {
	case s.Since.IsZero() && !s.told.IsZero() && now.Sub(s.told) < Per: // after Renew
		*s = Spell{Since: now, told: s.told, open: s.open, later: true}
	case s.Done(now):
		*s = Spell{Since: now, told: now, heard: 1, open: true}
		line = Begun
	case s.over.IsZero():
	case s.open || s.Count > s.heard:
		s.comes = true
	default:
		*s = Spell{Since: now, told: s.told, comes: true}
	}
	s.Count, s.Last, s.over = s.Count+1, now, time.Time{}
	return line
}

// Well records that the trouble is over. Only the first call after a hit counts.
func (s *Spell) Well(now time.Time) Line {
	if !s.Lasts() {
		return None
	}
	s.over = now
	if s.later {
		s.later, s.heard = false, s.Count // its beginning is not logged any more
	}
	if s.comes || !s.open {
		return None
	}
	s.open, s.told, s.heard = false, now, s.Count
	return Ended
}

// Tick returns the lines that no hit brings. It is called every few seconds.
func (s *Spell) Tick(now time.Time) Line {
	switch {
	case s.Since.IsZero() || now.Sub(s.told) < Per:
		return None
	case s.Count > s.heard:
		line := Goes
		if s.later {
			line = Begun
		}
		s.heard, s.told, s.open, s.later = s.Count, now, true, false
		return line
	case s.open && !s.over.IsZero() && now.Sub(s.over) >= Per:
		s.open, s.told = false, now
		return Ended
	}
	return None
}

// Faded is Well for a trouble whose end nobody reports: it is over once there was no hit for Per.
func (s *Spell) Faded(now time.Time) Line {
	if !s.Lasts() || now.Sub(s.Last) < Per || s.Count > s.heard {
		return None
	}
	s.over, s.open, s.told = s.Last, false, now
	return Ended
}

// Renew makes the next hit the first one of another trouble, though this one is not over. The other trouble's first line
// comes no sooner than Per after this one's last line; until then, the log does not tell the two apart.
func (s *Spell) Renew() { *s = Spell{told: s.told, open: s.open} }

// Quiet reports whether the last line is Per ago, with no hit since.
func (s *Spell) Quiet(now time.Time) bool { return s.Count == s.heard && now.Sub(s.told) >= Per }

// Lasts reports whether the trouble has begun and not ended.
func (s *Spell) Lasts() bool { return !s.Since.IsZero() && s.over.IsZero() }

// Done reports whether everything about the trouble is logged: the next hit is another trouble.
func (s *Spell) Done(now time.Time) bool {
	return s.Since.IsZero() || !s.over.IsZero() && !s.open && now.Sub(s.over) >= Per && s.Count == s.heard
}

// For returns how long the trouble has lasted, or how long it lasted if it is over.
func (s *Spell) For(now time.Time) time.Duration {
	if !s.over.IsZero() {
		now = s.over
	}
	return now.Sub(s.Since).Round(time.Millisecond)
}
