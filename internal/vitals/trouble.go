package vitals

import (
	"time"

	"github.com/hushpush/hush/internal/spell"
)

// trouble is a spell that is noted in one place and told in another: what notes it must not wait for the log. Guarded by
// Vitals.mu.
type trouble struct {
	spell.Spell
	untold spell.Line // that a note has brought
}

// hit notes the trouble once more, and reports whether it begins with that.
func (t *trouble) hit(now time.Time) (begins bool) { return t.note(t.Hit(now)) == spell.Begun }

// well notes that it is over.
func (t *trouble) well(now time.Time) { t.note(t.Well(now)) }

func (t *trouble) note(line spell.Line) spell.Line {
	if line != spell.None {
		t.untold = line
	}
	return line
}

// due returns the line that is to be logged now.
func (t *trouble) due(now time.Time) spell.Line {
	line := t.untold
	t.untold = spell.None
	if line == spell.None {
		line = t.Tick(now)
	}
	return line
}
