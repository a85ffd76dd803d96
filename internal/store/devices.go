package store

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

const deviceColumns = `app, id, user_id, platform, environment, about, provider_token, former_tokens, token_state, app_state, owner_gen,
	token_gen, token_at, token_loss, credential_hash, wake_key, wake_key_at, seal_key, created_at, registered_at, updated_at, heard_at, wake, wake_times, due_at`

// about is what a device says of itself and nothing is looked up by.
type about struct {
	BundleID string         `json:"bundle_id,omitempty"`
	Package  string         `json:"package,omitempty"`
	Facts    map[string]any `json:"facts,omitempty"`
}

// wakeRow is how a wake is stored: push.Wake field by field, with names that stay when push renames one.
type wakeRow struct {
	ID         push.ID        `json:"id"`
	State      push.WakeState `json:"state"`
	Provider   push.Provider  `json:"provider"`
	Attempt    int            `json:"attempt"`
	DueAt      time.Time      `json:"due_at"`
	ExpiresAt  time.Time      `json:"expires_at"`
	Generation int            `json:"gen"`
	TokenGen   int            `json:"token_gen"`
	Priority   push.Priority  `json:"priority,omitempty"`
	Reason     push.Reason    `json:"reason,omitempty"`
	Refusal    string         `json:"refusal,omitempty"`

	RefusalStatus int `json:"refusal_status,omitempty"`

	Pushes  []push.ID    `json:"pushes,omitempty"`
	Perhaps []push.ID    `json:"perhaps,omitempty"`
	EndsAt  time.Time    `json:"-"`
	Items   []push.Item  `json:"-"`
	Key     push.WakeKey `json:"-"`
}

// encodeWake is "" for none. A wake may stand without an id or a state only if it is the zero value.
func encodeWake(w push.Wake) string {
	if w.State == push.WakeNone && w.ID == "" {
		return ""
	}
	return encode(wakeRow(w))
}

// lossRow is how the loss of a token is stored: push.TokenLoss field by field.
type lossRow struct {
	At       time.Time     `json:"at"`
	Reason   push.Reason   `json:"reason"`
	Provider push.Provider `json:"provider,omitempty"`
	Status   int           `json:"status,omitempty"`
	WakeID   push.ID       `json:"wake,omitempty"`
	PushID   push.ID       `json:"push,omitempty"`
}

// encodeLoss is "" for none.
func encodeLoss(l push.TokenLoss) string {
	if l.At.IsZero() {
		return ""
	}
	return encode(lossRow(l))
}

// heardMicros is a time as heard_at takes it; 0 for never.
func heardMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// readDeviceAnd reads deviceColumns, and into more what a query has beside them.
func readDeviceAnd(scan scanFunc, more ...any) (d push.Device, err error) {
	var (
		aboutText, wakeText string
		lossText            string
		token, wakeTimes    []byte
		former              []byte
		tokenAt, dueAt      *int64
		keyAt, registered   *int64
		created, updated    int64
		heardAt             int64
	)
	err = scan(append([]any{&d.App, &d.ID, &d.User, &d.Platform, &d.Environment, &aboutText, &token, &former, &d.Token, &d.AppState, &d.OwnerGeneration,
		&d.TokenGeneration, &tokenAt, &lossText, &d.CredentialHash, &d.WakeKeyID, &keyAt, &d.SealKeyID, &created, &registered, &updated, &heardAt, &wakeText, &wakeTimes, &dueAt}, more...)...)
	if err != nil {
		return d, err
	}
	var a about
	if err := decode(aboutText, &a); err != nil {
		return d, err
	}
	var w wakeRow
	if err := decode(wakeText, &w); err != nil {
		return d, err
	}
	var loss lossRow
	if err := decode(lossText, &loss); err != nil {
		return d, err
	}
	d.TokenLoss = push.TokenLoss(loss)
	if heardAt != 0 {
		d.HeardAt = clock(&heardAt)
	}
	d.BundleID, d.Package, d.Facts = a.BundleID, a.Package, a.Facts
	d.ProviderToken, d.FormerTokens = push.Secret(token), slices.Collect(slices.Chunk(former, sha256.Size))
	d.TokenAt, d.DueAt = clock(tokenAt), clock(dueAt)
	d.CreatedAt, d.UpdatedAt = clock(&created), clock(&updated)
	d.WakeKeyAt, d.RegisteredAt = clock(keyAt), clock(registered)
	d.Wake, d.WakeTimes = push.Wake(w), decodeTimes(wakeTimes)
	return d, nil
}

func readDevice(scan scanFunc) (push.Device, error) { return readDeviceAnd(scan) }

const (
	deviceByID         = "SELECT " + deviceColumns + " FROM devices WHERE app = ? AND id = ?"
	deviceByCredential = "SELECT " + deviceColumns + " FROM devices WHERE credential_hash = ?" +
		" AND EXISTS (SELECT 1 FROM apps a WHERE a.name = devices.app AND a.deleting = 0)"
	devicesOfUser = "SELECT " + deviceColumns + " FROM devices WHERE app = ? AND user_id = ? AND user_id <> '' AND id > ? ORDER BY id LIMIT ?"
)

// DeviceByCredential finds a registered device by the hash of its credential. That of an app which is being deleted is
// void at once, though its row goes later.
func (s *Store) DeviceByCredential(ctx context.Context, hash []byte) (push.Device, error) {
	d, err := one(ctx, s.read, readDevice, deviceByCredential, blob(hash))
	return d, doing("device by credential", err)
}

// Device is a registered device.
func (s *Store) Device(ctx context.Context, key push.DeviceKey) (push.Device, error) {
	d, err := one(ctx, s.read, readDevice, deviceByID, key.App, key.Device)
	if err == nil && !d.Registered() {
		d, err = push.Device{}, push.ErrNotFound
	}
	return d, doing("device", err)
}

// DevicesOf is a page of a user's devices, by id.
func (s *Store) DevicesOf(ctx context.Context, app, user, cursor string, limit int) ([]push.Device, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	list, err := all(ctx, s.read, readDevice, devicesOfUser, app, user, key[0], limit+1)
	list, next := page(list, limit, func(d push.Device) string { return d.ID })
	return list, next, doing("devices of a user", err)
}

// DevicesOfUsers are the ids of the devices of users, in no order.
func (s *Store) DevicesOfUsers(ctx context.Context, app string, users []string) ([]string, error) {
	var ids []string
	err := s.read.run(ctx, idsOfUsers.each(rowsOf(app, users), func(scan scanFunc) error {
		r, err := readRef(scan)
		ids = append(ids, r.id)
		return err
	}))
	return ids, doing("devices of users", err)
}

// MissingDevices are those of the ids that name no registered device, in the order given.
func (s *Store) MissingDevices(ctx context.Context, app string, ids []string) ([]string, error) {
	there := map[string]bool{}
	err := s.read.run(ctx, targetsByID.each(rowsOf(app, ids), func(scan scanFunc) error {
		var app string
		d, err := readRecipient(scan, &app)
		there[d.Device] = true
		return err
	}))
	if err != nil {
		return nil, doing("missing devices", err)
	}
	var missing []string
	for _, id := range ids {
		if !there[id] {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// ReportState takes over what a device says of itself over its session. Empty values leave what is known.
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
		return t.run(ctx, exec("UPDATE devices SET app_state = ?, about = ?, updated_at = ? WHERE app = ? AND id = ?",
			string(d.AppState), encode(about{d.BundleID, d.Package, d.Facts}), micros(s.now()), key.App, key.Device))
	}})
}

// Unregister ends a device: its open deliveries are undeliverable, its credential is void. Its row stays a while (see
// RemoveDevices), so that its generations go on counting; for callers it is not found any more.
func (s *Store) Unregister(ctx context.Context, key push.DeviceKey) error {
	return s.write(ctx, "unregister", &op{app: key.App, devices: []string{key.Device}, do: func(ctx context.Context, t *tx) error {
		d, err := one(ctx, t, readDevice, deviceByID+" {lock}", key.App, key.Device)
		if err == nil && !d.Registered() {
			err = push.ErrNotFound
		}
		if err != nil {
			return err
		}
		return t.unregister(ctx, key, push.ReasonUnregistered)
	}})
}

// unregister takes a device's owner away, for a reason that its open deliveries end with. Its row is locked.
func (t *tx) unregister(ctx context.Context, key push.DeviceKey, why push.Reason) error {
	if err := t.endOpen(ctx, key, push.Undeliverable, why); err != nil {
		return err
	}
	return t.run(ctx,
		exec(`UPDATE devices SET user_id = '', credential_hash = NULL, provider_token = ?, token_hash = NULL, token_state = ?, wake_key = '',
			wake_key_at = NULL, seal_key = '', about = '{}', wake = '', token_loss = '', due_at = NULL, owner = '', updated_at = ? WHERE app = ? AND id = ?`,
			[]byte{}, string(push.TokenMissing), micros(t.s.now()), key.App, key.Device),
		exec(removeWakeKeys, key.App, key.Device))
}

// endOpen brings all open deliveries of a device to a final state. Its row is locked.
func (t *tx) endOpen(ctx context.Context, key push.DeviceKey, state push.State, why push.Reason) error {
	at := t.s.now()
	ended := push.Event{At: at, Event: push.EventName(state), Reason: why}
	return t.run(ctx, each(t.changedRow(ended), `UPDATE deliveries SET state = ?, reason = ?, final_at = ?, due_at = NULL, events = events || ?
		WHERE app = ? AND device_id = ? AND final_at IS NULL `+whatChanged,
		string(state), string(why), micros(at), encodeEvents([]push.Event{ended}), key.App, key.Device))
}
