package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// acceptOp is one push to be made durable.
type acceptOp struct {
	req    push.AcceptRequest
	lease  time.Duration
	look   func(push.Snapshot) push.Changes // nil: nothing is looked at with it
	meant  *meantList                       // nil: its deliveries are made with it
	repeat bool                             // an earlier answer is there
	result push.Accepted                    // owned by the writer until the op is done
}

// Accept makes pushes durable, each by itself: when it answers, what it accepted is flushed. The audience of a push whose
// time has come is resolved in the same transaction, unless it is deferred (tags, all); what is open on a device under the
// same collapse key is superseded. Devices touched are this node's for lease; with lease 0 they are due now.
//
// look, if there is one, decides at once on a push for a device on which nothing else is open, as Step's function does and
// under the same conditions. What it decided is committed with the push; see push.Accepted.
//
// Errors of a result: push.ErrNotFound (the app or its resource is not there), push.ErrConflict (another body under the
// idempotency key), push.FieldErrors (a device that is not registered), context errors (not accepted), and the database's.
func (s *Store) Accept(ctx context.Context, reqs []push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) []push.AcceptResult {
	results := make([]push.AcceptResult, len(reqs))
	ops := make([]*op, len(reqs))
	scales, err := s.scales(ctx, reqs)
	if err != nil {
		for i := range results {
			results[i].Err = doing("accept", err)
		}
		return results
	}
	for i, r := range reqs {
		o, err := s.acceptOp(ctx, r, lease, scales)
		o.accept.look = look
		if err == nil {
			err = s.writer.submit(ctx, o)
		}
		if err != nil {
			results[i].Err = doing("accept", err)
			continue
		}
		ops[i] = o
	}
	for i, o := range ops {
		if o == nil {
			continue
		}
		if err := s.writer.wait(ctx, "accept", o); err != nil {
			results[i].Err = err
			continue
		}
		results[i].Accepted = o.accept.result
	}
	return results
}

// acceptOp prepares the acceptance of one push: the names in a long audience are looked up before anyone waits for it.
func (s *Store) acceptOp(ctx context.Context, r push.AcceptRequest, lease time.Duration, scales scales) (*op, error) {
	o := &op{app: r.Push.App, accept: &acceptOp{req: r, lease: lease}, weight: 1}
	if deferred(r.Push) {
		return o, nil
	}
	if r.Idempotency != nil && s.mayBeMany(r.Push.To) {
		_, _, found, err := s.Idempotent(ctx, r.Push.App, r.Idempotency.Key)
		if o.accept.repeat = found; found || err != nil {
			return o, err
		}
	}
	m, targets, err := s.keepMeant(ctx, r.Push)
	if o.accept.meant = m; m != nil || err != nil {
		return o, err
	}
	o.users, o.devices = r.Push.To.Users, r.Push.To.Devices
	if targets == 0 {
		targets = scales.weigh(r.Push)
	}
	o.weight += targets
	return o, nil
}

// deferred tells whether the deliveries of a push are made later.
func deferred(p push.Push) bool { return p.To.Deferred() || p.DeliverAt.After(p.AcceptedAt) }

// acceptance is what a transaction gathers while it accepts pushes: first it reads for all of them, then it decides, then
// it writes.
type acceptance struct {
	t       *tx
	now     time.Time
	answers map[idempotencyKey]answer
	apps    map[string]*audience

	rows     []*newDelivery
	newest   map[collapseKey]*newDelivery              // made in this transaction, and open
	pushes   [][]any                                   // to be inserted
	kept     [][]any                                   // answers under idempotency keys, to be inserted
	earlier  [][]any                                   // what is superseded; it ends before the inserts
	looked   [][]any                                   // devices as looks at them left them
	touched  map[time.Duration]map[push.DeviceKey]bool // by lease
	seenKeys map[collapseKey]bool
}

type collapseKey struct{ app, device, user, key string }

// target is a recipient, and how its delivery ends if that is known when it is made.
type target struct {
	push.Recipient
	end push.Ending
}

// audience is what is known of the users and devices of one app that pushes name.
type audience struct {
	users   map[string]bool // asked for; true: seen
	devices map[string]push.Recipient
	ofUser  map[string][]push.Recipient
	asked   []string // device ids
}

func newAcceptance(t *tx, now time.Time) *acceptance {
	return &acceptance{t: t, now: now, answers: map[idempotencyKey]answer{}, apps: map[string]*audience{}, newest: map[collapseKey]*newDelivery{},
		touched: map[time.Duration]map[push.DeviceKey]bool{}, seenKeys: map[collapseKey]bool{}}
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
	var stmts []*stmt
	for _, o := range ops {
		if i := o.accept.req.Idempotency; i != nil {
			stmts = append(stmts, a.readAnswer(idempotencyKey{o.app, i.Key}))
		}
		to := o.accept.req.Push.To
		if o.accept.meant != nil || o.accept.repeat {
			to = push.Audience{}
		}
		a.ask(o.app, to.Users, to.Devices)
	}
	if a.t.s.db.locksRows() { // keeps the apps from being deleted on another node meanwhile
		for _, app := range sortedKeys(a.apps) {
			stmts = append(stmts, each(ignore, "SELECT 1 FROM apps WHERE name = ? FOR SHARE", app))
		}
	}
	return a.t.run(ctx, append(stmts, a.readTargets()...)...)
}

// ask notes users and devices to be read.
func (a *acceptance) ask(app string, users, devices []string) {
	aud := a.apps[app]
	if aud == nil {
		aud = newAudience()
		a.apps[app] = aud
	}
	for _, u := range users {
		aud.users[u] = false
	}
	aud.asked = append(aud.asked, devices...)
}

func newAudience() *audience {
	return &audience{users: map[string]bool{}, devices: map[string]push.Recipient{}, ofUser: map[string][]push.Recipient{}}
}

// add takes over what other knows.
func (aud *audience) add(other *audience) {
	maps.Copy(aud.users, other.users)
	maps.Copy(aud.devices, other.devices)
	maps.Copy(aud.ofUser, other.ofUser)
}

// A user who has been seen is found with each of its devices, or once without one.
var (
	targetsOfUsers = foldList("of_app text, of_user text", `SELECT u.app, u.id, COALESCE(d.id, ''), COALESCE(d.platform, ''), COALESCE(d.owner_gen, 0), COALESCE(d.created_at, 0)
		FROM {rows}, users u LEFT JOIN devices d ON d.app = u.app AND d.user_id = u.id AND d.user_id <> ''
		WHERE u.app = r.of_app AND u.id = r.of_user AND u.seen_at IS NOT NULL`)
	targetsByID = foldList("of_app text, of_device text",
		"SELECT id, user_id, platform, owner_gen, app FROM {rows}, devices WHERE app = r.of_app AND id = r.of_device AND user_id <> ''")
)

func readRecipient(scan scanFunc, more ...any) (d push.Recipient, err error) {
	err = scan(append([]any{&d.Device, &d.User, &d.Platform, &d.Generation}, more...)...)
	return d, err
}

// readTargets asks for all users and devices that were noted.
func (a *acceptance) readTargets() []*stmt {
	var users, devices [][]any
	for _, app := range sortedKeys(a.apps) {
		for _, u := range sortedKeys(a.apps[app].users) {
			users = append(users, []any{app, u})
		}
		devices = append(devices, rowsOf(app, a.apps[app].asked)...)
	}
	return []*stmt{
		targetsOfUsers.each(users, func(scan scanFunc) error {
			var app string
			var d push.Recipient
			var registered int64
			err := scan(&app, &d.User, &d.Device, &d.Platform, &d.Generation, &registered)
			d.RegisteredAt = clock(&registered)
			if err == nil {
				a.apps[app].users[d.User] = true
			}
			if err == nil && d.Device != "" {
				a.apps[app].ofUser[d.User] = append(a.apps[app].ofUser[d.User], d)
			}
			return err
		}),
		targetsByID.each(devices, func(scan scanFunc) error {
			var app string
			d, err := readRecipient(scan, &app)
			if err == nil {
				a.apps[app].devices[d.Device] = d
			}
			return err
		}),
	}
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
	if o.repeat {
		return push.ErrUnavailable // the earlier answer was removed this moment
	}
	var targets []push.Recipient
	made, list := !deferred(p), ""
	o.result = push.Accepted{ID: p.ID}
	if m := o.meant; m != nil {
		made, list = false, m.id
		o.result.Deliveries, o.result.InPieces, o.result.Warnings = m.targets, true, m.warnings
	} else if targets, o.result.Warnings, err = a.t.s.cfg.Accepting.Recipients(p.To, a.apps[p.App]); err != nil {
		return err
	}
	expires := a.t.s.cfg.Accepting.LatestExpiry(p, *r)
	if made {
		expires = a.deliver(*r, p, targetsOf(targets), o)
	}
	a.pushes = append(a.pushes, rowOfPush(p, expires, made, list))
	a.t.noteAccepted(p)
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
	o.result = push.Accepted{ID: stored.ID, Deliveries: stored.Deliveries, Warnings: stored.Warnings, Repeated: true}
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

// deliver makes a delivery for each target and says when the last of them ends.
func (a *acceptance) deliver(r push.Resource, p push.Push, targets []target, o *acceptOp) time.Time {
	last := p.Start()
	for _, to := range targets {
		n := &newDelivery{a.t.s.cfg.Accepting.Place(p, r, to.Recipient, a.now, to.end), o}
		if n.ExpiresAt.After(last) {
			last = n.ExpiresAt
		}
		a.add(n)
		o.result.Deliveries++
		if to.Device != "" && !n.State.Final() {
			key := push.DeviceKey{App: p.App, Device: to.Device}
			o.result.Devices = append(o.result.Devices, key)
			if a.touched[o.lease] == nil {
				a.touched[o.lease] = map[push.DeviceKey]bool{}
			}
			a.touched[o.lease][key] = true
		}
	}
	return last
}

// add puts a delivery to those to be inserted. It supersedes what is open under its collapse key, in the database and in
// this transaction.
func (a *acceptance) add(n *newDelivery) {
	a.rows = append(a.rows, n)
	if n.CollapseKey == "" || n.State.Final() {
		return
	}
	key := collapseKey{n.App, n.DeviceID, n.User, n.CollapseKey}
	if n.DeviceID != "" {
		key.user = ""
	}
	if older := a.newest[key]; older != nil {
		older.Supersede(a.now)
	}
	a.newest[key] = n
	if !a.seenKeys[key] {
		a.seenKeys[key] = true
		a.earlier = append(a.earlier, a.supersede(key))
	}
}

// supersede ends what is open under a collapse key of a device, or of a user without one.
var supersede = fold("of_app text, of_device text, of_user text, of_key blob, state text, final_at int, events text",
	`UPDATE deliveries SET state = r.state, reason = '', final_at = r.final_at, due_at = NULL, events = deliveries.events || r.events FROM {rows}
	WHERE app = r.of_app AND device_id = r.of_device AND deliveries.collapse_key = r.of_key AND (device_id <> '' OR user_id = r.of_user)
		AND deliveries.final_at IS NULL `+whatChanged)

func (a *acceptance) supersede(key collapseKey) []any {
	return []any{key.app, key.device, key.user, []byte(key.key), string(push.Superseded), micros(a.now), encodeEvents([]push.Event{a.superseded()})}
}

// superseded is the event of what a newer push supersedes now.
func (a *acceptance) superseded() push.Event {
	return push.Event{At: a.now, Event: push.EventName(push.Superseded)}
}

// write looks at what can be, and runs what was decided.
func (a *acceptance) write(ctx context.Context) error {
	if err := a.lookAtFresh(ctx); err != nil {
		return err
	}
	deliveries := make([][]any, len(a.rows))
	for i, n := range a.rows {
		deliveries[i] = n.row()
		a.t.changed(n.Delivery, n.news()...)
	}
	stmts := []*stmt{supersede.each(a.earlier, a.t.changedRow(a.superseded())), insertPushes.exec(a.pushes), insertAnswers.exec(a.kept), insertDeliveries.exec(deliveries),
		updateDevices.exec(a.looked)}
	for _, lease := range slices.Backward(slices.Sorted(maps.Keys(a.touched))) { // "due now" has the last word
		stmts = append(stmts, a.t.s.holdDevices(slices.SortedFunc(maps.Keys(a.touched[lease]), compareKeys), a.now, lease))
	}
	return a.t.run(ctx, stmts...)
}

var holdDevices = fold("due_at int, owner text, of_app text, of_device text",
	"UPDATE devices SET due_at = r.due_at, owner = r.owner FROM {rows} WHERE app = r.of_app AND id = r.of_device")

// holdDevices makes devices this node's for lease; with lease 0, due now and nobody's.
func (s *Store) holdDevices(keys []push.DeviceKey, now time.Time, lease time.Duration) *stmt {
	due, owner := s.held(now, lease)
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = []any{due, owner, k.App, k.Device}
	}
	return holdDevices.exec(rows)
}

// held is what devices have as due_at and owner while this node has them for lease; with lease 0, due now and nobody's.
func (s *Store) held(now time.Time, lease time.Duration) (due any, owner string) {
	if lease <= 0 {
		return micros(now), ""
	}
	return micros(now.Add(lease)), s.cfg.Node
}

func keysOf(app string, ids []string) []push.DeviceKey {
	keys := make([]push.DeviceKey, len(ids))
	for i, id := range ids {
		keys[i] = push.DeviceKey{App: app, Device: id}
	}
	return keys
}

var insertPushes = foldInsert("pushes", `id text, app text, resource_id text, payload blob, audience text, ttl int, collapse_key blob, deliver text,
	accepted_at int, deliver_at int, expires_at int, made int, due_at int, list text, look_at int`)

// rowOfPush is one of insertPushes.
func rowOfPush(p push.Push, expires time.Time, made bool, list string) []any {
	var due, ttl any
	if !made {
		due = micros(p.Start())
	}
	if p.TTL != nil {
		ttl = int64(*p.TTL)
	}
	deliver := p.Deliver
	if deliver == "" {
		deliver = push.Auto
	}
	return []any{string(p.ID), p.App, p.ResourceID, blob(p.Payload), encode(p.To), ttl, []byte(p.CollapseKey), string(deliver), micros(p.AcceptedAt),
		micros(p.DeliverAt), micros(expires), bit(made), due, list, micros(p.Start())}
}
