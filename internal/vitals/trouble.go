package vitals

import (
	"time"

	"github.com/hushpush/hush/internal/spell"
)

// trouble is a spell that is recorded in one place and logged in another: whoever records it must not wait for the log. Guarded by
// Vitals.mu.
type trouble struct {
	spell.Spell
	pending spell.Line // not logged yet
}

// hit records that the trouble has shown once more, and reports whether it begins with that.
func (t *trouble) hit(now time.Time) (begins bool) { return t.keep(t.Hit(now)) == spell.Begun }

// well records that the trouble is over.
func (t *trouble) well(now time.Time) { t.keep(t.Well(now)) }

func (t *trouble) keep(line spell.Line) spell.Line {
	if line != spell.None {
		t.pending = line
	}
	return line
}

// due returns the line that is to be logged now.
func (t *trouble) due(now time.Time) spell.Line {
	line := t.pending
	t.pending = spell.None
	if line == spell.None {
		line = t.Tick(now)
	}
	return line
}
