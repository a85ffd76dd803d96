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

// freshness is what tells whether devices are fresh, as the transaction finds them before it writes.
type freshness struct {
	rows    []*newDelivery // what each would get
	devices []push.Device
	open    []bool
}

var openOnDevices = fold("number int, of_app text, of_device text",
	`SELECT r.number FROM {rows}, {lateral} (SELECT 1 AS one FROM deliveries WHERE app = r.of_app AND device_id = r.of_device AND final_at IS NULL LIMIT 1) o`)

// lookAtFresh decides on what is new on fresh devices, and notes their rows. They are touched no more.
func (a *acceptance) lookAtFresh(ctx context.Context) error {
	candidates := a.candidates()
	if len(candidates) == 0 {
		return nil
	}
	f := freshness{rows: candidates, devices: make([]push.Device, len(candidates)), open: make([]bool, len(candidates))}
	if err := f.read(ctx, a.t); err != nil {
		return err
	}
	for i, n := range f.rows {
		if d := f.devices[i]; d.ID == "" || f.open[i] || d.Wake.State != push.WakeNone {
			continue
		}
		if err := a.lookAt(ctx, n, f.devices[i]); err != nil {
			return err
		}
	}
	return nil
}

// candidates are the new deliveries that are alone on a device in this transaction, and that their caller wants to be looked at.
func (a *acceptance) candidates() []*newDelivery {
	count := map[push.DeviceKey]int{}
	for _, n := range a.rows {
		if n.DeviceID != "" {
			count[push.DeviceKey{App: n.App, Device: n.DeviceID}]++
		}
	}
	var list []*newDelivery
	for _, n := range a.rows {
		if n.by != nil && n.by.look != nil && !n.State.Final() && count[push.DeviceKey{App: n.App, Device: n.DeviceID}] == 1 {
			list = append(list, n)
		}
	}
	return list
}

func (f *freshness) read(ctx context.Context, t *tx) error {
	rows := make([][]any, len(f.rows))
	for i, n := range f.rows {
		rows[i] = []any{i, n.App, n.DeviceID}
	}
	return t.run(ctx, stepDevices.each(rows, func(scan scanFunc) error {
		var number int
		d, err := readDeviceAnd(scan, &number)
		f.devices[number] = d
		return err
	}), openOnDevices.each(rows, func(scan scanFunc) error {
		var number int
		err := scan(&number)
		f.open[number] = true
		return err
	}))
}

// lookAt is one look, as Step has it, at a delivery that is not written yet.
func (a *acceptance) lookAt(ctx context.Context, n *newDelivery, d push.Device) error {
	key, open := d.Key(), n.Delivery
	for _, t := range []*time.Time{&open.Since, &open.AcceptedAt, &open.ExpiresAt} {
		*t = t.UTC().Truncate(time.Microsecond) // as it is stored
	}
	snap := push.Snapshot{Device: d, Open: []push.Delivery{open}, OpenTotal: 1, Resources: map[string]push.Resource{}}
	r, err := a.t.resource(ctx, n.App, n.ResourceID)
	if err != nil {
		return err
	}
	if r != nil {
		snap.Resources[r.ID] = *r
	}
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
	a.looked = append(a.looked, a.t.deviceRow(key, changes.Device))
	for lease := range a.touched {
		delete(a.touched[lease], key)
	}
	n.by.result.Looked = append(n.by.result.Looked, key)
	return nil
}
