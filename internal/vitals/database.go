package vitals

import (
	"time"

	"github.com/hushpush/hush/internal/spell"
)

// database is whether the store answers. Guarded by Vitals.mu.
type database struct {
	away spell.Spell
	line spell.Line // that a look has brought
	err  error      // the last one
}

func (d *database) looked(now time.Time, err error) {
	line := spell.None
	if err != nil {
		d.err = err
		line = d.away.Hit(now)
	} else {
		line = d.away.Well(now)
	}
	if line != spell.None {
		d.line = line
	}
}

func (v *Vitals) tellDatabase(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	d := &v.database
	line := d.line
	d.line = spell.None
	if line == spell.None {
		line = d.away.Tick(now)
	}
	const next = "pushes are answered 503 and nothing is lost; see to the database, the server goes on by itself"
	switch line {
	case spell.Begun:
		v.cfg.Logger.Error("the database does not answer", "error", d.err, "next", next)
	case spell.Goes:
		v.cfg.Logger.Error("the database still does not answer", "error", d.err, "for", d.away.For(now).String(), "next", next)
	case spell.Ended:
		v.cfg.Logger.Warn("the database answers again", "for", d.away.For(now).String())
	}
}
