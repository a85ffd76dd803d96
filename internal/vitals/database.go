package vitals

import (
	"context"
	"time"

	"github.com/hushpush/hush/internal/spell"
	"github.com/hushpush/hush/push"
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

func (v *Vitals) databaseLooked(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.database.looked(v.cfg.Now(), err)
}

const errNoAnswer = push.Timeout("the database did not answer in time")

// because returns the cause of a store's error: the deadline that ran out, if one did.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (v *Vitals) logDatabase(now time.Time) {
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
