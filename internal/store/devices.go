package store

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// deviceColumns are the columns of a device d and its state s.
const (
	deviceColumns = `d.n, d.app, d.id, d.user_id, d.platform, d.environment, d.bundle_id, d.package, d.facts, d.provider_token, d.former_tokens,
	d.token_state, d.app_state, d.owner_gen, d.token_gen, d.token_at, d.token_loss, d.credential_hash, d.wake_key, d.wake_key_at, d.seal_key, d.created_at,
	d.registered_at, d.updated_at, s.heard_at, s.wake, s.wake_times, s.due_at`
	devicesWithState = "devices d JOIN device_state s ON s.n = d.n"
)

// encodeFacts returns the facts as JSON; "" for none.
func encodeFacts(facts map[string]any) string {
	if len(facts) == 0 {
		return ""
	}
	return encode(facts)
}

// lossRow is the stored form of push.TokenLoss.
type lossRow struct {
	At       time.Time     `json:"at"`
	Reason   push.Reason   `json:"reason"`
	Provider push.Provider `json:"provider,omitempty"`
	Status   int           `json:"status,omitempty"`
	WakeID   push.ID       `json:"wake,omitempty"`
	PushID   push.ID       `json:"push,omitempty"`
}

// encodeLoss returns the loss of a token as JSON; "" for none.
func encodeLoss(l push.TokenLoss) string {
	if l.At.IsZero() {
		return ""
	}
	return encode(lossRow(l))
}

// heardMicros returns a time for the column heard_at; 0 for never.
func heardMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// readDeviceAnd reads deviceColumns, and the further columns of a query into more.
func readDeviceAnd(scan scanFunc, more ...any) (d push.Device, err error) {
	var (
		facts, loss                     string
		token, wake, wakeTimes, former  []byte
		tokenAt, due, keyAt, registered *int64
		created, updated, heardAt       int64
	)
	into := [...]any{&d.Number, &d.App, &d.ID, &d.User, &d.Platform, &d.Environment, &d.BundleID, &d.Package, &facts, &token, &former,
		&d.Token, &d.AppState, &d.OwnerGeneration, &d.TokenGeneration, &tokenAt, &loss, &d.CredentialHash, &d.WakeKeyID, &keyAt, &d.SealKeyID, &created,
		&registered, &updated, &heardAt, &wake, &wakeTimes, &due}
	if err = scan(append(into[:], more...)...); err != nil {
		return d, err
	}
	if err := decode(facts, &d.Facts); err != nil {
		return d, err
	}
	var lost lossRow
	if err := decode(loss, &lost); err != nil {
		return d, err
	}
	d.TokenLoss = push.TokenLoss(lost)
	d.HeardAt = clockOr0(heardAt)
	d.ProviderToken, d.FormerTokens = push.Secret(token), slices.Collect(slices.Chunk(former, sha256.Size))
	d.TokenAt, d.DueAt = clock(tokenAt), clock(due)
	d.CreatedAt, d.UpdatedAt = clock(&created), clock(&updated)
	d.WakeKeyAt, d.RegisteredAt = clock(keyAt), clock(registered)
	d.WakeTimes = decodeTimes(wakeTimes)
	d.Wake, err = decodeWake(wake)
	return d, err
}

func readDevice(scan scanFunc) (push.Device, error) { return readDeviceAnd(scan) }

const (
	deviceByID         = "SELECT " + deviceColumns + " FROM " + devicesWithState + " WHERE d.app = ? AND d.id = ?"
	deviceByCredential = "SELECT " + deviceColumns + " FROM " + devicesWithState + " WHERE d.credential_hash = ?" +
		" AND EXISTS (SELECT 1 FROM apps a WHERE a.name = d.app AND a.deleting = 0)"
	devicesOfUser = "SELECT " + deviceColumns + " FROM " + devicesWithState + " WHERE d.app = ? AND d.user_id = ? AND d.user_id <> '' AND d.id > ? ORDER BY d.id LIMIT ?"
)

// DeviceByCredential returns the registered device whose credential has this hash. The credentials of an app that is being deleted are
// void at once, although the rows are removed later.
func (s *Store) DeviceByCredential(ctx context.Context, hash []byte) (push.Device, error) {
	d, err := one(ctx, s.read, readDevice, deviceByCredential, blob(hash))
	return d, wrap("device by credential", err)
}

// Device returns a registered device.
func (s *Store) Device(ctx context.Context, key push.DeviceKey) (push.Device, error) {
	d, err := one(ctx, s.read, readDevice, deviceByID, key.App, key.Device)
	if err == nil && !d.Registered() {
		d, err = push.Device{}, push.ErrNotFound
	}
	return d, wrap("device", err)
}

// DevicesOf returns a page of a user's devices, by id.
func (s *Store) DevicesOf(ctx context.Context, app, user, cursor string, limit int) ([]push.Device, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readDevice, devicesOfUser, app, user, key[0], limit+1)
	list, next := page(list, limit, func(d push.Device) string { return d.ID })
	return list, next, wrap("devices of a user", err)
}

// DevicesOfUsers returns the ids of the devices of users, in no order.
func (s *Store) DevicesOfUsers(ctx context.Context, app string, users []string) ([]string, error) {
	var ids []string
	err := s.read.run(ctx, idsOfUsers.each(idsOfUsers.idRows(app, users), func(scan scanFunc) error {
		r, err := readRef(scan)
		ids = append(ids, r.id)
		return err
	}))
	return ids, wrap("devices of users", err)
}

// MissingDevices returns those of the ids that name no registered device, in the given order.
func (s *Store) MissingDevices(ctx context.Context, app string, ids []string) ([]string, error) {
	there := map[string]bool{}
	err := s.read.run(ctx, targetsByID.each(targetsByID.idRows(app, ids), func(scan scanFunc) error {
		_, d, err := readRecipient(scan)
		there[d.Device] = true
		return err
	}))
	if err != nil {
		return nil, wrap("missing devices", err)
	}
	var missing []string
	for _, id := range ids {
		if !there[id] {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// ReportState stores what a device reports about itself over its session. An empty state and nil facts leave the stored ones.
func (s *Store) ReportState(ctx context.Context, key push.DeviceKey, state push.AppState, facts map[string]any) error {
	return s.write(ctx, "report state", &op{app: key.App, devices: []string{key.Device}, do: func(ctx context.Context, t *tx) error {
		d, err := one(ctx, t, readDevice, deviceByID+" {lock}", key.App, key.Device)
		if err == nil && !d.Registered() {
			err = push.ErrNotFound
		}
		if err != nil {
			return err
		}
		if state != "" {
			d.AppState = state
		}
		if facts != nil {
			d.Facts = facts
		}
		return t.run(ctx, exec("UPDATE devices SET app_state = ?, facts = ?, updated_at = ? WHERE n = ?",
			string(d.AppState), encodeFacts(d.Facts), micros(s.now()), d.Number))
	}})
}

// Unregister unregisters a device: its open deliveries become undeliverable, and its credential void. Its row stays for a while (see
// RemoveDevices), so that its generations go on counting, but callers no longer find it.
func (s *Store) Unregister(ctx context.Context, key push.DeviceKey) error {
	return s.write(ctx, "unregister", &op{app: key.App, devices: []string{key.Device}, do: func(ctx context.Context, t *tx) error {
		d, err := one(ctx, t, readDevice, deviceByID+" {lock}", key.App, key.Device)
		if err == nil && !d.Registered() {
			err = push.ErrNotFound
		}
		if err != nil {
			return err
		}
		return t.unregister(ctx, d, push.ReasonUnregistered)
	}})
}

// unregister removes a device's owner, and ends its open deliveries for this reason. The device's row is locked.
func (t *tx) unregister(ctx context.Context, d push.Device, why push.Reason) error {
	if err := t.endOpen(ctx, d, push.Undeliverable, why); err != nil {
		return err
	}
	return t.run(ctx,
		exec(`UPDATE devices SET user_id = '', credential_hash = NULL, provider_token = ?, token_hash = NULL, token_state = ?, wake_key = '',
			wake_key_at = NULL, seal_key = '', bundle_id = '', package = '', facts = '', token_loss = '', updated_at = ? WHERE n = ?`,
			[]byte{}, string(push.TokenMissing), micros(t.s.now()), d.Number),
		exec("UPDATE device_state SET wake = ?, due_at = NULL, owner = '' WHERE n = ?", []byte{}, d.Number),
		exec(removeWakeKeys, d.App, d.ID), insertFormerOwner(d))
}

const allOpenOf = "SELECT " + deviceDeliveryColumns + " FROM " + deliveriesWithPush + " WHERE d.holder = ? AND d.final_at IS NULL ORDER BY d.since, d.push"

// openOf returns all open deliveries of a device, without payloads.
func (t *tx) openOf(ctx context.Context, d push.Device) ([]push.Delivery, error) {
	return all(ctx, t, readDeliveryOf(d.ID), allOpenOf, noPayload, d.Number)
}

// endOpen brings all open deliveries of a device to a final state. The device's row is locked.
func (t *tx) endOpen(ctx context.Context, d push.Device, state push.State, why push.Reason) error {
	open, err := t.openOf(ctx, d)
	if err != nil {
		return err
	}
	at, changes := t.s.now(), make([]push.Change, len(open))
	for i, o := range open {
		changes[i] = o.To(at, state, why)
	}
	return t.run(ctx, t.change(changes...)...)
}
