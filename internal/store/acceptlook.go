package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// A new delivery is looked at in the transaction that accepts its push, if its device has no wake in flight and few open
// deliveries. That saves a commit and a read, and its wake is counted in the same commit. All other deliveries wait for a look of
// their own: those of devices with several new deliveries in one transaction, and those that supersede another one, too.

// openBeside is how many other deliveries may be open on the device of a new one that is looked at while its push is accepted.
const openBeside = 7

// deviceForLook is a device as such a look needs it. open reports whether it has open deliveries.
type deviceForLook struct {
	push.Device
	open bool
}

// lookColumns are the columns of a device d and its state s that such a look needs.
const lookColumns = `d.n, d.app, d.id, d.user_id, d.platform, d.environment, d.bundle_id, d.package, d.provider_token, d.token_state, d.app_state,
	d.owner_gen, d.token_gen, COALESCE(d.token_at, 0), d.seal_key, d.created_at, s.heard_at, s.wake, s.wake_times, COALESCE(s.due_at, 0)`

// lookRow reads rows of lookTargetColumns. Its destinations are allocated once and used for each row.
type lookRow struct {
	d                              push.Device
	token, wake, times             []byte
	tokenAt, created, heard, dueAt int64
	open, inFlight                 int64
	into                           []any
}

// read reads a row into d, and reports whether a wake is in flight.
func (r *lookRow) read(scan scanFunc, d *deviceForLook) (inFlight bool, err error) {
	if r.into == nil {
		r.into = []any{&r.d.Number, &r.d.App, &r.d.ID, &r.d.User, &r.d.Platform, &r.d.Environment, &r.d.BundleID, &r.d.Package, &r.token, &r.d.Token, &r.d.AppState,
			&r.d.OwnerGeneration, &r.d.TokenGeneration, &r.tokenAt, &r.d.SealKeyID, &r.created, &r.heard, &r.wake, &r.times, &r.dueAt, &r.open, &r.inFlight}
	}
	if err := scan(r.into...); err != nil {
		return false, err
	}
	d.Device, d.open = r.d, r.open != 0
	d.ProviderToken, d.WakeTimes = push.Secret(r.token), decodeTimes(r.times)
	d.TokenAt, d.CreatedAt, d.HeardAt, d.DueAt = clockOr0(r.tokenAt), clockOr0(r.created), clockOr0(r.heard), clockOr0(r.dueAt)
	d.Wake, err = decodeWake(r.wake)
	return r.inFlight != 0, err
}

// lookAtNew looks at the new deliveries of devices, whose rows are then written as the look decided, and no longer leased. It returns
// the changes of deliveries that were already open. Devices in busy wait for a look of their own.
func (a *acceptance) lookAtNew(ctx context.Context, busy map[int64]bool) ([]push.Change, error) {
	list := a.candidates()
	open := make([][]push.Delivery, len(list))
	ask := stepOpen.rows(0)
	for i, n := range list {
		d := a.apps[n.App].forLook[n.Row.Holder]
		switch {
		case d == nil || d.Wake.State != push.WakeNone || busy[n.Row.Holder]:
			list[i] = nil
		case d.open:
			ask.add(num(i), num(n.Row.Holder), num(openBeside+1))
		}
	}
	err := a.t.run(ctx, stepOpen.each(ask, func(scan scanFunc) error {
		var i int
		d, err := readDelivery(scan, &i)
		d.DeviceID = list[i].DeviceID
		open[i] = append(open[i], d)
		return err
	}))
	if err != nil {
		return nil, err
	}
	var changes []push.Change
	for i, n := range list {
		if n == nil || len(open[i]) > openBeside {
			continue
		}
		more, err := a.lookAt(ctx, n, &a.apps[n.App].forLook[n.Row.Holder].Device, open[i])
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}

// candidates returns the new deliveries that may be looked at: their caller has a look, and they are the only new one of their
// device in this transaction.
func (a *acceptance) candidates() []*newDelivery {
	if !a.withState {
		return nil
	}
	count := make(map[int64]int, len(a.deliveries))
	for _, n := range a.deliveries {
		count[n.Row.Holder]++
	}
	var list []*newDelivery
	for _, n := range a.deliveries {
		if n.DeviceID != "" && n.op.look != nil && !n.State.Final() && count[n.Row.Holder] == 1 {
			list = append(list, n)
		}
	}
	return list
}

// lookAt looks at a delivery that is not written yet and at the open ones of its device, as Step does. It returns the changes of
// the latter.
func (a *acceptance) lookAt(ctx context.Context, n *newDelivery, d *push.Device, open []push.Delivery) (of []push.Change, err error) {
	made := n.Delivery
	for _, t := range []*time.Time{&made.Since, &made.AcceptedAt, &made.ExpiresAt} {
		*t = t.UTC().Truncate(time.Microsecond) // as it is stored
	}
	snap := push.Snapshot{Device: *d, Open: append(open, made), OpenTotal: len(open) + 1}
	if snap.Resources, err = a.resourcesOf(ctx, snap.Open); err != nil {
		return nil, err
	}
	if d.Platform == push.IOS {
		if snap.Topics, err = a.t.topicsOf(ctx, n.App); err != nil {
			return nil, err
		}
	}
	changes := n.op.look(snap)
	for _, c := range changes.Deliveries {
		switch is := func(o push.Delivery) bool { return o.Row == c.Delivery.Row }; {
		case c.Delivery.Row == made.Row:
			n.Delivery, n.Events = c.Delivery, append(n.Events, c.Events...)
		case slices.ContainsFunc(open, is):
			of = append(of, c)
		default:
			return nil, fmt.Errorf("look at %q: a change of another delivery", n.DeviceID)
		}
	}
	if changes.Device == nil {
		return of, nil
	}
	addState(a.deviceStates, changes.Device)
	for lease := range a.leased {
		delete(a.leased[lease], d.Number)
	}
	n.op.result.Looked = append(n.op.result.Looked, d.Key())
	return of, nil
}

// resourcesOf returns the resources of deliveries of one app. Snapshots share the map of the first delivery's resource, since most
// need no other.
func (a *acceptance) resourcesOf(ctx context.Context, list []push.Delivery) (map[string]push.Resource, error) {
	first := resourceKey{list[0].App, list[0].ResourceID}
	one := a.resources[first]
	if one == nil {
		one = map[string]push.Resource{}
		if err := a.addResource(ctx, one, first); err != nil {
			return nil, err
		}
		a.resources[first] = one
	}
	all, shared := one, true
	for _, d := range list[1:] {
		key := resourceKey{d.App, d.ResourceID}
		if key == first {
			continue
		}
		if shared {
			all, shared = maps.Clone(one), false
		}
		if err := a.addResource(ctx, all, key); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// addResource adds a resource to a map, if it exists.
func (a *acceptance) addResource(ctx context.Context, to map[string]push.Resource, key resourceKey) error {
	r, err := a.t.resource(ctx, key.app, key.id)
	if err == nil && r != nil {
		to[r.ID] = *r
	}
	return err
}
