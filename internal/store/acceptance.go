package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hushpush/hush/push"
)

// acceptance is the acceptance of all pushes of a transaction. It reads what they need, decides on each, and writes the result,
// each step by few statements for all of them.
type acceptance struct {
	t       *tx
	now     time.Time
	answers map[idempotencyKey]answer
	apps    map[string]*audience

	withState    bool    // whether devices are read with their state, which a look needs
	lookRow      lookRow // reads such a device
	numbers      []int64 // for the pushes that are accepted next
	deliveries   []*newDelivery
	targetsRead  int                              // how many recipients were read
	newest       map[collapseKey]*newDelivery     // the newest open delivery of this transaction
	pushes       *rows                            // to be inserted
	newAnswers   *rows                            // under idempotency keys; to be inserted
	deviceStates *rows                            // of devices that were looked at; to be updated
	leased       map[time.Duration]map[int64]bool // numbers of the devices to lease, by lease
	resources    map[resourceKey]map[string]push.Resource
	superseding  map[collapseKey]bool // the open deliveries with these keys are superseded before the inserts
}

// collapseKey is the collapse key of a delivery, with the device or the user without one that it is unique for.
type collapseKey struct {
	holder         int64
	app, user, key string // app and user are set for a user without a device only
}

// target is a recipient. end is the final state of its delivery, if that is known when the delivery is made.
type target struct {
	push.Recipient
	end push.Ending
}

func newAcceptance(t *tx, now time.Time) *acceptance {
	return &acceptance{
		t: t, now: now, answers: map[idempotencyKey]answer{}, apps: map[string]*audience{},
		newest: map[collapseKey]*newDelivery{}, resources: map[resourceKey]map[string]push.Resource{},
		pushes: insertPushes.rows(1), newAnswers: insertAnswers.rows(0), deviceStates: updateStates.rows(0),
		leased: map[time.Duration]map[int64]bool{}, superseding: map[collapseKey]bool{},
	}
}

// acceptAll runs the acceptances of a batch.
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

// accept decides on one push. If it returns an error, nothing is written for the push.
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
		return push.ErrUnavailable // the earlier answer has just been removed
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

// repeat sets the result to that of the earlier request with this idempotency key, if it had the same body.
func repeat(earlier answer, o *acceptOp) error {
	if !bytes.Equal(earlier.bodyHash, o.req.Idempotency.BodyHash) {
		return push.ErrConflict
	}
	var stored acceptedRow
	if err := json.Unmarshal(earlier.answer, &stored); err != nil {
		return push.ErrConflict // the key was used for another kind of request
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

// deliver makes a delivery for each target, for the push named by row, and returns when the last of them expires.
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

// addDelivery adds a delivery to those to be inserted. The open deliveries with its collapse key are superseded, those in the
// database and those of this transaction.
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
