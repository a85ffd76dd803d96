package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hushpush/hush/push"
)

// stepOp is one step on a device.
type stepOp struct {
	req    push.StepRequest
	decide func(push.Snapshot) push.Changes
	result push.Changes  // owned by the writer until the op is done
	snap   push.Snapshot // owned by the writer
}

// Step looks at one device in one transaction: it locks the device's row, reads what the request names, calls decide, and
// commits the changes that decide returns. decide must be a pure function of the snapshot. It runs on the writer, must not
// block, and runs again if the transaction is repeated. Steps on one device see each other's changes.
//
// Of Changes.Device, Step writes the wake, the wake times, the token state, HeardAt, the token's loss and DueAt, and the device
// then belongs to no node. A change of a delivery that became final in the meantime has no effect. For a device that does not
// exist, decide gets an empty snapshot, and changes of a device are not written.
func (s *Store) Step(ctx context.Context, req push.StepRequest, decide func(push.Snapshot) push.Changes) (push.Changes, error) {
	o := &op{app: req.Key.App, devices: []string{req.Key.Device}, weight: 1 + len(req.Named), step: &stepOp{req: req, decide: decide}}
	if err := s.write(ctx, "step", o); err != nil {
		return push.Changes{}, err
	}
	return o.step.result, nil
}

// PeekDevice reads the snapshot that Step would, without locking or changing anything.
func (s *Store) PeekDevice(ctx context.Context, key push.DeviceKey, openLimit int) (push.Snapshot, error) {
	snaps, err := s.PeekDevices(ctx, []push.DeviceKey{key}, openLimit)
	return snaps[0], err
}

// PeekDevices is PeekDevice for several devices. The snapshots are in the order of the keys.
func (s *Store) PeekDevices(ctx context.Context, keys []push.DeviceKey, openLimit int) ([]push.Snapshot, error) {
	round, snaps := make([]*stepOp, len(keys)), make([]push.Snapshot, len(keys))
	for i, key := range keys {
		round[i] = &stepOp{req: push.StepRequest{Key: key, OpenLimit: openLimit}}
	}
	t := &tx{transaction: readOnly{s.read}, s: s, resources: map[resourceKey]*push.Resource{}}
	err := t.readSteps(ctx, round)
	for i, o := range round {
		snaps[i] = o.snap
	}
	return snaps, wrap("peek", err)
}

const openTimelines = "SELECT events FROM deliveries WHERE holder = " + holderByID + " AND final_at IS NULL ORDER BY since DESC, push DESC LIMIT ?"

// OpenTimelines returns the timelines of a device's newest open deliveries.
func (s *Store) OpenTimelines(ctx context.Context, key push.DeviceKey, limit int) ([][]push.Event, error) {
	timelines, err := all(ctx, s.read, func(scan scanFunc) ([]push.Event, error) {
		var packed []byte
		if err := scan(&packed); err != nil {
			return nil, err
		}
		return decodeEvents(packed)
	}, openTimelines, key.App, key.Device, pageSize(limit))
	return timelines, wrap("timelines of a device", err)
}

// readOnly lets functions that read in a transaction read outside of one.
type readOnly struct{ runner }

func (readOnly) commit(context.Context) error { return nil }
func (readOnly) rollback()                    {}

// stepAll runs the steps of a batch in rounds of one step per device. A round reads for all of its steps, decides each, and writes
// for all.
func (t *tx) stepAll(ctx context.Context, ops []*op) error {
	for len(ops) > 0 {
		var round []*stepOp
		var later []*op
		inRound := map[push.DeviceKey]bool{}
		for _, o := range ops {
			if inRound[o.step.req.Key] {
				later = append(later, o)
				continue
			}
			inRound[o.step.req.Key] = true
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
	if err := t.readSteps(ctx, round); err != nil {
		return err
	}
	var changes []push.Change
	states, tokens := updateStates.rows(len(round)), updateTokens.rows(0)
	for _, o := range round {
		o.result = o.decide(o.snap)
		for _, c := range o.result.Deliveries {
			if c.Delivery.App != o.req.Key.App || c.Delivery.DeviceID != o.req.Key.Device {
				return fmt.Errorf("step on %q: a change of another device's delivery", o.req.Key.Device)
			}
		}
		changes = append(changes, o.result.Deliveries...)
		if d := o.result.Device; d != nil && d.Number != 0 {
			addState(states, d)
			if was := o.snap.Device; d.Token != was.Token || d.TokenLoss != was.TokenLoss {
				tokens.add(str(d.Token), str(encodeLoss(d.TokenLoss)), when(t.s.now()), num(d.Number))
			}
		}
		o.snap = push.Snapshot{}
	}
	return t.run(ctx, append(t.change(changes...), updateStates.exec(states), updateTokens.exec(tokens))...)
}

var (
	updateStates = fold("wake blob, wake_times blob, due_at int, heard_at int, of_device int",
		"UPDATE device_state SET wake = r.wake, wake_times = r.wake_times, due_at = r.due_at, owner = '', heard_at = r.heard_at FROM {rows} WHERE n = r.of_device")
	updateTokens = fold("token_state text, token_loss text, updated_at int, of_device int",
		"UPDATE devices SET token_state = r.token_state, token_loss = r.token_loss, updated_at = r.updated_at FROM {rows} WHERE n = r.of_device")
)

// addState adds a device's state to rows of updateStates.
func addState(rows *rows, d *push.Device) {
	rows.add(raw(encodeWake(d.Wake)), raw(encodeTimes(d.WakeTimes)), when(d.DueAt), num(heardMicros(d.HeardAt)), num(d.Number))
}

// What a round of steps reads, for all of its devices at once. A row's number is the index of its step, or of its named delivery.
// It is returned with each row found.
var (
	stepColumns = withPayload(deviceDeliveryColumns, wakePayload)
	stepDevices = fold("number int, of_app text, of_device text",
		"SELECT "+deviceColumns+", r.number FROM {rows}, "+devicesWithState+" WHERE d.app = r.of_app AND d.id = r.of_device")
	stepNamed = fold("number int, of_app text, of_holder int, of_user text, of_push text",
		"SELECT "+stepColumns+`, r.number FROM {rows}, pushes p JOIN deliveries d ON d.push = p.n
		WHERE p.id = r.of_push AND p.app = r.of_app AND d.holder = r.of_holder AND d.user_id = r.of_user`)
	stepOpen = fold("number int, of_holder int, up_to int",
		"SELECT "+stepColumns+`, r.number FROM {rows}, {lateral} (SELECT * FROM deliveries WHERE holder = r.of_holder
			AND final_at IS NULL ORDER BY since, push LIMIT r.up_to) d JOIN pushes p ON p.n = d.push ORDER BY d.since, d.push`)
	// How many open deliveries there are beyond those read, and when the first of them expires.
	stepBeyond = fold("number int, of_holder int, from_on int",
		`SELECT b.beyond, b.expires, r.number FROM {rows}, {lateral} (SELECT COUNT(*) AS beyond, MIN(expires_at) AS expires FROM (
			SELECT expires_at FROM deliveries WHERE holder = r.of_holder AND final_at IS NULL
			ORDER BY since, push LIMIT 1000000000 OFFSET r.from_on) o) b`)
)

// readSteps fills the snapshots: first the devices, then their deliveries. With concurrent writers, the devices' rows are locked
// already.
func (t *tx) readSteps(ctx context.Context, round []*stepOp) error {
	rows := stepDevices.rows(len(round))
	for i, o := range round {
		o.snap, o.result = push.Snapshot{Resources: map[string]push.Resource{}}, push.Changes{}
		rows.add(num(i), str(o.req.Key.App), str(o.req.Key.Device))
	}
	err := t.run(ctx, stepDevices.each(rows, func(scan scanFunc) error {
		var number int
		d, err := readDeviceAnd(scan, &number)
		round[number].snap.Device = d
		return err
	}))
	if err != nil {
		return err
	}
	if err := t.readAnswered(ctx, round); err != nil {
		return err
	}
	if err := t.readDeliveries(ctx, round); err != nil {
		return err
	}
	return t.readBeyond(ctx, round)
}

// The deliveries of a wake are in flight until the wake's lease ends. Those that ended under a former owner may be in flight longer,
// with a wake that is no longer the device's.
var inFlight = fold("number int, of_holder int, until int",
	"SELECT r.number FROM {rows}, {lateral} (SELECT 1 AS one FROM deliveries WHERE holder = r.of_holder AND wake_until = r.until LIMIT 1) f")

// readAnswered removes a sent wake from the snapshot of a device that has none of the wake's deliveries in flight: the wake was
// answered. See Settle.
func (t *tx) readAnswered(ctx context.Context, round []*stepOp) error {
	sent, rows := []int(nil), inFlight.rows(0)
	for i, o := range round {
		if o.snap.Device.Wake.State == push.WakeSending {
			sent = append(sent, i)
			rows.add(num(i), num(o.snap.Device.Number), when(o.snap.Device.Wake.DueAt))
		}
	}
	inFlightSteps := map[int]bool{}
	err := t.run(ctx, inFlight.each(rows, func(scan scanFunc) error {
		i, err := scalar[int](scan)
		inFlightSteps[i] = true
		return err
	}))
	for _, i := range sent {
		if !inFlightSteps[i] {
			round[i].snap.Device.Wake = push.Wake{}
		}
	}
	return err
}

// readDeliveries reads the deliveries that steps need: the first open ones, and those that they name. It also reads the deliveries
// of a wake in flight if they are beyond the first ones, because older deliveries may have come to the device since.
func (t *tx) readDeliveries(ctx context.Context, round []*stepOp) error {
	var named []namedDelivery
	open := stepOpen.rows(0)
	for i, o := range round {
		if o.snap.Device.ID == "" {
			continue
		}
		if o.req.OpenLimit > 0 {
			open.add(num(i), num(o.snap.Device.Number), num(o.req.OpenLimit))
		}
		for _, id := range o.req.Named {
			named = append(named, namedDelivery{of: o, id: id, user: cmp.Or(o.req.NamedOf, o.snap.Device.User)})
		}
	}
	err := t.readNamed(ctx, named, stepOpen.each(open, func(scan scanFunc) error {
		var number int
		d, err := readDelivery(scan, &number)
		d.DeviceID = round[number].req.Key.Device
		round[number].snap.Open = append(round[number].snap.Open, d)
		return err
	}))
	if err != nil {
		return err
	}
	return t.readNamed(ctx, inFlightBeyond(round))
}

// inFlightBeyond returns the deliveries of wakes in flight that are not in the snapshots, for devices with more open deliveries
// than were read.
func inFlightBeyond(round []*stepOp) []namedDelivery {
	var behind []namedDelivery
	for _, o := range round {
		d := o.snap.Device
		if d.Wake.State != push.WakeSending || o.req.OpenLimit == 0 || len(o.snap.Open) < o.req.OpenLimit {
			continue
		}
		for _, id := range d.Wake.Pushes {
			is := func(d push.Delivery) bool { return d.PushID == id }
			if !slices.ContainsFunc(o.snap.Open, is) && !slices.ContainsFunc(o.snap.Named, is) {
				behind = append(behind, namedDelivery{of: o, id: id, user: d.User})
			}
		}
	}
	return behind
}

// namedDelivery is a delivery to be read by its push's id, for a step.
type namedDelivery struct {
	push.Delivery
	of    *stepOp
	id    push.ID
	user  string
	found bool
}

// readNamed runs other statements, and reads deliveries by their pushes' ids.
func (t *tx) readNamed(ctx context.Context, named []namedDelivery, beside ...*stmt) error {
	rows := stepNamed.rows(len(named))
	for i, n := range named {
		if storable(string(n.id)) {
			rows.add(num(i), str(n.of.req.Key.App), num(n.of.snap.Device.Number), str(n.user), str(n.id))
		}
	}
	err := t.run(ctx, append(beside, stepNamed.each(rows, func(scan scanFunc) error {
		var number int
		d, err := readDelivery(scan, &number)
		d.DeviceID = named[number].of.req.Key.Device
		named[number].found, named[number].Delivery = true, d
		return err
	}))...)
	for _, n := range named {
		if n.found {
			n.of.snap.Named = append(n.of.snap.Named, n.Delivery)
		}
	}
	return err
}

// readBeyond counts the open deliveries beyond those read, and reads the resources of the latter and the topics of the app.
func (t *tx) readBeyond(ctx context.Context, round []*stepOp) error {
	rows := stepBeyond.rows(0)
	for i, o := range round {
		o.snap.OpenTotal = len(o.snap.Open)
		if o.snap.Device.ID != "" && len(o.snap.Open) >= o.req.OpenLimit {
			rows.add(num(i), num(o.snap.Device.Number), num(len(o.snap.Open)))
		}
		for _, d := range o.snap.Open {
			r, err := t.resource(ctx, d.App, d.ResourceID)
			if err != nil {
				return err
			}
			if r != nil {
				o.snap.Resources[r.ID] = *r
			}
		}
		if o.snap.Device.Platform == push.IOS {
			topics, err := t.topicsOf(ctx, o.req.Key.App)
			if err != nil {
				return err
			}
			o.snap.Topics = topics
		}
	}
	return t.run(ctx, stepBeyond.each(rows, func(scan scanFunc) error {
		var beyond, number int
		var expires *int64
		if err := scan(&beyond, &expires, &number); err != nil {
			return err
		}
		snap := &round[number].snap
		snap.OpenTotal, snap.NextExpiry = len(snap.Open)+beyond, clock(expires)
		return nil
	}))
}
