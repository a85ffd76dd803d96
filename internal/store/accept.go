package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// acceptOp is one push to be made durable.
type acceptOp struct {
	req      push.AcceptRequest
	lease    time.Duration
	look     func(push.Snapshot) push.Changes // nil: nothing is looked at with it
	targets  *targetList                      // nil: its deliveries are made with it
	repeated bool                             // an earlier answer is there
	result   push.Accepted                    // owned by the writer until the op is done
}

// Accept makes pushes durable, each by itself: when it answers, what it accepted is flushed. The audience of a push whose
// time has come is resolved in the same transaction, unless it is deferred (tags, all); what is open on a device under the
// same collapse key is superseded. Devices touched are this node's for lease; with lease 0 they are due now.
//
// look, if there is one, decides at once on a push for a device to which no wake is in flight and on which little else is open, as
// Step's function does and under the same conditions, but that it may be called at once for several pushes. What is new is the last of
// what is open. What it decided is committed with the push; see push.Accepted.
//
// Errors of a result: push.ErrNotFound (the app or its resource is not there), push.ErrConflict (another body under the
// idempotency key), push.FieldErrors (a device that is not registered), context errors (not accepted), and the database's.
func (s *Store) Accept(ctx context.Context, reqs []push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) []push.AcceptResult {
	results := make([]push.AcceptResult, len(reqs))
	ops := make([]*op, len(reqs))
	for i, r := range reqs {
		o := acceptanceOp(r, lease, look)
		var err error
		if len(o.users)+len(o.devices) > maxAtOnce {
			err = s.fixTargets(ctx, o)
		}
		if err == nil {
			err = s.writer.submit(ctx, o)
		}
		if err != nil {
			results[i].Err = wrap("accept", err)
			continue
		}
		ops[i] = o
	}
	for i, o := range ops {
		if o == nil {
			continue
		}
		err := s.writer.wait(ctx, "accept", o)
		if errors.Is(err, errTooMany) {
			o, err = s.acceptMany(ctx, acceptanceOp(reqs[i], lease, look))
		}
		if results[i].Err = err; err == nil {
			results[i].Accepted = o.accept.result
		}
	}
	return results
}

// acceptOf is the acceptance of one push, for the writer. How many devices a user has is not known before it is read.
func acceptanceOp(r push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) *op {
	o := &op{app: r.Push.App, accept: &acceptOp{req: r, lease: lease, look: look}, weight: 1}
	if !deferred(r.Push) {
		o.users, o.devices = r.Push.To.Users, r.Push.To.Devices
		o.weight += len(o.users) + len(o.devices)
	}
	return o
}

// errTooMany says that pushes have more recipients than one transaction is to write for. Of several, each is tried by itself.
var errTooMany = errors.New("too many recipients for one transaction")

// acceptMany accepts a push that turned out to be for too many. Those whom it is for can change between the questions.
func (s *Store) acceptMany(ctx context.Context, o *op) (*op, error) {
	for {
		if err := s.fixTargets(ctx, o); err != nil {
			return o, wrap("accept", err)
		}
		if err := s.write(ctx, "accept", o); !errors.Is(err, errTooMany) {
			return o, err
		}
	}
}

// fixMeant looks up whom a push is for before anyone waits for it, and keeps the list if it is long.
func (s *Store) fixTargets(ctx context.Context, o *op) error {
	r := o.accept.req
	if r.Idempotency != nil {
		_, _, found, err := s.Idempotent(ctx, r.Push.App, r.Idempotency.Key)
		if o.accept.repeated = found; found || err != nil {
			o.dropTargets()
			return err
		}
	}
	m, err := s.storeLongTargets(ctx, r.Push)
	if o.accept.targets = m; m != nil {
		o.dropTargets()
	}
	return err
}

// forget lets an op touch nobody's rows but its push's.
func (o *op) dropTargets() { o.users, o.devices, o.weight = nil, nil, 1 }

// deferred tells whether the deliveries of a push are made later.
func deferred(p push.Push) bool { return p.To.Deferred() || p.DeliverAt.After(p.AcceptedAt) }

// acceptance is what a transaction gathers while it accepts pushes: first it reads for all of them, then it decides, then
// it writes.
type acceptance struct {
	t       *tx
	now     time.Time
	answers map[idempotencyKey]answer
	apps    map[string]*audience

	wholeDevices bool    // devices are read whole: some pushes are to be looked at
	lookRow      lookRow // that is read
	numbers      []int64 // of the pushes that are accepted next
	deliveries   []*newDelivery
	targetsRead  int                              // recipients that were read
	newest       map[collapseKey]*newDelivery     // made in this transaction, and open
	pushes       *rows                            // to be inserted
	newAnswers   *rows                            // answers under idempotency keys, to be inserted
	deviceStates *rows                            // devices as looks at them left them
	leased       map[time.Duration]map[int64]bool // numbers of devices, by lease
	resources    map[resourceKey]map[string]push.Resource
	superseding  map[collapseKey]bool // what is open under these is superseded, before the inserts
}

// collapseKey is one of a device, or of a user without one.
type collapseKey struct {
	holder         int64
	app, user, key string // app and user of a user without a device
}

// target is a recipient, and how its delivery ends if that is known when it is made.
type target struct {
	push.Recipient
	end push.Ending
}

// audience is what is known of the users and devices of one app that pushes name.
type audience struct {
	users        map[string]bool // asked for; true: seen
	devices      map[string]push.Recipient
	ofUser       map[string][]push.Recipient
	wholeDevices map[int64]*wholeDevice // by number, where devices are read whole
	requested    []string               // device ids
}

func newAcceptance(t *tx, now time.Time) *acceptance {
	return &acceptance{t: t, now: now, answers: map[idempotencyKey]answer{}, apps: map[string]*audience{}, newest: map[collapseKey]*newDelivery{}, resources: map[resourceKey]map[string]push.Resource{},
		pushes: insertPushes.rows(1), newAnswers: insertAnswers.rows(0), deviceStates: updateStates.rows(0),
		leased: map[time.Duration]map[int64]bool{}, superseding: map[collapseKey]bool{}}
}

// acceptAll accepts the pushes of a batch.
func (t *tx) acceptAll(ctx context.Context, ops []*op) error {
	if len(ops) == 0 {
		return nil
	}
	a := newAcceptance(t, t.s.now())
	if err := a.read(ctx, ops); err != nil {
		return err
	}
	for _, o := range ops {
		if err := a.accept(ctx, o.accept); expected(err) {
			o.err = err
		} else if err != nil {
			return err
		}
	}
	return a.write(ctx)
}

// read asks for everything that the pushes name, in few statements.
func (a *acceptance) read(ctx context.Context, ops []*op) error {
	stmts := []*stmt{a.t.s.numbersOfPushes(&a.numbers, len(ops))}
	for _, o := range ops {
		a.wholeDevices = a.wholeDevices || o.accept.look != nil
		if i := o.accept.req.Idempotency; i != nil {
			stmts = append(stmts, a.readAnswer(idempotencyKey{o.app, i.Key}))
		}
		to := o.accept.req.Push.To
		if o.accept.targets != nil || o.accept.repeated {
			to = push.Audience{}
		}
		a.request(o.app, to.Users, to.Devices)
	}
	if a.t.s.db.locksRows() { // keeps the apps from being deleted on another node meanwhile
		for _, app := range sortedKeys(a.apps) {
			stmts = append(stmts, each(ignore, "SELECT 1 FROM apps WHERE name = ? FOR SHARE", app))
		}
	}
	return a.readRequested(ctx, a.t, stmts...)
}

// readNoted reads all that was noted, and runs other statements before it.
func (a *acceptance) readRequested(ctx context.Context, r runner, before ...*stmt) error {
	if err := r.run(ctx, append(before, a.readTargets()...)...); err != nil {
		return err
	}
	return r.run(ctx, a.readSeen())
}

// numbersOfPushes asks for the numbers of the next n pushes. None is given twice while this process lives, since work that takes
// several transactions names a push by it.
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

// ask notes users and devices to be read.
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

func newAudience() *audience {
	return &audience{users: map[string]bool{}, devices: map[string]push.Recipient{}, ofUser: map[string][]push.Recipient{}, wholeDevices: map[int64]*wholeDevice{}}
}

// add takes over what other knows.
func (aud *audience) merge(other *audience) {
	maps.Copy(aud.users, other.users)
	maps.Copy(aud.devices, other.devices)
	maps.Copy(aud.ofUser, other.ofUser)
}

// What targets are found by. Whether something is open on a device, and whether a wake is in flight, is asked where the device is read
// whole.
const (
	targetColumns = "d.app, d.n, d.id, d.user_id, d.platform, d.owner_gen, d.created_at"
	wholeColumns  = lookColumns + ", CASE WHEN s.due_at IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries o WHERE o.holder = d.n AND o.final_at IS NULL) THEN 1 ELSE 0 END" +
		", CASE WHEN length(s.wake) > 0 AND EXISTS (SELECT 1 FROM deliveries f WHERE f.holder = d.n AND f.wake_until IS NOT NULL) THEN 1 ELSE 0 END"
	ofUsers = " WHERE d.app = r.of_app AND d.user_id = r.of_user AND d.user_id <> ''"
	byIDs   = " WHERE d.app = r.of_app AND d.id = r.of_device AND d.user_id <> ''"
)

var (
	targetsOfUsers = fold("of_app text, of_user text", "SELECT "+targetColumns+" FROM {rows}, devices d"+ofUsers)
	targetsByID    = fold("of_app text, of_device text", "SELECT "+targetColumns+" FROM {rows}, devices d"+byIDs)
	wholeOfUsers   = fold("of_app text, of_user text", "SELECT "+wholeColumns+" FROM {rows}, "+devicesWithState+ofUsers)
	wholeByID      = fold("of_app text, of_device text", "SELECT "+wholeColumns+" FROM {rows}, "+devicesWithState+byIDs)
	seenUsers      = fold("of_app text, of_user text", "SELECT u.app, u.id FROM {rows}, users u WHERE u.app = r.of_app AND u.id = r.of_user AND u.seen_at IS NOT NULL")
)

func readRecipient(scan scanFunc) (app string, d push.Recipient, err error) {
	var registered int64
	err = scan(&app, &d.Holder, &d.Device, &d.User, &d.Platform, &d.Generation, &registered)
	d.RegisteredAt = clock(&registered)
	return app, d, err
}

// readTarget reads a target for one of the apps.
func (a *acceptance) readTarget(scan scanFunc) (*audience, push.Recipient, error) {
	if a.targetsRead++; a.t != nil && a.targetsRead > maxRecipients {
		return nil, push.Recipient{}, errTooMany
	}
	if !a.wholeDevices {
		app, to, err := readRecipient(scan)
		return a.apps[app], to, err
	}
	d := &wholeDevice{}
	inFlight, err := a.lookRow.read(scan, d)
	if err != nil {
		return nil, push.Recipient{}, err
	}
	if d.Wake.State == push.WakeSending && !inFlight {
		d.Wake = push.Wake{} // it is answered; see Settle
	}
	aud := a.apps[d.App]
	aud.wholeDevices[d.Number] = d
	return aud, push.Recipient{Device: d.ID, User: d.User, Platform: d.Platform, Generation: d.OwnerGeneration, Holder: d.Number, RegisteredAt: d.CreatedAt}, nil
}

// readTargets asks for the devices of all users that were noted, and for all devices.
func (a *acceptance) readTargets() []*stmt {
	ofUsers, byID := targetsOfUsers, targetsByID
	if a.wholeDevices {
		ofUsers, byID = wholeOfUsers, wholeByID
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
				aud.users[d.User] = true // who has a device has been seen
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

// readSeen asks which of the users without a device have ever been seen.
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

// accept decides on one push. It has no effect if it answers an error.
func (a *acceptance) accept(ctx context.Context, o *acceptOp) error {
	p := o.req.Push
	if o.req.Idempotency != nil {
		if earlier, ok := a.answers[idempotencyKey{p.App, o.req.Idempotency.Key}]; ok {
			return repeat(earlier, o)
		}
	}
	r, err := a.t.resource(ctx, p.App, p.ResourceID)
	if err != nil {
		return err
	}
	if r == nil {
		return fmt.Errorf("resource %s: %w", p.ResourceID, push.ErrNotFound)
	}
	if o.repeated {
		return push.ErrUnavailable // the earlier answer was removed this moment
	}
	var targets []push.Recipient
	made, list := !deferred(p), ""
	o.result = push.Accepted{ID: p.ID}
	if m := o.targets; m != nil {
		made, list = false, m.id
		o.result.Deliveries, o.result.InPieces, o.result.Warnings = m.targets, true, m.warnings
	} else if targets, o.result.Warnings, err = a.t.s.cfg.Accepting.Recipients(p.To, a.apps[p.App]); err != nil {
		return err
	} else if made && (len(targets) > maxAtOnce || len(a.deliveries)+len(targets) > maxRecipients) {
		return errTooMany
	}
	number := a.numbers[0]
	a.numbers = a.numbers[1:]
	expires := a.t.s.cfg.Accepting.LatestExpiry(p, *r)
	if made {
		expires = a.deliver(*r, p, push.Row{Push: number}, targetsOf(targets), o)
	}
	addPush(a.pushes, p, number, expires, made, list)
	a.t.recordAccepted(p)
	if i := o.req.Idempotency; i != nil {
		a.remember(idempotencyKey{p.App, i.Key}, i.BodyHash, o.result)
	}
	return nil
}

// repeat answers what was answered before, if it is the same request.
func repeat(earlier answer, o *acceptOp) error {
	if !bytes.Equal(earlier.bodyHash, o.req.Idempotency.BodyHash) {
		return push.ErrConflict
	}
	var stored acceptedRow
	if err := json.Unmarshal(earlier.answer, &stored); err != nil {
		return push.ErrConflict // another kind of request has used the key
	}
	o.result = stored.accepted()
	o.result.Repeated = true
	return nil
}

// User implements push.Registry.
func (aud *audience) User(id string) ([]push.Recipient, bool) { return aud.ofUser[id], aud.users[id] }

// Device implements push.Registry.
func (aud *audience) Device(id string) (push.Recipient, bool) {
	d, ok := aud.devices[id]
	return d, ok
}

func targetsOf(recipients []push.Recipient) []target {
	targets := make([]target, len(recipients))
	for i, r := range recipients {
		targets[i].Recipient = r
	}
	return targets
}

// deliver makes a delivery for each target, with rows of the push, and says when the last of them ends.
func (a *acceptance) deliver(r push.Resource, p push.Push, row push.Row, targets []target, o *acceptOp) time.Time {
	last := p.Start()
	for _, to := range targets {
		n := &newDelivery{a.t.s.cfg.Accepting.Place(p, r, to.Recipient, a.now, to.end), o}
		n.Row = push.Row{Push: row.Push, Counted: row.Counted, Holder: holderOf(p.App, to.Recipient)}
		if n.ExpiresAt.After(last) {
			last = n.ExpiresAt
		}
		a.addDelivery(n)
		o.result.Deliveries++
		if to.Device != "" && !n.State.Final() {
			o.result.Devices = append(o.result.Devices, push.DeviceKey{App: p.App, Device: to.Device})
			if a.leased[o.lease] == nil {
				a.leased[o.lease] = map[int64]bool{}
			}
			a.leased[o.lease][to.Holder] = true
		}
	}
	return last
}

// add puts a delivery to those to be inserted. It supersedes what is open under its collapse key, in the database and in
// this transaction.
func (a *acceptance) addDelivery(n *newDelivery) {
	a.deliveries = append(a.deliveries, n)
	if n.CollapseKey == "" || n.State.Final() {
		return
	}
	key := collapseKey{holder: n.Row.Holder, key: n.CollapseKey}
	if n.DeviceID == "" {
		key.app, key.user = n.App, n.User
	}
	if older := a.newest[key]; older != nil {
		older.Supersede(a.now)
	}
	a.newest[key], a.superseding[key] = n, true
}

// openUnder is what is open under a collapse key of a device, or of a user without one.
var openUnder = fold("of_holder int, of_key blob, of_app text, of_user text",
	"SELECT "+withPayload(deliveryColumns, noPayload)+" FROM {rows}, "+deliveriesWithDevice+
		` WHERE d.holder = r.of_holder AND d.collapse_key = r.of_key AND d.final_at IS NULL AND (d.holder >= 0 OR p.app = r.of_app AND d.user_id = r.of_user)`)

// superseded is the changes of what newer pushes supersede.
func (a *acceptance) superseded(ctx context.Context) ([]push.Change, error) {
	rows := openUnder.rows(len(a.superseding))
	for k := range a.superseding {
		rows.add(num(k.holder), raw([]byte(k.key)), str(k.app), str(k.user))
	}
	var changes []push.Change
	return changes, a.t.run(ctx, openUnder.each(rows, func(scan scanFunc) error {
		d, err := readDelivery(scan)
		changes = append(changes, d.To(a.now, push.Superseded, push.ReasonNone))
		return err
	}))
}

// write looks at what can be, and runs what was decided.
func (a *acceptance) write(ctx context.Context) error {
	superseded, err := a.superseded(ctx)
	if err != nil {
		return err
	}
	busy := make(map[int64]bool, len(superseded))
	for _, c := range superseded {
		busy[c.Delivery.Row.Holder] = true
	}
	looked, err := a.lookAtNew(ctx, busy)
	if err != nil {
		return err
	}
	stmts := append(a.t.change(append(superseded, looked...)...), insertPushes.exec(a.pushes), insertAnswers.exec(a.newAnswers), a.t.insert(a.deliveries), updateStates.exec(a.deviceStates))
	for _, lease := range slices.Backward(slices.Sorted(maps.Keys(a.leased))) { // "due now" has the last word
		stmts = append(stmts, a.t.s.leaseDevices(slices.Sorted(maps.Keys(a.leased[lease])), a.now, lease))
	}
	return a.t.run(ctx, stmts...)
}

var leaseDevices = fold("due_at int, owner text, of_device int", "UPDATE device_state SET due_at = r.due_at, owner = r.owner FROM {rows} WHERE n = r.of_device")

// holdDevices makes devices this node's for lease; with lease 0, due now and nobody's.
func (s *Store) leaseDevices(numbers []int64, now time.Time, lease time.Duration) *stmt {
	due, owner := s.leaseColumns(now, lease)
	rows := leaseDevices.rows(len(numbers))
	for _, n := range numbers {
		rows.add(when(due), str(owner), num(n))
	}
	return leaseDevices.exec(rows)
}

// held is what devices have as due_at and owner while this node has them for lease; with lease 0, due now and nobody's.
func (s *Store) leaseColumns(now time.Time, lease time.Duration) (due time.Time, owner string) {
	if lease <= 0 {
		return now, ""
	}
	return now.Add(lease), s.cfg.Node
}

var insertPushes = foldInsert("pushes", `n int, id text, app text, resource_id text, payload blob, audience text, ttl int, collapse_key blob, deliver text,
	accepted_at int, deliver_at int, expires_at int, made int, due_at int, list text, look_at int, counted int`)

// addPush adds a row of insertPushes.
func addPush(rows *rows, p push.Push, number int64, expires time.Time, made bool, list string) {
	var due, ttl arg
	if !made {
		due = when(p.Start())
	}
	if p.TTL != nil {
		ttl = num(*p.TTL)
	}
	rows.add(num(number), str(p.ID), str(p.App), str(p.ResourceID), raw(blob(p.Payload)), str(encodeAudience(p.To)), ttl, raw([]byte(p.CollapseKey)),
		str(cmp.Or(p.Deliver, push.Auto)), when(p.AcceptedAt), when(p.DeliverAt), when(expires), num(bit(made)), due, str(list), when(p.Start()),
		num(bit(p.To.Deferred() || list != "")))
}
