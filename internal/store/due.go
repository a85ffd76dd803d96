package store

import (
	"context"
	"time"
)

// dueRows is how one table is asked what is due. The questions use its partial indexes on due_at.
type dueRows struct {
	any     string // whether anything is due
	oldest  string // what is due, whose ever it is
	nextApp string // the first app after one that has rows with a time
	ofApp   string // what is due of one app
}

var dueDevices = dueRows{
	any:     "SELECT 1 FROM devices WHERE due_at <= ? LIMIT 1",
	oldest:  "SELECT app, id FROM devices WHERE due_at <= ? ORDER BY due_at LIMIT ? {skip}",
	nextApp: "SELECT app FROM devices WHERE due_at IS NOT NULL AND app > ? ORDER BY app LIMIT 1",
	ofApp:   "SELECT app, id FROM devices WHERE app = ? AND due_at <= ? ORDER BY due_at LIMIT ? {skip}",
}

var duePushes = dueRows{
	oldest:  "SELECT app, id FROM pushes WHERE due_at <= ? ORDER BY due_at LIMIT ?",
	nextApp: "SELECT app FROM pushes WHERE due_at IS NOT NULL AND app > ? ORDER BY app LIMIT 1",
	ofApp:   "SELECT app, id FROM pushes WHERE app = ? AND due_at <= ? ORDER BY due_at LIMIT ?",
}

type ref struct{ app, id string }

func readRef(scan scanFunc) (r ref, err error) {
	err = scan(&r.app, &r.id)
	return r, err
}

// turn remembers which app comes next while more is due than one question takes.
type turn struct{ after string }

// share is how many apps at least share what one question takes, if that many have something due.
const share = 16

// take finds up to limit rows that are due. As long as that is all there is, the oldest come first; when more is due, apps
// take turns, so that one app's broadcast does not hold up another app's single push.
func (c *turn) take(ctx context.Context, r runner, rows dueRows, now time.Time, limit int) ([]ref, error) {
	limit = pageSize(limit)
	oldest, err := all(ctx, r, readRef, rows.oldest, micros(now), limit)
	if err != nil || len(oldest) < limit {
		return oldest, err
	}
	taken := make([]ref, 0, limit)
	have := make(map[ref]bool, limit)
	wrapped, start := false, c.after
	for len(taken) < limit {
		apps, err := all(ctx, r, scalar[string], rows.nextApp, c.after)
		if err != nil {
			return nil, err
		}
		if len(apps) == 0 {
			if wrapped {
				break
			}
			wrapped, c.after = true, ""
			continue
		}
		if wrapped && apps[0] > start {
			break // once around
		}
		c.after = apps[0]
		part, err := all(ctx, r, readRef, rows.ofApp, apps[0], micros(now), min(max(limit/share, 1), limit-len(taken)))
		if err != nil {
			return nil, err
		}
		for _, p := range part {
			taken, have[p] = append(taken, p), true
		}
	}
	for _, o := range oldest { // places that no turn has filled
		if len(taken) < limit && !have[o] {
			taken = append(taken, o)
		}
	}
	return taken, nil
}
