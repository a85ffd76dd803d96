package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

const pushColumns = "id, app, resource_id, payload, audience, ttl, collapse_key, deliver, accepted_at, deliver_at, expires_at, made, made_up_to, list, cancelled_at"

// pushRow is a push with what the store notes about it.
type pushRow struct {
	push.Push
	expiresAt   time.Time
	made        bool   // all its deliveries are
	madeUpTo    string // the device id up to which they are, while they are not
	list        string // of those it is for; "" unless they are many, and were fixed when it was accepted, or its time came
	cancelledAt time.Time
}

func readPush(scan scanFunc) (p pushRow, err error) {
	var (
		to                        string
		key                       []byte
		ttl, deliverAt, cancelled *int64
		accepted, expires, made   int64
	)
	err = scan(&p.ID, &p.App, &p.ResourceID, &p.Payload, &to, &ttl, &key, &p.Deliver, &accepted, &deliverAt, &expires, &made, &p.madeUpTo, &p.list, &cancelled)
	if err != nil {
		return p, err
	}
	p.TTL, p.CollapseKey = (*time.Duration)(ttl), string(key)
	p.AcceptedAt, p.DeliverAt, p.expiresAt = clock(&accepted), clock(deliverAt), clock(&expires)
	p.made, p.cancelledAt = made != 0, clock(cancelled)
	return p, decode(to, &p.To)
}

// openStates are the states that are not final; TestTheOpenStatesAreThose compares them with push.States.
const openStates = "('scheduled', 'waiting', 'sent', 'received')"

const (
	pushByID = "SELECT " + pushColumns + " FROM pushes WHERE id = ? AND app = ?"
	pushOpen = "SELECT 1 FROM deliveries WHERE push_id = ? AND state IN " + openStates + " LIMIT 1"
	pushPage = "SELECT " + deliveryColumns + `, d.events, d.left_out, d.left_out_at FROM deliveries d JOIN pushes p ON p.id = d.push_id
		WHERE d.push_id = ? AND p.app = ? AND (d.device_id, d.user_id) > (?, ?) ORDER BY d.device_id, d.user_id LIMIT ?`
	pushEnded = "SELECT " + deliveryColumns + `, '' FROM deliveries d JOIN pushes p ON p.id = d.push_id
		WHERE d.push_id = ? AND p.app = ? AND d.final_at IS NOT NULL AND NOT (d.state = ? AND d.final_at = ?) LIMIT ?`
)

func (s *Store) pushRow(ctx context.Context, app string, id push.ID) (pushRow, error) {
	return one(ctx, s.read, readPush, pushByID, string(id), app)
}

// Push is an accepted push, and where it stands.
func (s *Store) Push(ctx context.Context, app string, id push.ID) (push.Push, push.Standing, error) {
	p, err := s.pushRow(ctx, app, id)
	if err != nil {
		return push.Push{}, push.Standing{}, doing("push", err)
	}
	final, err := s.allFinal(ctx, id, p.made)
	return p.Push, push.Standing{ExpiresAt: p.expiresAt, Expanded: p.made, Final: final,
		CancelledEarly: p.cancelledEarly()}, doing("push", err)
}

func (s *Store) allFinal(ctx context.Context, id push.ID, made bool) (bool, error) {
	if !made {
		return false, nil
	}
	open, err := all(ctx, s.read, scalar[int64], pushOpen, string(id))
	return err == nil && len(open) == 0, err
}

const pushMade = "SELECT made FROM pushes WHERE id = ? AND app = ?"

// Final reports whether all deliveries of a push are made and final. It reads no more than it needs for that.
func (s *Store) Final(ctx context.Context, app string, id push.ID) (bool, error) {
	made, err := one(ctx, s.read, scalar[int64], pushMade, string(id), app)
	if err != nil {
		return false, doing("push", err)
	}
	final, err := s.allFinal(ctx, id, made != 0)
	return final, doing("push", err)
}

const countStates = "SELECT state, COUNT(*) FROM deliveries WHERE push_id = ? GROUP BY state"

// Counts is how many deliveries of a push are in which state, of those that are made by now. Those of a push for later count
// as Deliveries shows them.
func (s *Store) Counts(ctx context.Context, app string, id push.ID) (map[push.State]int, error) {
	p, err := s.pushRow(ctx, app, id)
	if err != nil {
		return nil, doing("counts", err)
	}
	if p.unmade() {
		return p.countsUnmade(), nil
	}
	counts, err := s.countStates(ctx, id)
	return counts, doing("counts", err)
}

// countsUnmade counts the deliveries that a push will make, or would have made.
func (p pushRow) countsUnmade() map[push.State]int {
	state := push.Scheduled
	if !p.cancelledAt.IsZero() {
		state = push.Cancelled
	}
	return map[push.State]int{state: len(p.namedTargets())}
}

func (s *Store) countStates(ctx context.Context, id push.ID) (map[push.State]int, error) {
	counts := map[push.State]int{}
	return counts, s.read.run(ctx, each(func(scan scanFunc) error {
		var state push.State
		var n int
		err := scan(&state, &n)
		counts[state] = n
		return err
	}, countStates, string(id)))
}

// Deliveries is a page of a push's deliveries with their timelines, by device and user. While the audience of users or
// devices waits for its time, its deliveries are shown as they will be: scheduled, without rows; for users without a device
// id. A push that was cancelled in that time shows them cancelled.
func (s *Store) Deliveries(ctx context.Context, app string, id push.ID, cursor string, limit int) ([]push.Delivery, string, error) {
	key, err := decodeCursor(cursor, 2)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	p, err := s.pushRow(ctx, app, id)
	if err != nil {
		return nil, "", doing("deliveries", err)
	}
	if p.unmade() {
		return p.scheduled(key, limit)
	}
	list, err := all(ctx, s.read, readWithEvents, pushPage, noPayload, string(id), app, key[0], key[1], limit+1)
	if err != nil || len(list) <= limit {
		return list, "", doing("deliveries", err)
	}
	last := list[limit-1]
	return list[:limit], encodeCursor(last.DeviceID, last.User), nil
}

// byKey has deliveryColumns without payloads, as readWithEvents takes them.
var byKey = foldList("of_push text, of_app text, of_device text, of_user text",
	"SELECT "+strings.Replace(deliveryColumns, "?", strconv.Itoa(noPayload), 1)+`, d.events, d.left_out, d.left_out_at
		FROM {rows}, deliveries d JOIN pushes p ON p.id = d.push_id
		WHERE d.push_id = r.of_push AND d.device_id = r.of_device AND d.user_id = r.of_user AND p.app = r.of_app`)

// DeliveriesOf are those of a push's deliveries that are named and there, with their timelines, in no order.
func (s *Store) DeliveriesOf(ctx context.Context, app string, id push.ID, keys []push.DeliveryKey) ([]push.Delivery, error) {
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = []any{string(id), app, k.Device, k.User}
	}
	var list []push.Delivery
	err := s.read.run(ctx, byKey.each(rows, func(scan scanFunc) error {
		d, err := readWithEvents(scan)
		list = append(list, d)
		return err
	}))
	return list, doing("deliveries", err)
}

func readWithEvents(scan scanFunc) (push.Delivery, error) {
	var events string
	var leftOut int
	var leftOutAt *int64
	d, err := readDelivery(scan, &events, &leftOut, &leftOutAt)
	if err == nil {
		d.Events, err = decodeEvents(events)
		d.Events = push.WithLeftOut(d.Events, leftOut, clock(leftOutAt))
	}
	return d, err
}

// cancelledEarly tells whether the push was cancelled before all its deliveries were made; the rest of a list is made cancelled.
func (p pushRow) cancelledEarly() bool { return !p.cancelledAt.IsZero() && p.list == "" }

// unmade tells whether the push has no deliveries, but it is known whose they would have been.
func (p pushRow) unmade() bool {
	return !p.To.Deferred() && p.list == "" && (!p.made || !p.cancelledAt.IsZero()) && deferred(p.Push)
}

// scheduled are the deliveries that a push will make, or would have made.
func (p pushRow) scheduled(key []string, limit int) ([]push.Delivery, string, error) {
	from := 0
	if key[0] != "" {
		n, err := strconv.Atoi(key[0])
		if err != nil || n < 0 {
			return nil, "", errCursor
		}
		from = n
	}
	targets := p.namedTargets()
	var list []push.Delivery
	for i := from; i < min(from+limit, len(targets)); i++ {
		list = append(list, p.scheduledFor(targets[i]))
	}
	if from+limit < len(targets) {
		return list, encodeCursor(strconv.Itoa(from+limit), ""), nil
	}
	return list, "", nil
}

// scheduledFor is the delivery that a push will make for one whom it names, or would have made.
func (p pushRow) scheduledFor(to push.Recipient) push.Delivery {
	d := push.Delivery{PushID: p.ID, App: p.App, DeviceID: to.Device, User: to.User, ResourceID: p.ResourceID, State: push.Scheduled,
		Since: p.Start(), AcceptedAt: p.AcceptedAt, ExpiresAt: p.expiresAt, NowOrNever: p.TTL != nil && *p.TTL == 0, Deliver: p.Deliver,
		PayloadBytes: len(p.Payload)}
	d.Events = []push.Event{{At: p.AcceptedAt, Event: push.EventName(push.Scheduled)}}
	if !p.cancelledAt.IsZero() {
		c := d.To(p.cancelledAt, push.Cancelled, push.ReasonNone)
		c.Delivery.Events = append(d.Events, c.Events...)
		d = c.Delivery
	}
	return d
}

// namedTargets are the users or devices that the push names, each once.
func (p pushRow) namedTargets() []push.Recipient {
	var targets []push.Recipient
	done := map[string]bool{}
	for _, u := range p.To.Users {
		if !done[u] {
			done[u] = true
			targets = append(targets, push.Recipient{User: u})
		}
	}
	for _, id := range p.To.Devices {
		if !done[id] {
			done[id] = true
			targets = append(targets, push.Recipient{Device: id})
		}
	}
	return targets
}
