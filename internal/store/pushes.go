package store

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

const pushColumns = "n, id, app, resource_id, payload, audience, ttl, collapse_key, deliver, accepted_at, deliver_at, expires_at, made, made_up_to, list, cancelled_at, counted"

// pushRow is a row of pushes.
type pushRow struct {
	push.Push
	n           int64 // the number by which rows of other tables refer to it
	counted     bool  // push_counts has how many of its deliveries are in each state
	expiresAt   time.Time
	made        bool   // all its deliveries are made
	madeUpTo    int64  // while not made: the number of the device up to which they are
	list        string // the id of its stored list of targets; "" unless they are many
	cancelledAt time.Time
}

func readPush(scan scanFunc) (p pushRow, err error) {
	var (
		to                        string
		key                       []byte
		ttl, deliverAt, cancelled *int64
		accepted, expires, made   int64
		counted                   int64
	)
	err = scan(&p.n, &p.ID, &p.App, &p.ResourceID, &p.Payload, &to, &ttl, &key, &p.Deliver, &accepted, &deliverAt, &expires, &made, &p.madeUpTo, &p.list, &cancelled, &counted)
	if err != nil {
		return p, err
	}
	p.TTL, p.CollapseKey = (*time.Duration)(ttl), string(key)
	p.AcceptedAt, p.DeliverAt, p.expiresAt = clock(&accepted), clock(deliverAt), clock(&expires)
	p.made, p.counted, p.cancelledAt = made != 0, counted != 0, clock(cancelled)
	p.To, err = decodeAudience(to)
	return p, err
}

// openStates are the states that are not final; TestTheOpenStatesAreThose compares them with push.States.
const openStates = "('scheduled', 'waiting', 'sent', 'received')"

const (
	pushByID = "SELECT " + pushColumns + " FROM pushes WHERE id = ? AND app = ?"
	pushPage = "SELECT " + deliveryColumns + ", d.events, d.left_out, d.left_out_at FROM " + deliveriesWithDevice +
		" WHERE d.push = ? AND (d.holder, d.user_id) > (?, ?) ORDER BY d.holder, d.user_id LIMIT ?"
	pushEnded = "SELECT " + deliveryColumns + " FROM " + deliveriesWithDevice + " WHERE d.push = ? AND d.final_at IS NOT NULL AND NOT (d.state = ? AND d.final_at = ?) LIMIT ?"

	// Whether a push has open deliveries. For a large push, push_counts says so.
	pushOpen        = "SELECT 1 FROM deliveries WHERE push = ? AND final_at IS NULL LIMIT 1"
	pushOpenCounted = "SELECT 1 FROM push_counts WHERE push = ? AND n > 0 AND state IN " + openStates + " LIMIT 1"
)

func (s *Store) pushRow(ctx context.Context, app string, id push.ID) (pushRow, error) {
	return one(ctx, s.read, readPush, pushByID, string(id), app)
}

// Push returns an accepted push, and where it stands.
func (s *Store) Push(ctx context.Context, app string, id push.ID) (push.Push, push.Standing, error) {
	p, err := s.pushRow(ctx, app, id)
	if err != nil {
		return push.Push{}, push.Standing{}, wrap("push", err)
	}
	final, err := s.allFinal(ctx, p.n, p.made, p.counted)
	return p.Push, push.Standing{ExpiresAt: p.expiresAt, Expanded: p.made, Final: final,
		CancelledEarly: p.cancelledEarly()}, wrap("push", err)
}

// allFinal reports whether all deliveries of a push are made and final.
func (s *Store) allFinal(ctx context.Context, n int64, made, counted bool) (bool, error) {
	if !made {
		return false, nil
	}
	ask := pushOpen
	if counted {
		ask = pushOpenCounted
	}
	open, err := all(ctx, s.read, scalar[int64], ask, n)
	return err == nil && len(open) == 0, err
}

const pushMade = "SELECT n, made, counted FROM pushes WHERE id = ? AND app = ?"

// Final reports whether all deliveries of a push are made and final. It reads much less than Push.
func (s *Store) Final(ctx context.Context, app string, id push.ID) (bool, error) {
	p, err := one(ctx, s.read, func(scan scanFunc) (p struct{ n, made, counted int64 }, err error) {
		err = scan(&p.n, &p.made, &p.counted)
		return p, err
	}, pushMade, string(id), app)
	if err != nil {
		return false, wrap("push", err)
	}
	final, err := s.allFinal(ctx, p.n, p.made != 0, p.counted != 0)
	return final, wrap("push", err)
}

const (
	countStates  = "SELECT state, COUNT(*) FROM deliveries WHERE push = ? GROUP BY state"
	storedCounts = "SELECT state, n FROM push_counts WHERE push = ? AND n > 0"
)

// Counts returns how many deliveries of a push are in each state, of those that have been made. For a push for later, it counts the
// deliveries that Deliveries shows.
func (s *Store) Counts(ctx context.Context, app string, id push.ID) (map[push.State]int, error) {
	p, err := s.pushRow(ctx, app, id)
	if err != nil {
		return nil, wrap("counts", err)
	}
	if p.unmade() {
		return p.countsUnmade(), nil
	}
	counts, err := s.countStates(ctx, p.n, p.counted)
	return counts, wrap("counts", err)
}

// countsUnmade returns the counts of the deliveries that a push will make, or would have made.
func (p pushRow) countsUnmade() map[push.State]int {
	state := push.Scheduled
	if !p.cancelledAt.IsZero() {
		state = push.Cancelled
	}
	return map[push.State]int{state: len(p.namedTargets())}
}

func (s *Store) countStates(ctx context.Context, n int64, stored bool) (map[push.State]int, error) {
	counts, ask := map[push.State]int{}, countStates
	if stored {
		ask = storedCounts
	}
	return counts, s.read.run(ctx, each(func(scan scanFunc) error {
		var state push.State
		var n int
		err := scan(&state, &n)
		counts[state] = n
		return err
	}, ask, n))
}

// Deliveries returns a page of a push's deliveries with their timelines, users without a device first. A push for later that names
// users or devices has no deliveries until it is due. Until then, Deliveries shows one for each of them, as scheduled; one for a
// user has no device id. If the push was cancelled before it was due, it shows them as cancelled.
func (s *Store) Deliveries(ctx context.Context, app string, id push.ID, cursor string, limit int) ([]push.Delivery, string, error) {
	key, err := decodeCursor(cursor, 2)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	p, err := s.pushRow(ctx, app, id)
	if err != nil {
		return nil, "", wrap("deliveries", err)
	}
	if p.unmade() {
		return p.scheduled(key, limit)
	}
	from := deliveryHolder{math.MinInt64, key[1]}
	if key[0] != "" {
		if from.holder, err = strconv.ParseInt(key[0], 10, 64); err != nil {
			return nil, "", errCursor
		}
	}
	list, err := all(ctx, s.read, readWithEvents, pushPage, noPayload, p.n, from.holder, from.user, limit+1)
	if err != nil || len(list) <= limit {
		return list, "", wrap("deliveries", err)
	}
	last := list[limit-1]
	return list[:limit], encodeCursor(strconv.FormatInt(last.Row.Holder, 10), last.User), nil
}

// byKey finds deliveries of a push, with their timelines and without payloads, for readWithEvents.
var byKey = fold("of_push int, of_holder int, of_user text",
	"SELECT "+withPayload(deliveryColumns, noPayload)+", d.events, d.left_out, d.left_out_at FROM {rows}, "+deliveriesWithDevice+
		" WHERE d.push = r.of_push AND d.holder = r.of_holder AND d.user_id = r.of_user")

// numbersOf finds the numbers of devices, registered or not.
var numbersOf = fold("of_app text, of_device text", "SELECT d.id, d.n FROM {rows}, devices d WHERE d.app = r.of_app AND d.id = r.of_device")

// DeliveriesOf returns those of a push's deliveries that are named and exist, with their timelines, in no order.
func (s *Store) DeliveriesOf(ctx context.Context, app string, id push.ID, keys []push.DeliveryKey) ([]push.Delivery, error) {
	p, err := s.pushRow(ctx, app, id)
	if errors.Is(err, push.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("deliveries", err)
	}
	var devices []string
	for _, k := range keys {
		if k.Device != "" {
			devices = append(devices, k.Device)
		}
	}
	numbers := map[string]int64{}
	err = s.read.run(ctx, numbersOf.each(numbersOf.idRows(app, devices), func(scan scanFunc) error {
		var id string
		var n int64
		err := scan(&id, &n)
		numbers[id] = n
		return err
	}))
	if err != nil {
		return nil, wrap("deliveries", err)
	}
	rows := byKey.rows(len(keys))
	for _, k := range keys {
		rows.add(num(p.n), num(holderOf(app, push.Recipient{Device: k.Device, User: k.User, Holder: numbers[k.Device]})), str(k.User))
	}
	var list []push.Delivery
	err = s.read.run(ctx, byKey.each(rows, func(scan scanFunc) error {
		d, err := readWithEvents(scan)
		list = append(list, d)
		return err
	}))
	return list, wrap("deliveries", err)
}

// readWithEvents reads deliveryColumns and the timeline.
func readWithEvents(scan scanFunc) (push.Delivery, error) {
	var events []byte
	var leftOut int
	var leftOutAt *int64
	d, err := readDelivery(scan, &events, &leftOut, &leftOutAt)
	if err == nil {
		d.Events, err = decodeEvents(events)
		d.Events = push.WithLeftOut(d.Events, leftOut, clock(leftOutAt))
	}
	return d, err
}

// cancelledEarly reports whether the push was cancelled before all its deliveries were made, and will not make the others. A push with
// a list makes them as cancelled ones.
func (p pushRow) cancelledEarly() bool { return !p.cancelledAt.IsZero() && p.list == "" }

// unmade reports whether the push has no deliveries, but names those for whom it will make them, or would have made them.
func (p pushRow) unmade() bool {
	return !p.To.Deferred() && p.list == "" && (!p.made || !p.cancelledAt.IsZero()) && deferred(p.Push)
}

// beforeMade marks cursors of deliveries that are not made yet, which are positions. Without the mark, a position would be read as the
// number of a device once the deliveries are made.
const beforeMade = "#"

// scheduled returns a page of the deliveries that a push will make, or would have made.
func (p pushRow) scheduled(key []string, limit int) ([]push.Delivery, string, error) {
	from := 0
	if key[0] != "" {
		index, is := strings.CutPrefix(key[0], beforeMade)
		n, err := strconv.Atoi(index)
		if !is || err != nil || n < 0 {
			return nil, "", errCursor // for instance a cursor of deliveries that are made
		}
		from = n
	}
	targets := p.namedTargets()
	var list []push.Delivery
	for i := from; i < min(from+limit, len(targets)); i++ {
		list = append(list, p.scheduledFor(targets[i]))
	}
	if from+limit < len(targets) {
		return list, encodeCursor(beforeMade+strconv.Itoa(from+limit), ""), nil
	}
	return list, "", nil
}

// scheduledFor returns the delivery that a push will make for one of its named targets, or would have made.
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

// namedTargets returns the users or devices that the push names, each once.
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
