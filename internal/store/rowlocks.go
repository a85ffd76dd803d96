package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
)

// On a database with concurrent writers, a transaction locks the rows of its users and devices: users before devices, and each kind in
// order, so that transactions cannot deadlock. No device can be registered for a user whose row is locked.
var (
	addUsers  = fold("of_app text, of_user text", "INSERT INTO users (app, id) SELECT r.of_app, r.of_user FROM {rows} ON CONFLICT DO NOTHING")
	lockUsers = fold("of_app text, of_user text",
		"SELECT 1 FROM {rows}, users u WHERE u.app = r.of_app AND u.id = r.of_user ORDER BY u.app, u.id FOR UPDATE OF u")
	idsOfUsers = fold("of_app text, of_user text",
		"SELECT d.app, d.id FROM {rows}, devices d WHERE d.app = r.of_app AND d.user_id = r.of_user AND d.user_id <> ''")
	lockDevices = fold("of_app text, of_device text",
		"SELECT 1 FROM {rows}, devices d WHERE d.app = r.of_app AND d.id = r.of_device ORDER BY d.app, d.id FOR UPDATE OF d")
)

// lockRows locks the users and devices of the ops of a batch.
func (t *tx) lockRows(ctx context.Context, batch []*op) error {
	var l rowLocks
	for _, o := range batch {
		l.add(o.app, o.users, o.devices)
	}
	return l.lock(ctx, t)
}

// lockOf locks users and devices of one app, and the devices of these users.
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

// maxLockTries bounds the loop of lockUserRows, which does not need many tries: RemoveUsers runs once a minute.
const maxLockTries = 20

// lockUserRows locks the rows of users. It inserts rows for users without one. RemoveUsers may remove such a row before it is locked;
// then lockUserRows tries again.
func (t *tx) lockUserRows(ctx context.Context, users []ref) error {
	for range maxLockTries {
		locked := 0
		err := t.run(ctx, addUsers.exec(addUsers.refRows(users)), lockUsers.each(lockUsers.refRows(users), func(scanFunc) error { locked++; return nil }))
		if err != nil || locked == len(users) {
			return err
		}
	}
	return fmt.Errorf("rows of %d users could not be locked", len(users))
}

// lock locks the users, and then the devices, including those of the users.
func (l *rowLocks) lock(ctx context.Context, t *tx) error {
	users := inOrder(l.users)
	if err := t.lockUserRows(ctx, users); err != nil {
		return err
	}
	err := t.run(ctx, idsOfUsers.each(idsOfUsers.refRows(users), func(scan scanFunc) error {
		r, err := readRef(scan)
		l.devices = append(l.devices, r)
		return err
	}))
	if err != nil {
		return err
	}
	return t.run(ctx, lockDevices.each(lockDevices.refRows(inOrder(l.devices)), ignore))
}

// inOrder sorts refs into the order in which their rows are locked, and drops repeated ones. It reorders the slice in place.
func inOrder(refs []ref) []ref {
	slices.SortFunc(refs, func(a, b ref) int { return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.id, b.id)) })
	return slices.Compact(refs)
}

// refRows returns rows of a statement whose columns are an app and an id.
func (f *folded) refRows(refs []ref) *rows {
	rows := f.rows(len(refs))
	for _, r := range refs {
		rows.add(str(r.app), str(r.id))
	}
	return rows
}

// idRows is refRows for ids of one app.
func (f *folded) idRows(app string, ids []string) *rows {
	rows := f.rows(len(ids))
	for _, id := range ids {
		rows.add(str(app), str(id))
	}
	return rows
}

// ignore reads nothing of a row.
func ignore(scanFunc) error { return nil }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
