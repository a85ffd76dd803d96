package store

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// Register runs push.Register on the device's locked row, and commits the result:
//
//   - It decides by credentialHash whether the caller has the device's credential; nil means that the caller sent none.
//   - newCredentialHash becomes the device's if Registered.NewCredential is set.
//   - A change of owner ends all open deliveries as undeliverable.
//   - Other devices of the app that have the same provider token lose it. Their keys are the second result.
//   - A user who would have more devices than Config.DevicesPerUser loses some, chosen by push.MakeRoom. They are in
//     Registered.Evicted.
//   - Deliveries that wait for a user without a device are handed over to the device in pieces, the first of which is committed
//     with the registration. If the process ends between two pieces, the device has had no answer, and registers again.
//   - The device is due now if it has open deliveries.
//
// Its errors are push.ErrNotFound if the app does not exist, those of push.Register and push.MakeRoom, and push.ErrConflict if
// another device has the new credential.
func (s *Store) Register(ctx context.Context, r push.Registration, app string, c push.Caller, credentialHash, newCredentialHash []byte) (push.Registered, []push.DeviceKey, error) {
	var reg push.Registered
	var moved []push.DeviceKey
	var complete bool
	o := &op{app: app, devices: []string{r.DeviceID}, do: func(ctx context.Context, t *tx) (err error) {
		reg, moved, complete, err = t.registerAndHandOver(ctx, r, app, c, credentialHash, newCredentialHash)
		return err
	}}
	if c.User != "" {
		o.users = []string{c.User}
	}
	if err := s.write(ctx, "register", o); err != nil {
		return push.Registered{}, nil, err
	}
	if !complete {
		if err := s.handOverRest(ctx, reg.Device); err != nil {
			return push.Registered{}, nil, err
		}
	}
	return reg, moved, nil
}

// registerAndHandOver does everything that is committed with a registration. complete reports whether all waiting deliveries have
// been handed over.
func (t *tx) registerAndHandOver(ctx context.Context, r push.Registration, app string, c push.Caller, credentialHash, newCredentialHash []byte) (reg push.Registered, moved []push.DeviceKey, complete bool, err error) {
	if reg, moved, err = t.register(ctx, r, app, c, credentialHash, newCredentialHash); err != nil {
		return reg, moved, false, err
	}
	if err = t.putDevice(ctx, &reg.Device); err != nil {
		return reg, moved, false, err
	}
	if complete, err = t.handOverWaiting(ctx, reg.Device); err != nil {
		return reg, moved, false, err
	}
	return reg, moved, complete, t.putState(ctx, &reg.Device, t.s.now())
}

// register decides on a registration, and writes everything but the device's own row.
func (t *tx) register(ctx context.Context, r push.Registration, app string, c push.Caller, credentialHash, newCredentialHash []byte) (push.Registered, []push.DeviceKey, error) {
	none := push.Registered{}
	if err := t.appExists(ctx, app); err != nil {
		return none, nil, err
	}
	key := push.DeviceKey{App: app, Device: r.DeviceID}
	was, err := t.lockDevice(ctx, key)
	if err != nil {
		return none, nil, err
	}
	c.Credential = len(credentialHash) > 0 && bytes.Equal(credentialHash, was.CredentialHash)
	now := t.s.now()
	reg, err := push.Register(now, was, app, r, c)
	if err != nil {
		return none, nil, err
	}
	d := &reg.Device
	if reg.NewCredential {
		d.CredentialHash = newCredentialHash
		taken, err := all(ctx, t, scalar[int64], "SELECT 1 FROM devices WHERE credential_hash = ? AND NOT (app = ? AND id = ?)", blob(newCredentialHash), app, r.DeviceID)
		if err != nil || len(taken) > 0 {
			return none, nil, orConflict(err)
		}
	}
	// This may refuse the registration, so it comes before anything is written.
	if reg.New || reg.OwnerChanged {
		if reg.Evicted, err = t.makeRoom(ctx, *d); err != nil {
			return none, nil, err
		}
	}
	if reg.NewWakeKey {
		if err := t.run(ctx, archiveWakeKey(&was, d)...); err != nil {
			return none, nil, err
		}
	}
	moved, err := t.moveToken(ctx, *d)
	if err != nil {
		return none, nil, err
	}
	if reg.OwnerChanged {
		if err := t.endOpen(ctx, was, push.Undeliverable, push.ReasonOwnerChanged); err != nil {
			return none, nil, err
		}
		if err := t.run(ctx, insertFormerOwner(was)); err != nil {
			return none, nil, err
		}
	}
	if err := t.run(ctx, exec(`INSERT INTO users (app, id, seen_at) VALUES (?, ?, ?)
		ON CONFLICT (app, id) DO UPDATE SET seen_at = COALESCE(users.seen_at, excluded.seen_at)`, app, d.User, micros(now))); err != nil {
		return none, nil, err
	}
	return reg, moved, nil
}

// lockDevice locks and returns the device's row. If there is none, it returns the zero value, and no other transaction can insert one
// until this one ends.
func (t *tx) lockDevice(ctx context.Context, key push.DeviceKey) (push.Device, error) {
	read := func() ([]push.Device, error) {
		return all(ctx, t, readDevice, deviceByID+" {lock}", key.App, key.Device)
	}
	found, err := read()
	if err == nil && len(found) == 0 && t.s.db.locksRows() {
		lock := each(ignore, "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", key.App+"/"+key.Device)
		if err := t.run(ctx, lock); err != nil {
			return push.Device{}, err
		}
		found, err = read()
	}
	if err != nil || len(found) == 0 {
		return push.Device{}, err
	}
	return found[0], nil
}

func orConflict(err error) error {
	if err != nil {
		return err
	}
	return push.ErrConflict
}

// newDevices inserts rows of devices that have none, and newNumbered inserts them with given numbers. putDevices inserts or replaces
// rows, and returns their numbers.
var newDevices, newNumbered, putDevices = func() (isNew, numbered, put *folded) {
	const columns = `app text, id text, user_id text, platform text, environment text, bundle_id text, package text, facts text, provider_token blob,
		token_hash blob, former_tokens blob, token_state text, app_state text, owner_gen int, token_gen int, token_at int, token_loss text,
		credential_hash blob, wake_key text, wake_key_at int, seal_key text, created_at int, registered_at int, updated_at int`
	var changes []string
	for _, name := range columnNames(columns)[2:] {
		changes = append(changes, name+" = excluded."+name)
	}
	return foldInsert("devices", columns), foldInsert("devices", columns+", n int"),
		foldPut("devices", columns, "ON CONFLICT (app, id) DO UPDATE SET "+strings.Join(changes, ", ")+" RETURNING n")
}()

// addDevice adds a device to rows of these statements. more are the values of further columns.
func addDevice(rows *rows, d *push.Device, more ...arg) {
	row := [...]arg{str(d.App), str(d.ID), str(d.User), str(d.Platform), str(d.Environment), str(d.BundleID), str(d.Package), str(encodeFacts(d.Facts)),
		raw([]byte(d.ProviderToken.Reveal())), raw(tokenHash(d.ProviderToken)), raw(blob(bytes.Join(d.FormerTokens, nil))), str(d.Token), str(d.AppState),
		num(d.OwnerGeneration), num(d.TokenGeneration), when(d.TokenAt), str(encodeLoss(d.TokenLoss)), keyOrNull(string(d.CredentialHash)), str(d.WakeKeyID),
		when(d.WakeKeyAt), str(d.SealKeyID), when(d.CreatedAt), when(d.RegisteredAt), when(d.UpdatedAt)}
	rows.add(append(row[:], more...)...)
}

// putDevice inserts or replaces the device's row, and sets its number.
func (t *tx) putDevice(ctx context.Context, d *push.Device) error {
	rows := putDevices.rows(1)
	addDevice(rows, d)
	return t.run(ctx, putDevices.each(rows, func(scan scanFunc) error { return scan(&d.Number) }))
}

// insertFormerOwner returns the statement that stores the current owner as a former one.
func insertFormerOwner(d push.Device) *stmt {
	return exec("INSERT INTO former_owners (app, user_id, device) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", d.App, d.User, d.Number)
}

const anyOpen = "SELECT 1 FROM deliveries WHERE holder = ? AND final_at IS NULL LIMIT 1"

// putState inserts or replaces the device's state, which is due now if there are open deliveries.
func (t *tx) putState(ctx context.Context, d *push.Device, now time.Time) error {
	open, err := all(ctx, t, scalar[int64], anyOpen, d.Number)
	if err != nil {
		return err
	}
	d.DueAt = time.Time{}
	if len(open) > 0 {
		d.DueAt = now
	}
	return t.run(ctx, exec(`INSERT INTO device_state (n, app, wake, wake_times, due_at, heard_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (n) DO UPDATE SET wake = excluded.wake, wake_times = excluded.wake_times, due_at = excluded.due_at, owner = '', heard_at = excluded.heard_at`,
		d.Number, d.App, encodeWake(d.Wake), encodeTimes(d.WakeTimes), micros(d.DueAt), heardMicros(d.HeardAt)))
}

// devicesByToken is sorted, so that all transactions lock rows in one order. The app and the order are expressions, so that SQLite,
// which has no statistics, does not use the app's index and read all of its devices.
const devicesByToken = "SELECT " + deviceColumns + " FROM " + devicesWithState + " WHERE d.token_hash = ? AND d.app || '' = ? AND d.id <> ? AND d.platform = ? ORDER BY d.id || ''"

// moveToken removes the device's provider token from all other devices of the app that have it. The system has just given it to this
// device, so a wake for the others would reach the wrong one.
func (t *tx) moveToken(ctx context.Context, d push.Device) ([]push.DeviceKey, error) {
	if d.ProviderToken == "" {
		return nil, nil
	}
	others, err := all(ctx, t, readDevice, devicesByToken+" {lock}", tokenHash(d.ProviderToken), d.App, d.ID, string(d.Platform))
	if err != nil {
		return nil, err
	}
	var moved []push.DeviceKey
	for _, other := range others {
		moved = append(moved, other.Key())
		if err := t.dropToken(ctx, other); err != nil {
			return nil, err
		}
	}
	return moved, nil
}

// dropToken removes a device's provider token, because it reaches the app on another device, and adds that to the timelines of the
// open deliveries. The device's row is locked.
func (t *tx) dropToken(ctx context.Context, d push.Device) error {
	now := t.s.now()
	dropped := push.Event{At: now, Event: push.EventTokenDropped, Reason: push.ReasonTokenMoved}
	open, err := t.openOf(ctx, d)
	if err != nil {
		return err
	}
	changes := make([]push.Change, len(open))
	for i, o := range open {
		changes[i] = push.Change{Delivery: o, Events: []push.Event{dropped}}
	}
	return t.run(ctx, append(t.change(changes...),
		exec(`UPDATE devices SET provider_token = ?, token_hash = NULL, environment = '', token_state = ?, token_loss = ?, token_gen = token_gen + 1,
			updated_at = ? WHERE n = ?`,
			[]byte{}, string(push.TokenMissing), encodeLoss(push.TokenLoss{At: now, Reason: push.ReasonTokenMoved}), micros(now), d.Number),
		exec("UPDATE device_state SET due_at = CASE WHEN due_at IS NOT NULL THEN CAST(? AS BIGINT) END, owner = '' WHERE n = ?", micros(now), d.Number))...)
}

// resourceOrDefault returns a resource; one without a strategy, for which the defaults hold, if it no longer exists.
func (t *tx) resourceOrDefault(ctx context.Context, app, id string) (push.Resource, error) {
	r, err := t.resource(ctx, app, id)
	if r == nil {
		r = &push.Resource{App: app, ID: id}
	}
	return *r, err
}
