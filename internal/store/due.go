package store

import (
	"context"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// dueQueries are the queries for the due rows of one table. They use its partial indexes on due_at.
type dueQueries struct {
	any     string // whether any row is due
	oldest  string // the rows that are due, of all apps
	nextApp string // the next app after a given one that has rows with a due_at
	ofApp   string // the rows of one app that are due
}

var dueDevices = dueQueries{
	any:     "SELECT 1 FROM device_state WHERE due_at <= ? LIMIT 1",
	oldest:  "SELECT app, n FROM device_state WHERE due_at <= ? ORDER BY due_at LIMIT ? {skip}",
	nextApp: "SELECT app FROM device_state WHERE due_at IS NOT NULL AND app > ? ORDER BY app LIMIT 1",
	ofApp:   "SELECT app, n FROM device_state WHERE app = ? AND due_at <= ? ORDER BY due_at LIMIT ? {skip}",
}

var duePushes = dueQueries{
	oldest:  "SELECT app, n FROM pushes WHERE due_at <= ? ORDER BY due_at LIMIT ?",
	nextApp: "SELECT app FROM pushes WHERE due_at IS NOT NULL AND app > ? ORDER BY app LIMIT 1",
	ofApp:   "SELECT app, n FROM pushes WHERE app = ? AND due_at <= ? ORDER BY due_at LIMIT ?",
}

// dueRow is a row that is due.
type dueRow struct {
	app string
	n   int64
}

func readDue(scan scanFunc) (r dueRow, err error) {
	err = scan(&r.app, &r.n)
	return r, err
}

// ref names a row by its app and id.
type ref struct{ app, id string }

func readRef(scan scanFunc) (r ref, err error) {
	err = scan(&r.app, &r.id)
	return r, err
}

// appRotation lets apps take turns while more rows are due than one call returns. after is the app that had the last turn.
type appRotation struct{ after string }

// appsPerQuery is how many apps share one call at least, if that many have due rows.
const appsPerQuery = 16

// due returns up to limit rows that are due, except those of the apps in without. If no more are due, the oldest come first.
// Otherwise apps take turns, so that one app's broadcast does not delay another app's single push.
func (t *appRotation) due(ctx context.Context, r runner, queries dueQueries, now time.Time, limit int, without map[string]bool) ([]dueRow, error) {
	limit = pageSize(limit)
	var oldest []dueRow
	if len(without) == 0 {
		var err error
		if oldest, err = all(ctx, r, readDue, queries.oldest, micros(now), limit); err != nil || len(oldest) < limit {
			return oldest, err
		}
	}
	taken := make([]dueRow, 0, limit)
	have := make(map[dueRow]bool, limit)
	wrapped, start := false, t.after
	for len(taken) < limit {
		apps, err := all(ctx, r, scalar[string], queries.nextApp, t.after)
		if err != nil {
			return nil, err
		}
		if len(apps) == 0 {
			if wrapped {
				break
			}
			wrapped, t.after = true, ""
			continue
		}
		if wrapped && apps[0] > start {
			break // every app had its turn
		}
		if t.after = apps[0]; without[t.after] {
			continue
		}
		found, err := all(ctx, r, readDue, queries.ofApp, apps[0], micros(now), min(max(limit/appsPerQuery, 1), limit-len(taken)))
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			taken, have[p] = append(taken, p), true
		}
	}
	for _, o := range oldest { // fills the places that the turns have left
		if len(taken) < limit && !have[o] {
			taken = append(taken, o)
		}
	}
	return taken, nil
}

// The ids of due rows, each with its index among them.
var (
	idsOfDevices = fold("place int, of_device int", "SELECT r.place, d.id FROM {rows}, devices d WHERE d.n = r.of_device")
	idsOfPushes  = fold("place int, of_push int", "SELECT r.place, p.id FROM {rows}, pushes p WHERE p.n = r.of_push")
)

// refsOf returns the ids of due rows. It leaves out those that have been removed.
func refsOf(ctx context.Context, r runner, ids *folded, due []dueRow) ([]ref, error) {
	rows, list := ids.rows(len(due)), make([]ref, len(due))
	for i, d := range due {
		rows.add(num(i), num(d.n))
		list[i].app = d.app
	}
	err := r.run(ctx, ids.each(rows, func(scan scanFunc) error {
		var place int
		var id string
		err := scan(&place, &id)
		list[place].id = id
		return err
	}))
	return slices.DeleteFunc(list, func(r ref) bool { return r.id == "" }), err // removed since
}

// ClaimDevices claims up to limit devices that are due, from each app in turn, and makes them this node's until now+lease. It skips
// those of the apps in without, and those of apps for which a broadcast is being made.
func (s *Store) ClaimDevices(ctx context.Context, now time.Time, lease time.Duration, limit int, without ...string) ([]push.DeviceKey, error) {
	var claimed []push.DeviceKey
	if err := s.endLeases(ctx, now); err != nil {
		return nil, wrap("claim", err)
	}
	if due, err := all(ctx, s.read, scalar[int64], dueDevices.any, micros(now)); err != nil || len(due) == 0 {
		return nil, wrap("claim", err)
	}
	err := s.write(ctx, "claim", &op{weight: limit, do: func(ctx context.Context, t *tx) error {
		leave := s.broadcasts.active(s.now())
		for _, app := range without {
			leave[app] = true
		}
		due, err := s.deviceRotation.due(ctx, t, dueDevices, now, limit, leave)
		if err != nil {
			return err
		}
		found, err := refsOf(ctx, t, idsOfDevices, due)
		if err != nil {
			return err
		}
		claimed = make([]push.DeviceKey, len(found))
		for i, r := range found {
			claimed[i] = push.DeviceKey{App: r.app, Device: r.id}
		}
		numbers := make([]int64, len(due))
		for i, d := range due {
			numbers[i] = d.n
		}
		return t.run(ctx, s.leaseDevices(numbers, now, lease))
	}})
	return claimed, err
}

var dueOf = fold("of_app text, of_device text, of_now int",
	"SELECT d.id FROM {rows}, devices d JOIN device_state s ON s.n = d.n WHERE d.app = r.of_app AND d.id = r.of_device AND s.due_at <= r.of_now")

// DueOf returns those of an app's devices that are due, or whose lease has ended, in no order.
func (s *Store) DueOf(ctx context.Context, app string, devices []string, now time.Time) ([]string, error) {
	rows, due := dueOf.rows(len(devices)), []string(nil)
	for _, id := range devices {
		rows.add(str(app), str(id), when(now))
	}
	err := s.read.run(ctx, dueOf.each(rows, func(scan scanFunc) error {
		id, err := scalar[string](scan)
		due = append(due, id)
		return err
	}))
	return due, wrap("due devices", err)
}
