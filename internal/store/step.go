package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// stepOp is one look at a device.
type stepOp struct {
	req    push.StepRequest
	decide func(push.Snapshot) push.Changes
	result push.Changes  // owned by the writer until the op is done
	snap   push.Snapshot // owned by the writer
}

// Step looks at one device in one transaction: it locks the device's row, reads what the request asks for, calls decide,
// and commits the changes that it answers. decide must be a plain function of the snapshot: it runs on the writer, must not
// block, and runs again if the transaction is repeated. Steps on one device see each other's effects.
//
// Of Changes.Device are written: wake, wake times, token state and token generation, app state, facts and DueAt; the device
// then belongs to no node. A change of a delivery that became final meanwhile leaves it as it is. For a device that is not
// there decide gets an empty snapshot, and changes of a device are not written.
func (s *Store) Step(ctx context.Context, req push.StepRequest, decide func(push.Snapshot) push.Changes) (push.Changes, error) {
	o := &op{app: req.Key.App, devices: []string{req.Key.Device}, weight: 1 + len(req.Named), step: &stepOp{req: req, decide: decide}}
	if err := s.write(ctx, "step", o); err != nil {
		return push.Changes{}, err
	}
	return o.step.result, nil
}

// PeekDevice reads what Step would, without locking or changing anything.
func (s *Store) PeekDevice(ctx context.Context, key push.DeviceKey, openLimit int) (push.Snapshot, error) {
	o := &stepOp{req: push.StepRequest{Key: key, OpenLimit: openLimit}}
	t := &tx{transaction: readOnly{s.read}, s: s, resources: map[resourceKey]*push.Resource{}}
	err := t.readSteps(ctx, []*stepOp{o}, false)
	return o.snap, doing("peek", err)
}

// readOnly lets what reads for a transaction read outside of one.
type readOnly struct{ runner }

func (readOnly) commit(context.Context) error { return nil }
func (readOnly) rollback()                    {}

// stepAll does the steps of a batch in rounds: in each, one step per device, read for all, decided, written for all.
func (t *tx) stepAll(ctx context.Context, ops []*op) error {
	for len(ops) > 0 {
		var round []*stepOp
		var later []*op
		taken := map[push.DeviceKey]bool{}
		for _, o := range ops {
			if taken[o.step.req.Key] {
				later = append(later, o)
				continue
			}
			taken[o.step.req.Key] = true
			round = append(round, o.step)
		}
		slices.SortFunc(round, func(a, b *stepOp) int { return compareKeys(a.req.Key, b.req.Key) })
		if err := t.stepRound(ctx, round); err != nil {
			return err
		}
		ops = later
	}
	return nil
}

func compareKeys(a, b push.DeviceKey) int {
	return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Device, b.Device))
}

func (t *tx) stepRound(ctx context.Context, round []*stepOp) error {
	if err := t.readSteps(ctx, round, true); err != nil {
		return err
	}
	var stmts []*stmt
	for _, o := range round {
		o.result = o.decide(o.snap)
		for _, c := range o.result.Deliveries {
			if c.Delivery.App != o.req.Key.App || c.Delivery.DeviceID != o.req.Key.Device {
				return fmt.Errorf("step on %q: a change of another device's delivery", o.req.Key.Device)
			}
			stmts = append(stmts, update(c))
			t.touch(c.Delivery.PushID)
		}
		if o.result.Device != nil {
			stmts = append(stmts, t.updateDevice(o.req.Key, o.result.Device))
		}
		o.snap = push.Snapshot{}
	}
	return t.run(ctx, stmts...)
}

const updateDevice = `UPDATE devices SET token_state = ?, token_gen = ?, app_state = ?, about = ?, wake = ?, wake_times = ?, due_at = ?, owner = '',
	updated_at = ? WHERE app = ? AND id = ?`

func (t *tx) updateDevice(key push.DeviceKey, d *push.Device) *stmt {
	return exec(updateDevice, string(d.Token), d.TokenGeneration, string(d.AppState), encode(about{d.BundleID, d.Package, d.Facts}), encodeWake(d.Wake),
		encodeTimes(d.WakeTimes), micros(d.DueAt), micros(t.s.now()), key.App, key.Device)
}

const namedOf = "SELECT " + deliveryColumns + ` FROM deliveries d JOIN pushes p ON p.id = d.push_id
	WHERE d.push_id = ? AND d.device_id = ? AND d.user_id = ? AND d.app = ?`

// readSteps fills the snapshots: the devices first, since their locks are what makes the rest stand still.
func (t *tx) readSteps(ctx context.Context, round []*stepOp, lock bool) error {
	sql := deviceByID
	if lock {
		sql += " {lock}"
	}
	var stmts []*stmt
	for _, o := range round {
		o.snap, o.result = push.Snapshot{}, push.Changes{}
		stmts = append(stmts, each(func(scan scanFunc) (err error) {
			o.snap.Device, err = readDevice(scan)
			return err
		}, sql, o.req.Key.App, o.req.Key.Device))
	}
	if err := t.run(ctx, stmts...); err != nil {
		return err
	}
	stmts = stmts[:0:0]
	for _, o := range round {
		if o.snap.Device.ID == "" || o.req.Key.Device == "" {
			continue
		}
		if o.req.OpenLimit > 0 {
			stmts = append(stmts, into(&o.snap.Open, readOpen, inboxOf, wakePayload, o.req.Key.App, o.req.Key.Device, o.req.OpenLimit))
		}
		for _, id := range o.req.Named {
			stmts = append(stmts, into(&o.snap.Named, readOpen, namedOf, wakePayload, string(id), o.req.Key.Device, o.snap.Device.User, o.req.Key.App))
		}
	}
	if err := t.run(ctx, stmts...); err != nil {
		return err
	}
	return t.readBeyond(ctx, round)
}

// readBeyond counts what is behind the open deliveries that were read, and reads the resources of those.
func (t *tx) readBeyond(ctx context.Context, round []*stepOp) error {
	var stmts []*stmt
	for _, o := range round {
		o.snap.OpenTotal = len(o.snap.Open)
		if o.snap.Device.ID != "" && o.req.OpenLimit <= 0 {
			stmts = append(stmts, each(func(scan scanFunc) error {
				var expires *int64
				err := scan(&o.snap.OpenTotal, &expires)
				o.snap.NextExpiry = clock(expires)
				return err
			}, openAndExpiry, o.req.Key.App, o.req.Key.Device))
		} else if o.snap.Device.ID != "" && len(o.snap.Open) == o.req.OpenLimit {
			stmts = append(stmts, each(func(scan scanFunc) error {
				var beyond int
				var expires *int64
				err := scan(&beyond, &expires)
				o.snap.OpenTotal, o.snap.NextExpiry = len(o.snap.Open)+beyond, clock(expires)
				return err
			}, openBeyond, o.req.Key.App, o.req.Key.Device, o.req.OpenLimit))
		}
		o.snap.Resources = map[string]push.Resource{}
		for _, d := range o.snap.Open {
			r, err := t.resource(ctx, d.App, d.ResourceID)
			if err != nil {
				return err
			}
			if r != nil {
				o.snap.Resources[r.ID] = *r
			}
		}
	}
	return t.run(ctx, stmts...)
}

// ClaimDevices takes up to limit devices that are due, apps in turn, and makes them this node's until now+lease.
func (s *Store) ClaimDevices(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]push.DeviceKey, error) {
	var claimed []push.DeviceKey
	if due, err := all(ctx, s.read, scalar[int64], dueDevices.any, micros(now)); err != nil || len(due) == 0 {
		return nil, doing("claim", err)
	}
	err := s.write(ctx, "claim", &op{weight: limit, do: func(ctx context.Context, t *tx) error {
		refs, err := s.claimTurn.take(ctx, t, dueDevices, now, limit)
		if err != nil {
			return err
		}
		claimed = claimed[:0]
		byApp := map[string][]string{}
		for _, r := range refs {
			claimed = append(claimed, push.DeviceKey{App: r.app, Device: r.id})
			byApp[r.app] = append(byApp[r.app], r.id)
		}
		var stmts []*stmt
		for app, ids := range byApp {
			stmts = append(stmts, s.holdDevices(app, ids, now, lease))
		}
		return t.run(ctx, stmts...)
	}})
	return claimed, err
}
