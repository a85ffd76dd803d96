package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
)

// Where others write at the same time, a transaction locks the rows of users and devices that it is about: users before
// devices, each in order, so that no two transactions wait for each other in a circle. Nobody registers a device for a user
// whose row is locked.
var (
	addUsers  = fold("of_app text, of_user text", "INSERT INTO users (app, id) SELECT r.of_app, r.of_user FROM {rows} ON CONFLICT DO NOTHING")
	lockUsers = fold("of_app text, of_user text",
		"SELECT 1 FROM {rows}, users u WHERE u.app = r.of_app AND u.id = r.of_user ORDER BY u.app, u.id FOR UPDATE OF u")
	idsOfUsers = fold("of_app text, of_user text",
		"SELECT d.app, d.id FROM {rows}, devices d WHERE d.app = r.of_app AND d.user_id = r.of_user AND d.user_id <> ''")
	lockDevices = fold("of_app text, of_device text",
		"SELECT 1 FROM {rows}, devices d WHERE d.app = r.of_app AND d.id = r.of_device ORDER BY d.app, d.id FOR UPDATE OF d")
)

// lockRows locks what a batch will touch.
func (t *tx) lockRows(ctx context.Context, batch []*op) error {
	var l rowLocks
	for _, o := range batch {
		l.add(o.app, o.users, o.devices)
	}
	return l.lock(ctx, t)
}

// lockOf locks users and devices of one app, and the devices of the users.
func (t *tx) lockOf(ctx context.Context, app string, users, devices []string) error {
	var l rowLocks
	l.add(app, users, devices)
	return l.lock(ctx, t)
}

// rowLocks are users and devices to be locked.
type rowLocks struct {
	users   []ref
	devices []ref
}

func (l *rowLocks) add(app string, users, devices []string) {
	for _, u := range users {
		l.users = append(l.users, ref{app, u})
	}
	for _, d := range devices {
		l.devices = append(l.devices, ref{app, d})
	}
}

// maxLockTries ends a loop that cannot last: the rows that it wants are removed once a minute.
const maxLockTries = 20

// lockUserRows locks the rows of users. Those never seen get a row to lock, and RemoveUsers may have taken it by the time it
// is locked: then another one is made.
func (t *tx) lockUserRows(ctx context.Context, users [][]any) error {
	for range maxLockTries {
		locked := 0
		err := t.run(ctx, addUsers.exec(users), lockUsers.each(users, func(scanFunc) error { locked++; return nil }))
		if err != nil || locked == len(users) {
			return err
		}
	}
	return fmt.Errorf("rows of %d users could not be locked", len(users))
}

// lock locks the users, then the devices with those of the users.
func (l *rowLocks) lock(ctx context.Context, t *tx) error {
	users := inOrder(l.users)
	if err := t.lockUserRows(ctx, users); err != nil {
		return err
	}
	err := t.run(ctx, idsOfUsers.each(users, func(scan scanFunc) error {
		r, err := readRef(scan)
		l.devices = append(l.devices, r)
		return err
	}))
	if err != nil {
		return err
	}
	return t.run(ctx, lockDevices.each(inOrder(l.devices), ignore))
}

// inOrder gives each of the refs once, as rows, in the order in which they are locked.
func inOrder(refs []ref) [][]any {
	slices.SortFunc(refs, func(a, b ref) int { return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.id, b.id)) })
	refs = slices.Compact(refs)
	rows := make([][]any, len(refs))
	for i, r := range refs {
		rows[i] = []any{r.app, r.id}
	}
	return rows
}

// rowsOf are rows of an app and an id each.
func rowsOf(app string, ids []string) [][]any {
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{app, id}
	}
	return rows
}

func ignore(scanFunc) error { return nil }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
