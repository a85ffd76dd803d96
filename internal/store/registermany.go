package store

import (
	"context"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// registerAtOnce is how many devices of an import one transaction registers. Pushes wait for that transaction.
const registerAtOnce = 1024

// RegisterMany registers the devices of an import, many in one transaction. The results are in the order of the devices, and the
// same as if Register were called for one device after the other.
func (s *Store) RegisterMany(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult {
	results := make([]push.RegisterResult, 0, len(devices))
	for batch := range slices.Chunk(devices, registerAtOnce) {
		results = append(results, s.registerBatch(ctx, app, batch)...)
	}
	return results
}

func (s *Store) registerBatch(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult {
	o := &op{app: app, long: true}
	var r *batchRegistration
	o.do = func(ctx context.Context, t *tx) error {
		r = &batchRegistration{tx: t, app: app, now: s.now(), devices: devices, results: make([]push.RegisterResult, len(devices))}
		return r.registerAll(ctx)
	}
	if err := s.write(ctx, "register", o); err != nil {
		results := make([]push.RegisterResult, len(devices))
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	for _, i := range r.handOverLater {
		if err := s.handOverRest(ctx, r.results[i].Device); err != nil {
			r.results[i] = push.RegisterResult{Err: err}
		}
	}
	return r.results
}

// batchRegistration registers many devices in one transaction. It reads at once what the database has about all of them. If that
// decides a registration, as it does for nearly all of an import, the device is written with others by few statements. The
// remaining devices are then registered one by one, as Register does. They include those whose registration may depend on that of
// an earlier device.
type batchRegistration struct {
	*tx
	app           string
	now           time.Time
	devices       []push.ImportedDevice
	existing      []existingDevice // for each device
	users         newUsers         // nil if rows are not locked
	results       []push.RegisterResult
	oneByOne      []int // indexes of the devices to register one by one, in order
	handOverLater []int // indexes of the devices with deliveries to hand over after the commit
}

// existingDevice holds the rows about a device that registers.
type existingDevice struct {
	device         push.Device // the zero value if it has no row
	hasOpen        bool        // whether it has open deliveries
	token          []byte      // the hash of its new provider token; nil for none
	rivals         int         // how many other devices its user has
	tokenElsewhere bool        // whether other devices have its provider token
	userHasWaiting bool        // whether deliveries wait for its user's first device
}

func (r *batchRegistration) registerAll(ctx context.Context) error {
	if err := r.appExists(ctx, r.app); err != nil {
		return err
	}
	if r.s.db.locksRows() {
		if err := r.lock(ctx); err != nil {
			return err
		}
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.write(ctx, r.decide()); err != nil {
		return err
	}
	for _, i := range r.oneByOne {
		d := r.devices[i]
		reg, moved, complete, err := r.registerAndHandOver(ctx, d.Registration, r.app, d.Caller(), nil, nil)
		if err != nil && !expected(err) {
			return err
		}
		r.results[i] = push.RegisterResult{Registered: reg, Moved: moved, Err: err}
		if err == nil && !complete {
			r.handOverLater = append(r.handOverLater, i)
		}
	}
	return r.clearSeen(ctx)
}

var (
	lockNewDevices = fold("key text", "SELECT pg_advisory_xact_lock(hashtextextended(r.key, 0)) FROM {rows}")

	// One query for each device, which only reads indexes. The waiting deliveries may be those of another user with the same
	// holder. The device is then registered on its own, which is correct, too.
	aboutDevices = fold("i int, of_app text, of_device text, of_user text, of_platform text, token blob, of_holder int", `SELECT r.i,
		(SELECT d.n FROM devices d WHERE d.app = r.of_app AND d.id = r.of_device),
		(SELECT COUNT(*) FROM devices d WHERE d.app = r.of_app AND d.user_id = r.of_user AND d.user_id <> '' AND d.id <> r.of_device),
		(SELECT 1 FROM devices d WHERE d.token_hash = r.token AND d.app || '' = r.of_app AND d.id <> r.of_device AND d.platform = r.of_platform LIMIT 1),
		(SELECT 1 FROM deliveries w WHERE w.holder = r.of_holder AND w.final_at IS NULL LIMIT 1) FROM {rows}`)

	knownDevices = fold("i int, of_app text, of_device text", "SELECT "+deviceColumns+`, r.i,
		(SELECT COUNT(*) FROM (SELECT 1 FROM deliveries o WHERE o.holder = d.n AND o.final_at IS NULL LIMIT 1) open_ones) FROM {rows}, `+devicesWithState+" WHERE d.app = r.of_app AND d.id = r.of_device")
)

// newUsers are the users whose rows this transaction has inserted, marked as seen. The value is true once one of their devices is
// registered.
type newUsers map[string]bool

var (
	addSeenUsers = fold("app text, id text, seen_at int",
		"INSERT INTO users (app, id, seen_at) SELECT r.app, r.id, r.seen_at FROM {rows} ON CONFLICT DO NOTHING RETURNING id")
	clearSeenUsers = fold("of_app text, of_user text", "UPDATE users SET seen_at = NULL FROM {rows} WHERE app = r.of_app AND id = r.of_user")
)

// lock locks the rows of the users and the devices, if there are concurrent writers. Nearly all users are new. Inserting their rows
// also locks them, and they have no devices to lock.
func (r *batchRegistration) lock(ctx context.Context) error {
	var users, devices []ref
	for _, d := range r.devices {
		users, devices = append(users, ref{r.app, d.User}), append(devices, ref{r.app, d.DeviceID})
	}
	r.users = newUsers{}
	users = inOrder(users)
	seen := addSeenUsers.rows(len(users))
	for _, u := range users {
		seen.add(str(u.app), str(u.id), when(r.now))
	}
	err := r.run(ctx, addSeenUsers.each(seen, func(scan scanFunc) error {
		id, err := scalar[string](scan)
		r.users[id] = false
		return err
	}))
	if err != nil {
		return err
	}
	there := rowLocks{devices: devices}
	for _, u := range users {
		if _, isNew := r.users[u.id]; !isNew {
			there.users = append(there.users, u)
		}
	}
	if err := there.lock(ctx, r.tx); err != nil {
		return err
	}
	keys := make([]string, len(r.devices))
	for i, d := range r.devices {
		keys[i] = r.app + "/" + d.DeviceID
	}
	slices.Sort(keys)
	rows := lockNewDevices.rows(len(keys)) // so that no other transaction inserts one of them before this one ends
	for _, key := range keys {
		rows.add(str(key))
	}
	return r.run(ctx, lockNewDevices.each(rows, ignore))
}

// clearSeen marks those new users as not seen of whose devices none was registered.
func (r *batchRegistration) clearSeen(ctx context.Context) error {
	for i, d := range r.devices {
		if _, isNew := r.users[d.User]; isNew && r.results[i].Err == nil {
			r.users[d.User] = true
		}
	}
	rows := clearSeenUsers.rows(0)
	for _, user := range sortedKeys(r.users) {
		if !r.users[user] {
			rows.add(str(r.app), str(user))
		}
	}
	return r.run(ctx, clearSeenUsers.exec(rows))
}

// read reads what the database has about each device.
func (r *batchRegistration) read(ctx context.Context) error {
	r.existing = make([]existingDevice, len(r.devices))
	asked := aboutDevices.rows(len(r.devices))
	for i := range r.devices {
		d, s := &r.devices[i], &r.existing[i]
		if d.ProviderToken != nil {
			s.token = tokenHash(*d.ProviderToken)
		}
		asked.add(num(i), str(r.app), str(d.DeviceID), str(d.User), str(d.Platform), raw(s.token), num(userHolder(r.app, d.User)))
	}
	known := knownDevices.rows(0)
	err := r.run(ctx, aboutDevices.each(asked, func(scan scanFunc) error {
		var i, rivals int64
		var number, holder, waiting *int64
		if err := scan(&i, &number, &rivals, &holder, &waiting); err != nil {
			return err
		}
		if number != nil {
			known.add(num(i), str(r.app), str(r.devices[i].DeviceID))
		}
		s := &r.existing[i]
		s.rivals, s.tokenElsewhere, s.userHasWaiting = int(rivals), holder != nil, waiting != nil
		return nil
	}))
	if err != nil || known.len() == 0 {
		return err
	}
	return r.run(ctx, knownDevices.each(known, func(scan scanFunc) error {
		var i, open int64
		d, err := readDeviceAnd(scan, &i, &open)
		if err == nil {
			r.existing[i].device, r.existing[i].hasOpen = d, open > 0
		}
		return err
	}))
}

// decide returns the indexes of the devices to write together, with their results set. The others are in oneByOne, or have an error.
func (r *batchRegistration) decide() (write []int) {
	devices, tokens, usersOneByOne := make(map[string]bool, len(r.devices)), make(map[string]bool, len(r.devices)), map[string]bool{}
	added := map[string]int{} // how many devices each user gets
	for i := range r.devices {
		d, s := &r.devices[i], &r.existing[i]
		token := string(s.token)
		repeated := devices[d.DeviceID] || token != "" && tokens[token]
		devices[d.DeviceID], tokens[token] = true, true
		reg, err := push.Register(r.now, s.device, r.app, d.Registration, d.Caller())
		crowded := err == nil && reg.New && s.rivals+added[d.User] >= r.s.cfg.DevicesPerUser
		affected := len(r.oneByOne) > 0 && s.device.ID != "" // an earlier device may get its token, or its place
		if repeated || affected || usersOneByOne[d.User] || crowded || s.userHasWaiting || s.tokenElsewhere {
			r.oneByOne = append(r.oneByOne, i)
			usersOneByOne[d.User] = true
			continue
		}
		if err != nil {
			r.results[i].Err = err
			continue
		}
		if reg.New {
			added[d.User]++
		}
		reg.Device.DueAt = time.Time{}
		if s.hasOpen {
			reg.Device.DueAt = r.now
		}
		r.results[i].Registered = reg
		write = append(write, i)
	}
	return write
}

var (
	seeUsers = foldPut("users", "app text, id text, seen_at int",
		"ON CONFLICT (app, id) DO UPDATE SET seen_at = excluded.seen_at WHERE users.seen_at IS NULL")
	newStates, putStates = insertAndPut("device_state", "n int, app text, wake blob, wake_times blob, due_at int, heard_at int",
		`ON CONFLICT (n) DO UPDATE SET wake = excluded.wake, wake_times = excluded.wake_times, due_at = excluded.due_at, owner = '',
		heard_at = excluded.heard_at`)
)

// insertAndPut returns the statement that inserts rows into a table, and the one that inserts or replaces them.
func insertAndPut(table, columns, onConflict string) (isNew, put *folded) {
	return foldInsert(table, columns), foldPut(table, columns, onConflict)
}

// write writes devices that do not depend on each other.
func (r *batchRegistration) write(ctx context.Context, which []int) error {
	added := 0
	for _, i := range which {
		if r.existing[i].device.ID == "" {
			added++
		}
	}
	numbers, err := r.numbersOfDevices(ctx, added)
	if err != nil {
		return err
	}
	users := seeUsers.rows(added)
	insert := newDevices
	if r.s.db.locksRows() {
		insert = newNumbered
	}
	devices, states := insert.rows(added), newStates.rows(added)
	known, knownStates := putDevices.rows(len(which)-added), putStates.rows(len(which)-added)
	var wakeKeyStmts []*stmt
	seen := make(map[string]bool, len(which))
	for _, i := range which {
		d, was := &r.results[i].Device, &r.existing[i].device
		if _, madeSeen := r.users[d.User]; !madeSeen && !seen[d.User] {
			seen[d.User] = true
			users.add(str(r.app), str(d.User), when(r.now))
		}
		if was.ID != "" {
			d.Number = was.Number
			addDevice(known, d)
			addWholeState(knownStates, d)
			if r.results[i].NewWakeKey {
				wakeKeyStmts = append(wakeKeyStmts, archiveWakeKey(was, d)...)
			}
			continue
		}
		d.Number, numbers = numbers[0], numbers[1:]
		if insert == newNumbered {
			addDevice(devices, d, num(d.Number))
		} else {
			addDevice(devices, d)
		}
		addWholeState(states, d)
	}
	return r.run(ctx, append([]*stmt{seeUsers.exec(users), insert.exec(devices), newStates.exec(states), putDevices.each(known, ignore), putStates.exec(knownStates)},
		wakeKeyStmts...)...)
}

// numbersOfDevices returns the numbers of the next n devices. SQLite assigns them itself, each one above the last (AUTOINCREMENT), and
// no one else inserts until this transaction ends. For PostgreSQL they are reserved here, and inserted with the rows.
func (t *tx) numbersOfDevices(ctx context.Context, n int) ([]int64, error) {
	switch {
	case n == 0:
		return nil, nil
	case t.s.db.locksRows():
		return all(ctx, t, scalar[int64], "SELECT nextval(pg_get_serial_sequence('devices', 'n')) FROM generate_series(1, ?)", n)
	}
	last, err := one(ctx, t, scalar[int64], "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'devices'")
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = last + int64(i) + 1
	}
	return numbers, err
}

// addWholeState adds a device's state to rows of newStates or putStates.
func addWholeState(rows *rows, d *push.Device) {
	rows.add(num(d.Number), str(d.App), raw(encodeWake(d.Wake)), raw(encodeTimes(d.WakeTimes)), when(d.DueAt), num(heardMicros(d.HeardAt)))
}
