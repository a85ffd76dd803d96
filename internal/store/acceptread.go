package store

import (
	"context"
	"maps"

	"github.com/hushpush/hush/push"
)

// audience holds the users and devices of one app that pushes name, as read from the database.
type audience struct {
	users     map[string]bool // those requested; true: seen before
	devices   map[string]push.Recipient
	ofUser    map[string][]push.Recipient
	forLook   map[int64]*deviceForLook // by number, if devices are read with their state
	requested []string                 // ids of devices
}

func newAudience() *audience {
	return &audience{users: map[string]bool{}, devices: map[string]push.Recipient{}, ofUser: map[string][]push.Recipient{}, forLook: map[int64]*deviceForLook{}}
}

// merge adds the users and devices of other.
func (aud *audience) merge(other *audience) {
	maps.Copy(aud.users, other.users)
	maps.Copy(aud.devices, other.devices)
	maps.Copy(aud.ofUser, other.ofUser)
}

// User implements push.Registry.
func (aud *audience) User(id string) ([]push.Recipient, bool) { return aud.ofUser[id], aud.users[id] }

// Device implements push.Registry.
func (aud *audience) Device(id string) (push.Recipient, bool) {
	d, ok := aud.devices[id]
	return d, ok
}

// read reads everything that the pushes of a batch name.
func (a *acceptance) read(ctx context.Context, ops []*op) error {
	stmts := []*stmt{a.t.s.numbersOfPushes(&a.numbers, len(ops))}
	for _, o := range ops {
		a.withState = a.withState || o.accept.look != nil
		if i := o.accept.req.Idempotency; i != nil {
			stmts = append(stmts, a.readAnswer(idempotencyKey{o.app, i.Key}))
		}
		to := o.accept.req.Push.To
		if o.accept.targets != nil || o.accept.repeated {
			to = push.Audience{}
		}
		a.request(o.app, to.Users, to.Devices)
	}
	if a.t.s.db.locksRows() { // so that no other node deletes the apps before this transaction ends
		for _, app := range sortedKeys(a.apps) {
			stmts = append(stmts, each(ignore, "SELECT 1 FROM apps WHERE name = ? FOR SHARE", app))
		}
	}
	return a.readRequested(ctx, a.t, stmts...)
}

// readRequested runs other statements, and then reads the users and devices that were requested.
func (a *acceptance) readRequested(ctx context.Context, r runner, before ...*stmt) error {
	if err := r.run(ctx, append(before, a.readTargets()...)...); err != nil {
		return err
	}
	return r.run(ctx, a.readSeen())
}

// numbersOfPushes returns the statement that reserves numbers for the next n pushes. No number is given twice in the life of this
// process, since work that takes several transactions identifies a push by its number.
func (s *Store) numbersOfPushes(numbers *[]int64, n int) *stmt {
	*numbers = make([]int64, 0, n)
	if s.db.locksRows() {
		return into(numbers, scalar[int64], "SELECT nextval(pg_get_serial_sequence('pushes', 'n')) FROM generate_series(1, ?)", n)
	}
	return each(func(scan scanFunc) error {
		last, err := scalar[int64](scan)
		s.lastPush = max(s.lastPush, last)
		for range n {
			s.lastPush++
			*numbers = append(*numbers, s.lastPush)
		}
		return err
	}, "SELECT COALESCE(MAX(n), 0) FROM pushes")
}

// request adds users and devices of an app to those to be read.
func (a *acceptance) request(app string, users, devices []string) {
	aud := a.apps[app]
	if aud == nil {
		aud = newAudience()
		a.apps[app] = aud
	}
	for _, u := range users {
		aud.users[u] = false
	}
	aud.requested = append(aud.requested, devices...)
}

// The columns of targets, and how they are found. lookTargetColumns also say whether deliveries are open on a device, and whether a wake
// is in flight.
const (
	targetColumns     = "d.app, d.n, d.id, d.user_id, d.platform, d.owner_gen, d.created_at"
	lookTargetColumns = lookColumns + ", CASE WHEN s.due_at IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries o WHERE o.holder = d.n AND o.final_at IS NULL) THEN 1 ELSE 0 END" +
		", CASE WHEN length(s.wake) > 0 AND EXISTS (SELECT 1 FROM deliveries f WHERE f.holder = d.n AND f.wake_until IS NOT NULL) THEN 1 ELSE 0 END"
	ofUsers = " WHERE d.app = r.of_app AND d.user_id = r.of_user AND d.user_id <> ''"
	byIDs   = " WHERE d.app = r.of_app AND d.id = r.of_device AND d.user_id <> ''"
)

var (
	targetsOfUsers     = fold("of_app text, of_user text", "SELECT "+targetColumns+" FROM {rows}, devices d"+ofUsers)
	targetsByID        = fold("of_app text, of_device text", "SELECT "+targetColumns+" FROM {rows}, devices d"+byIDs)
	lookTargetsOfUsers = fold("of_app text, of_user text", "SELECT "+lookTargetColumns+" FROM {rows}, "+devicesWithState+ofUsers)
	lookTargetsByID    = fold("of_app text, of_device text", "SELECT "+lookTargetColumns+" FROM {rows}, "+devicesWithState+byIDs)
	seenUsers          = fold("of_app text, of_user text", "SELECT u.app, u.id FROM {rows}, users u WHERE u.app = r.of_app AND u.id = r.of_user AND u.seen_at IS NOT NULL")
)

// readRecipient reads targetColumns.
func readRecipient(scan scanFunc) (app string, d push.Recipient, err error) {
	var registered int64
	err = scan(&app, &d.Holder, &d.Device, &d.User, &d.Platform, &d.Generation, &registered)
	d.RegisteredAt = clock(&registered)
	return app, d, err
}

// readTarget reads one target, and returns it with the audience of its app.
func (a *acceptance) readTarget(scan scanFunc) (*audience, push.Recipient, error) {
	if a.targetsRead++; a.t != nil && a.targetsRead > maxRecipients {
		return nil, push.Recipient{}, errTooMany
	}
	if !a.withState {
		app, to, err := readRecipient(scan)
		return a.apps[app], to, err
	}
	d := &deviceForLook{}
	inFlight, err := a.lookRow.read(scan, d)
	if err != nil {
		return nil, push.Recipient{}, err
	}
	if d.Wake.State == push.WakeSending && !inFlight {
		d.Wake = push.Wake{} // it was answered; see Settle
	}
	aud := a.apps[d.App]
	aud.forLook[d.Number] = d
	return aud, push.Recipient{Device: d.ID, User: d.User, Platform: d.Platform, Generation: d.OwnerGeneration, Holder: d.Number, RegisteredAt: d.CreatedAt}, nil
}

// readTargets returns the statements that read the requested devices and the devices of the requested users.
func (a *acceptance) readTargets() []*stmt {
	ofUsers, byID := targetsOfUsers, targetsByID
	if a.withState {
		ofUsers, byID = lookTargetsOfUsers, lookTargetsByID
	}
	users, devices := ofUsers.rows(0), byID.rows(0)
	for _, app := range sortedKeys(a.apps) {
		for _, u := range sortedKeys(a.apps[app].users) {
			users.add(str(app), str(u))
		}
		for _, d := range a.apps[app].requested {
			devices.add(str(app), str(d))
		}
	}
	return []*stmt{
		ofUsers.each(users, func(scan scanFunc) error {
			aud, d, err := a.readTarget(scan)
			if err == nil {
				aud.users[d.User] = true // a user with a device has been seen
				aud.ofUser[d.User] = append(aud.ofUser[d.User], d)
			}
			return err
		}),
		byID.each(devices, func(scan scanFunc) error {
			aud, d, err := a.readTarget(scan)
			if err == nil {
				aud.devices[d.Device] = d
			}
			return err
		}),
	}
}

// readSeen returns the statement that reads which of the users without a device have been seen before.
func (a *acceptance) readSeen() *stmt {
	users := seenUsers.rows(0)
	for _, app := range sortedKeys(a.apps) {
		for _, u := range sortedKeys(a.apps[app].users) {
			if !a.apps[app].users[u] {
				users.add(str(app), str(u))
			}
		}
	}
	return seenUsers.each(users, func(scan scanFunc) error {
		r, err := readRef(scan)
		if err == nil {
			a.apps[r.app].users[r.id] = true
		}
		return err
	})
}
