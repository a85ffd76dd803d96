package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// registerAtOnce is how many devices of an import one transaction registers: pushes wait for as long as that takes.
const registerAtOnce = 1024

// RegisterMany registers devices of an import, as Register would one after the other: with its rules, outcomes and errors, one
// for each, in order. Many are committed at once.
func (s *Store) RegisterMany(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult {
	results := make([]push.RegisterResult, 0, len(devices))
	for some := range slices.Chunk(devices, registerAtOnce) {
		results = append(results, s.registerSome(ctx, app, some)...)
	}
	return results
}

func (s *Store) registerSome(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult {
	o := &op{app: app, long: true}
	var r *registering
	o.do = func(ctx context.Context, t *tx) error {
		r = &registering{tx: t, app: app, devices: devices, results: make([]push.RegisterResult, len(devices))}
		return r.registerAll(ctx)
	}
	if err := s.write(ctx, "register", o); err != nil {
		results := make([]push.RegisterResult, len(devices))
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	for _, i := range r.more {
		if err := s.takeOverRest(ctx, r.results[i].Device); err != nil {
			r.results[i] = push.RegisterResult{Err: err}
		}
	}
	return r.results
}

// registering is the registration of many devices in one transaction. What stands in the database about all of them is read
// at once. Those for which that decides everything, as for nearly all of an import, are written by few statements; the others
// go the way of Register, one after the other, after them. A device is among the others, too, if what it comes to might depend
// on one of those before it.
type registering struct {
	*tx
	app      string
	devices  []push.ImportedDevice
	standing []registered // by device
	users    newUsers     // nil where rows are not locked
	results  []push.RegisterResult
	single   []int // which go one by one, in order
	more     []int // to which something is left to be handed over after the commit
}

// registered is what there is about a device that registers.
type registered struct {
	was     push.Device // its zero value if there is no row
	open    bool        // deliveries on it
	rivals  int         // devices that its user has beside it
	moves   bool        // other devices have its provider token
	waiting bool        // deliveries wait for its user's first device
}

func (r *registering) registerAll(ctx context.Context) error {
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
	for _, i := range r.single {
		d := r.devices[i]
		reg, moved, whole, err := r.registerWhole(ctx, d.Registration, r.app, d.Caller(), nil, nil)
		if err != nil && !expected(err) {
			return err
		}
		r.results[i] = push.RegisterResult{Registered: reg, Moved: moved, Err: err}
		if err == nil && !whole {
			r.more = append(r.more, i)
		}
	}
	return r.unsee(ctx)
}

var (
	lockNewDevices = fold("key text", "SELECT pg_advisory_xact_lock(hashtextextended(r.key, 0)) FROM {rows}")

	// One question for each device, answered by indexes. The deliveries may be of another user with the same holder: then the
	// device goes its way alone.
	aboutDevices = fold("i int, of_app text, of_device text, of_user text, of_platform text, token blob, of_holder int", `SELECT r.i,
		(SELECT COUNT(*) FROM devices d WHERE d.app = r.of_app AND d.id = r.of_device),
		(SELECT COUNT(*) FROM devices d WHERE d.app = r.of_app AND d.user_id = r.of_user AND d.user_id <> '' AND d.id <> r.of_device),
		(SELECT COUNT(*) FROM devices d WHERE d.app = r.of_app AND d.token_hash = r.token AND d.id <> r.of_device AND d.platform = r.of_platform),
		(SELECT COUNT(*) FROM (SELECT 1 FROM deliveries w WHERE w.holder = r.of_holder AND w.final_at IS NULL LIMIT 1) waiting) FROM {rows}`)

	knownDevices = fold("i int, of_app text, of_device text", "SELECT "+deviceColumns+`, r.i,
		(SELECT COUNT(*) FROM (SELECT 1 FROM deliveries o WHERE o.holder = d.n AND o.final_at IS NULL LIMIT 1) open_ones) FROM {rows}, `+withState+" WHERE d.app = r.of_app AND d.id = r.of_device")
)

// newUsers are users whose rows this transaction has made, as of users who have been seen; true: one of their devices is registered.
type newUsers map[string]bool

var (
	addSeenUsers = fold("app text, id text, seen_at int",
		"INSERT INTO users (app, id, seen_at) SELECT r.app, r.id, r.seen_at FROM {rows} ON CONFLICT DO NOTHING RETURNING id")
	unseeUsers = fold("of_app text, of_user text", "UPDATE users SET seen_at = NULL FROM {rows} WHERE app = r.of_app AND id = r.of_user")
)

// lock locks the rows of the users and the devices, where others write at the same time. Nearly all users are new: their rows are
// made as they are to be, which locks them, and they have no devices.
func (r *registering) lock(ctx context.Context) error {
	var users, devices []ref
	for _, d := range r.devices {
		users, devices = append(users, ref{r.app, d.User}), append(devices, ref{r.app, d.DeviceID})
	}
	r.users = newUsers{}
	seen := inOrder(users)
	for i, u := range seen {
		seen[i] = append(u, micros(r.s.now()))
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
	keys := make([][]any, len(r.devices)) // nobody makes one of them until this transaction ends
	for i, d := range r.devices {
		keys[i] = []any{r.app + "/" + d.DeviceID}
	}
	slices.SortFunc(keys, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	return r.run(ctx, lockNewDevices.each(keys, ignore))
}

// unsee takes back that new users have been seen of whose devices none was registered.
func (r *registering) unsee(ctx context.Context) error {
	for i, d := range r.devices {
		if _, isNew := r.users[d.User]; isNew && r.results[i].Err == nil {
			r.users[d.User] = true
		}
	}
	var rows [][]any
	for _, user := range sortedKeys(r.users) {
		if !r.users[user] {
			rows = append(rows, []any{r.app, user})
		}
	}
	return r.run(ctx, unseeUsers.exec(rows))
}

// read finds out what there is about each device.
func (r *registering) read(ctx context.Context) error {
	r.standing = make([]registered, len(r.devices))
	asked := make([][]any, len(r.devices))
	for i, d := range r.devices {
		asked[i] = []any{int64(i), r.app, d.DeviceID, d.User, string(d.Platform), nullBlob(tokenOf(d)), userHolder(r.app, d.User)}
	}
	var known [][]any
	err := r.run(ctx, aboutDevices.each(asked, func(scan scanFunc) error {
		var i, rows, rivals, holders, waiting int64
		if err := scan(&i, &rows, &rivals, &holders, &waiting); err != nil {
			return err
		}
		if rows > 0 {
			known = append(known, []any{i, r.app, r.devices[i].DeviceID})
		}
		s := &r.standing[i]
		s.rivals, s.moves, s.waiting = int(rivals), holders > 0, waiting > 0
		return nil
	}))
	if err != nil || len(known) == 0 {
		return err
	}
	return r.run(ctx, knownDevices.each(known, func(scan scanFunc) error {
		var i, open int64
		d, err := readDeviceAnd(scan, &i, &open)
		if err == nil {
			r.standing[i].was, r.standing[i].open = d, open > 0
		}
		return err
	}))
}

// tokenOf is the hash of the provider token that a device brings; nil for none.
func tokenOf(d push.ImportedDevice) []byte {
	if d.ProviderToken == nil {
		return nil
	}
	return tokenHash(*d.ProviderToken)
}

// decide says what becomes of the devices, and returns those that are to be written at once. The others are in single, or are
// refused.
func (r *registering) decide() (write []int) {
	devices, tokens, alone := map[string]bool{}, map[string]bool{}, map[string]bool{}
	added := map[string]int{} // devices by user
	for i, d := range r.devices {
		s, token := r.standing[i], string(tokenOf(d))
		again := devices[d.DeviceID] || token != "" && tokens[token]
		devices[d.DeviceID], tokens[token] = true, true
		reg, err := push.Register(r.s.now(), s.was, r.app, d.Registration, d.Caller())
		crowded := err == nil && reg.New && s.rivals+added[d.User] >= r.s.cfg.DevicesPerUser
		touched := len(r.single) > 0 && s.was.ID != "" // one before may take its token, or have it make room
		if again || touched || alone[d.User] || crowded || s.waiting || s.moves {
			r.single = append(r.single, i)
			alone[d.User] = true
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
		if s.open {
			reg.Device.DueAt = r.s.now()
		}
		r.results[i].Registered = reg
		write = append(write, i)
	}
	return write
}

var (
	seeUsers = foldPut("users", "app text, id text, seen_at int",
		"ON CONFLICT (app, id) DO UPDATE SET seen_at = excluded.seen_at WHERE users.seen_at IS NULL")
	newOwners, putOwners = newOrNot("device_owners", "app text, user_id text, device int", "ON CONFLICT DO NOTHING")
	newStates, putStates = newOrNot("device_state", "n int, app text, wake blob, wake_times blob, due_at int, heard_at int",
		`ON CONFLICT (n) DO UPDATE SET wake = excluded.wake, wake_times = excluded.wake_times, due_at = excluded.due_at, owner = '',
		heard_at = excluded.heard_at`)
	insertWakeKeys = foldInsert("wake_keys", "id text, app text, device_id text, owner_gen int, made_at int")
)

// newOrNot are the statements that write rows of a table where there are none, and where there may be some.
func newOrNot(table, columns, onConflict string) (isNew, put *folded) {
	return foldInsert(table, columns), foldPut(table, columns, onConflict)
}

// write writes devices that have nothing to do with each other.
func (r *registering) write(ctx context.Context, which []int) error {
	if len(which) == 0 {
		return nil
	}
	var isNew, known []*push.Device
	var users, keys [][]any
	var removals []*stmt
	seen := make(map[string]bool, len(which))
	for _, i := range which {
		reg := &r.results[i].Registered
		d := &reg.Device
		there := r.standing[i].was.ID != ""
		if there {
			known = append(known, d)
		} else {
			isNew = append(isNew, d)
		}
		if _, madeSeen := r.users[d.User]; !madeSeen && !seen[d.User] {
			seen[d.User] = true
			users = append(users, []any{r.app, d.User, micros(r.s.now())})
		}
		if reg.NewWakeKey {
			keys = append(keys, []any{d.WakeKeyID, r.app, d.ID, d.OwnerGeneration, micros(d.WakeKeyAt)})
			if there {
				removals = append(removals, exec(removeOldWakeKeys, r.app, d.ID, d.OwnerGeneration, r.app, d.ID, keysKept))
			}
		}
	}
	if err := r.run(ctx, seeUsers.exec(users), numbered(newDevices, isNew), numbered(putDevices, known)); err != nil {
		return err
	}
	return r.run(ctx, append([]*stmt{newOwners.exec(r.owners(isNew)), putOwners.exec(r.owners(known)), newStates.exec(r.states(isNew)),
		putStates.exec(r.states(known)), insertWakeKeys.exec(keys)}, removals...)...)
}

// numbered is the statement that writes devices, which gives them their numbers.
func numbered(write *folded, devices []*push.Device) *stmt {
	rows, byID := make([][]any, len(devices)), make(map[string]*push.Device, len(devices))
	for i, d := range devices {
		rows[i], byID[d.ID] = deviceRow(d), d
	}
	return write.each(rows, func(scan scanFunc) error {
		var id string
		var n int64
		err := scan(&id, &n)
		if d := byID[id]; d != nil {
			d.Number = n
		}
		return err
	})
}

func (r *registering) owners(devices []*push.Device) [][]any {
	rows := make([][]any, len(devices))
	for i, d := range devices {
		rows[i] = []any{r.app, d.User, d.Number}
	}
	return rows
}

func (r *registering) states(devices []*push.Device) [][]any {
	rows := make([][]any, len(devices))
	for i, d := range devices {
		rows[i] = []any{d.Number, r.app, encodeWake(d.Wake), encodeTimes(d.WakeTimes), micros(d.DueAt), heardMicros(d.HeardAt)}
	}
	return rows
}
