package vitals

import (
	"time"

	"github.com/hushpush/hush/internal/spell"
)

// database is whether the store answers. Guarded by Vitals.mu.
type database struct {
	away trouble
	err  error // the last one
}

func (d *database) looked(now time.Time, err error) {
	if err == nil {
		d.away.well(now)
		return
	}
	d.err = err
	d.away.hit(now)
}

func (v *Vitals) tellDatabase(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	d := &v.database
	const next = "pushes are answered 503 and nothing is lost; see to the database, the server goes on by itself"
	switch d.away.due(now) {
	case spell.Begun:
		v.cfg.Logger.Error("the database does not answer", "error", d.err, "next", next)
	case spell.Goes:
		v.cfg.Logger.Error("the database still does not answer", "error", d.err, "for", d.away.For(now).String(), "next", next)
	case spell.Ended:
		v.cfg.Logger.Warn("the database answers again", "for", d.away.For(now).String())
	}
}
