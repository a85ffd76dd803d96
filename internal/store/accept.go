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
	result push.Accepted // owned by the writer until the op is done
}

// Accept makes pushes durable, each by itself: when it answers, what it accepted is flushed. The audience of a push whose
// time has come is resolved in the same transaction, unless it is deferred (tags, all); what is open on a device under the
// same collapse key is superseded. Devices touched are this node's for lease; with lease 0 they are due now.
//
// Errors of a result: push.ErrNotFound (the app or its resource is not there), push.ErrConflict (another body under the
// idempotency key), push.FieldErrors (a device that is not registered), context errors (not accepted), and the database's.
func (s *Store) Accept(ctx context.Context, reqs []push.AcceptRequest, lease time.Duration) []push.AcceptResult {
	results := make([]push.AcceptResult, len(reqs))
	ops := make([]*op, len(reqs))
	for i, r := range reqs {
		o := &op{app: r.Push.App, accept: &acceptOp{req: r, lease: lease}, weight: 1}
		if !deferred(r.Push) {
			o.users, o.devices = r.Push.To.Users, r.Push.To.Devices
			o.weight += len(o.users) + len(o.devices)
		}
		if err := s.writer.submit(ctx, o); err != nil {
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
	newest   map[collapseKey]*newDelivery // made in this transaction, and open
	inserts  []*stmt
	earlier  []*stmt // end what is superseded; they run before the inserts
	touched  map[dueKey][]string
	seenKeys map[collapseKey]bool
}

type collapseKey struct{ app, device, user, key string }

type dueKey struct {
	app   string
	lease time.Duration
}

// target is a device, as far as accepting needs to know it.
type target struct {
	id         string
	user       string
	platform   push.Platform
	generation int
}

// audience is what is known of the users and devices of one app that pushes name.
type audience struct {
	users   map[string]bool // asked for; true: seen
	devices map[string]target
	ofUser  map[string][]target
	asked   []string // device ids
}

// acceptAll accepts the pushes of a batch.
func (t *tx) acceptAll(ctx context.Context, ops []*op) error {
	if len(ops) == 0 {
		return nil
	}
	a := &acceptance{t: t, now: t.s.now(), answers: map[idempotencyKey]answer{}, apps: map[string]*audience{},
		newest: map[collapseKey]*newDelivery{}, touched: map[dueKey][]string{}, seenKeys: map[collapseKey]bool{}}
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
		a.ask(o.app, to.Users, to.Devices)
	}
	for _, app := range slices.Sorted(maps.Keys(a.apps)) {
		if a.t.s.db.locksRows() { // keeps the app from being deleted on another node meanwhile
			stmts = append(stmts, each(ignore, "SELECT 1 FROM apps WHERE name = ? FOR SHARE", app))
		}
		stmts = append(stmts, a.apps[app].read(app)...)
	}
	return a.t.run(ctx, stmts...)
}

// ask notes users and devices to be read.
func (a *acceptance) ask(app string, users, devices []string) {
	aud := a.apps[app]
	if aud == nil {
		aud = &audience{users: map[string]bool{}, devices: map[string]target{}, ofUser: map[string][]target{}}
		a.apps[app] = aud
	}
	for _, u := range users {
		aud.users[u] = false
	}
	aud.asked = append(aud.asked, devices...)
}

const (
	seenUsers      = "SELECT id FROM users WHERE app = ? AND seen_at IS NOT NULL AND id {in}"
	targetsOfUsers = "SELECT id, user_id, platform, owner_gen FROM devices WHERE app = ? AND user_id <> '' AND user_id {in}"
	targetsByID    = "SELECT id, user_id, platform, owner_gen FROM devices WHERE app = ? AND user_id <> '' AND id {in}"
)

func readTarget(scan scanFunc) (d target, err error) {
	err = scan(&d.id, &d.user, &d.platform, &d.generation)
	return d, err
}

func (aud *audience) read(app string) []*stmt {
	var stmts []*stmt
	if len(aud.users) > 0 {
		list := jsonList(slices.Sorted(maps.Keys(aud.users)))
		stmts = append(stmts,
			each(func(scan scanFunc) error {
				u, err := scalar[string](scan)
				aud.users[u] = true
				return err
			}, seenUsers, app, list),
			each(func(scan scanFunc) error {
				d, err := readTarget(scan)
				aud.ofUser[d.user] = append(aud.ofUser[d.user], d)
				return err
			}, targetsOfUsers, app, list))
	}
	if len(aud.asked) > 0 {
		stmts = append(stmts, each(func(scan scanFunc) error {
			d, err := readTarget(scan)
			aud.devices[d.id] = d
			return err
		}, targetsByID, app, jsonList(aud.asked)))
	}
	return stmts
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
	targets, warnings, err := a.apps[p.App].resolve(p.To)
	if err != nil {
		return err
	}
	o.result = push.Accepted{ID: p.ID, Warnings: warnings}
	made := !deferred(p)
	expires := latestExpiry(a.t.s, *r, p)
	if made {
		expires = a.deliver(*r, p, targets, o)
	}
	a.inserts = append(a.inserts, insertPush(p, expires, made))
	a.t.touch(p.ID)
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

// resolve finds the targets of an audience that names users or devices. A user without a device is a target without an id.
func (aud *audience) resolve(to push.Audience) (targets []target, warnings []push.Warning, err error) {
	done := map[string]bool{}
	for _, u := range to.Users {
		if done[u] {
			continue
		}
		done[u] = true
		if !aud.users[u] {
			warnings = append(warnings, push.Warning{Code: push.UserNotSeen, User: u})
		}
		if len(aud.ofUser[u]) == 0 {
			targets = append(targets, target{user: u})
		}
		targets = append(targets, aud.ofUser[u]...)
	}
	var errs push.FieldErrors
	for i, id := range to.Devices {
		if done[id] {
			continue
		}
		done[id] = true
		d, ok := aud.devices[id]
		if !ok {
			errs.Add(fmt.Sprintf("to.devices[%d]", i), push.CodeUnknownDevice, fmt.Sprintf("is %q; want a registered device", id))
			continue
		}
		targets = append(targets, d)
	}
	return targets, warnings, errs.Err()
}

// deliver makes a delivery for each target and says when the last of them ends.
func (a *acceptance) deliver(r push.Resource, p push.Push, targets []target, o *acceptOp) time.Time {
	last := p.Start()
	for _, to := range targets {
		n := a.t.s.newDelivery(r, p, to, a.now)
		if n.ExpiresAt.After(last) {
			last = n.ExpiresAt
		}
		a.add(n)
		o.result.Deliveries++
		if to.id != "" {
			o.result.Devices = append(o.result.Devices, push.DeviceKey{App: p.App, Device: to.id})
			due := dueKey{p.App, o.lease}
			a.touched[due] = append(a.touched[due], to.id)
		}
	}
	return last
}

// newDelivery is what a push makes for a target. One that had a deliver_at has been scheduled before.
func (s *Store) newDelivery(r push.Resource, p push.Push, to target, now time.Time) *newDelivery {
	n := &newDelivery{collapse: r.CollapseKey(p, to.platform)}
	n.Delivery = push.Delivery{PushID: p.ID, App: p.App, DeviceID: to.id, User: to.user, ResourceID: r.ID, State: push.Waiting,
		Since: p.Start(), AcceptedAt: p.AcceptedAt, ExpiresAt: s.expiry(r, p, to.platform), NowOrNever: r.TTL(p, to.platform) == 0,
		Deliver: p.Deliver, Generation: to.generation}
	at := p.AcceptedAt
	if p.DeliverAt.After(p.AcceptedAt) {
		n.events = append(n.events, push.Event{At: p.AcceptedAt, Event: push.EventName(push.Scheduled)})
		at = now
	}
	if to.id == "" {
		c := n.WithoutDevice(at)
		n.Delivery, n.events = c.Delivery, append(n.events, c.Events...)
		return n
	}
	n.events = append(n.events, push.Event{At: at, Event: push.EventName(push.Waiting)})
	return n
}

// add puts a delivery to those to be inserted. It supersedes what is open under its collapse key, in the database and in
// this transaction.
func (a *acceptance) add(n *newDelivery) {
	a.rows = append(a.rows, n)
	if n.collapse == "" || n.State.Final() {
		return
	}
	key := collapseKey{n.App, n.DeviceID, n.User, n.collapse}
	if n.DeviceID != "" {
		key.user = ""
	}
	if older := a.newest[key]; older != nil {
		c := older.To(a.now, push.Superseded, push.ReasonNone)
		older.Delivery, older.events = c.Delivery, append(older.events, c.Events...)
	}
	a.newest[key] = n
	if !a.seenKeys[key] {
		a.seenKeys[key] = true
		a.earlier = append(a.earlier, a.supersede(key))
	}
}

const supersede = `UPDATE deliveries SET state = ?, reason = '', final_at = ?, due_at = NULL, events = events || ?
	WHERE app = ? AND device_id = ? AND collapse_key = ? AND (device_id <> '' OR user_id = ?) AND final_at IS NULL RETURNING push_id`

func (a *acceptance) supersede(key collapseKey) *stmt {
	event := push.Event{At: a.now, Event: push.EventName(push.Superseded)}
	return each(a.t.touchRow, supersede, string(push.Superseded), micros(a.now), encodeEvents([]push.Event{event}),
		key.app, key.device, []byte(key.key), key.user)
}

// write runs what was decided.
func (a *acceptance) write(ctx context.Context) error {
	stmts := append(a.earlier, a.inserts...)
	for _, n := range a.rows {
		stmts = append(stmts, n.insert())
	}
	for _, due := range slices.SortedFunc(maps.Keys(a.touched), func(x, y dueKey) int { return bytes.Compare([]byte(x.app), []byte(y.app)) }) {
		stmts = append(stmts, a.t.s.holdDevices(due.app, a.touched[due], a.now, due.lease))
	}
	return a.t.run(ctx, stmts...)
}

// holdDevices makes devices this node's for lease; with lease 0, due now and nobody's.
func (s *Store) holdDevices(app string, ids []string, now time.Time, lease time.Duration) *stmt {
	owner := s.cfg.Node
	if lease <= 0 {
		owner, lease = "", 0
	}
	return exec("UPDATE devices SET due_at = ?, owner = ? WHERE app = ? AND id {in}", micros(now.Add(lease)), owner, app, jsonList(ids))
}

// latestExpiry is when a push whose deliveries are not made yet ends at the latest.
func latestExpiry(s *Store, r push.Resource, p push.Push) time.Time {
	last := s.expiry(r, p, push.IOS)
	if e := s.expiry(r, p, push.Android); e.After(last) {
		last = e
	}
	return last
}

func insertPush(p push.Push, expires time.Time, made bool) *stmt {
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
	return exec(`INSERT INTO pushes (id, app, resource_id, payload, audience, ttl, collapse_key, deliver, accepted_at, deliver_at, expires_at,
		made, due_at, look_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(p.ID), p.App, p.ResourceID, blob(p.Payload), encode(p.To), ttl, []byte(p.CollapseKey), string(deliver), micros(p.AcceptedAt),
		micros(p.DeliverAt), micros(expires), bit(made), due, micros(p.Start()))
}
