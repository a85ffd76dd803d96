package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hushpush/hush/push"
)

// A push for a device on which nothing is open, and no wake is in flight, is looked at in the transaction that accepts it: its
// wake is counted there, and it takes one commit and one read less. All others wait for a look, as do those that meet on a
// device in one transaction.

// wholeDevice is what a look at a fresh device needs of it, and whether something is open on it.
type wholeDevice struct {
	push.Device
	open bool
}

// lookColumns are those of a device d, and of its state s, that a look at a fresh device needs.
const lookColumns = `d.n, d.app, d.id, d.user_id, d.platform, d.environment, d.bundle_id, d.package, d.provider_token, d.token_state, d.app_state,
	d.owner_gen, d.token_gen, COALESCE(d.token_at, 0), d.seal_key, d.created_at, s.heard_at, s.wake, s.wake_times, COALESCE(s.due_at, 0)`

// lookRow reads wholeColumns, one row after the other.
type lookRow struct {
	d                              push.Device
	token, wake, times             []byte
	tokenAt, created, heard, dueAt int64
	open, flies                    int64
	into                           []any
}

// read reads a row, and says whether a wake is in flight.
func (r *lookRow) read(scan scanFunc, d *wholeDevice) (flies bool, err error) {
	if r.into == nil {
		r.into = []any{&r.d.Number, &r.d.App, &r.d.ID, &r.d.User, &r.d.Platform, &r.d.Environment, &r.d.BundleID, &r.d.Package, &r.token, &r.d.Token, &r.d.AppState,
			&r.d.OwnerGeneration, &r.d.TokenGeneration, &r.tokenAt, &r.d.SealKeyID, &r.created, &r.heard, &r.wake, &r.times, &r.dueAt, &r.open, &r.flies}
	}
	if err := scan(r.into...); err != nil {
		return false, err
	}
	d.Device, d.open = r.d, r.open != 0
	d.ProviderToken, d.WakeTimes = push.Secret(r.token), decodeTimes(r.times)
	d.TokenAt, d.CreatedAt, d.HeardAt, d.DueAt = clockOr0(r.tokenAt), clockOr0(r.created), clockOr0(r.heard), clockOr0(r.dueAt)
	d.Wake, err = decodeWake(r.wake)
	return r.flies != 0, err
}

// lookAtFresh decides on what is new on fresh devices, and notes their rows. They are touched no more.
func (a *acceptance) lookAtFresh(ctx context.Context) error {
	for _, n := range a.candidates() {
		d, there := a.apps[n.App].whole[n.Row.Holder]
		if !there || d.open || d.Wake.State != push.WakeNone {
			continue
		}
		if err := a.lookAt(ctx, n, &d.Device); err != nil {
			return err
		}
	}
	return nil
}

// candidates are the new deliveries that are alone on a device in this transaction, and that their caller wants to be looked at.
func (a *acceptance) candidates() []*newDelivery {
	if !a.whole {
		return nil
	}
	count := make(map[int64]int, len(a.rows))
	for _, n := range a.rows {
		count[n.Row.Holder]++
	}
	var list []*newDelivery
	for _, n := range a.rows {
		if n.DeviceID != "" && n.by.look != nil && !n.State.Final() && count[n.Row.Holder] == 1 {
			list = append(list, n)
		}
	}
	return list
}

// lookAt is one look, as Step has it, at a delivery that is not written yet.
func (a *acceptance) lookAt(ctx context.Context, n *newDelivery, d *push.Device) error {
	key, open := d.Key(), n.Delivery
	for _, t := range []*time.Time{&open.Since, &open.AcceptedAt, &open.ExpiresAt} {
		*t = t.UTC().Truncate(time.Microsecond) // as it is stored
	}
	resources, err := a.resourcesOf(ctx, n.App, n.ResourceID)
	if err != nil {
		return err
	}
	snap := push.Snapshot{Device: *d, Open: []push.Delivery{open}, OpenTotal: 1, Resources: resources}
	if d.Platform == push.IOS {
		if snap.Topics, err = a.t.topicsOf(ctx, n.App); err != nil {
			return err
		}
	}
	changes := n.by.look(snap)
	for _, c := range changes.Deliveries {
		if c.Delivery.PushID != n.PushID || c.Delivery.DeviceID != n.DeviceID {
			return fmt.Errorf("look at %q: a change of another delivery", n.DeviceID)
		}
		n.Delivery, n.Events = c.Delivery, append(n.Events, c.Events...)
	}
	if changes.Device == nil {
		return nil
	}
	addState(a.looked, changes.Device)
	for lease := range a.touched {
		delete(a.touched[lease], d.Number)
	}
	n.by.result.Looked = append(n.by.result.Looked, key)
	return nil
}

// resourcesOf is a resource as snapshots have it, one for all of them.
func (a *acceptance) resourcesOf(ctx context.Context, app, id string) (map[string]push.Resource, error) {
	key := resourceKey{app, id}
	if a.resources[key] == nil {
		r, err := a.t.resource(ctx, app, id)
		if err != nil {
			return nil, err
		}
		a.resources[key] = map[string]push.Resource{}
		if r != nil {
			a.resources[key][id] = *r
		}
	}
	return a.resources[key], nil
}
