package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hushpush/hush/push"
)

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
