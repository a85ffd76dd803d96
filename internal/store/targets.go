package store

import (
	"context"
	"slices"
	"time"

	"github.com/hushpush/hush/push"
)

// A push that names users or devices with more than maxAtOnce deliveries is accepted without them, so that other callers need not
// wait for its transaction. Its targets are fixed all the same: they are resolved outside of any transaction, and stored as a
// list, a piece at a time. The push names the list when it is committed, and Expand makes the deliveries from it. Pieces that no
// push names, because the process was killed before that commit, are removed later.
const (
	maxAtOnce       = 1_000     // the most deliveries of one push in the transaction that accepts it
	targetsPerPiece = 500       // targets in one piece
	piecesAtOnce    = 10        // pieces stored in one transaction
	lookupAtOnce    = 500       // users or devices read by one query
	orphanAge       = time.Hour // how old a list without a push is when it is removed
)

// targetList is the stored list of a push's targets.
type targetList struct {
	id       string
	targets  int
	warnings []push.Warning
}

// targetRow is one target in a stored list.
type targetRow struct {
	Device     string `json:"d,omitempty"` // "" for a user without a device
	User       string `json:"u"`
	Generation int    `json:"g,omitempty"`
	Number     int64  `json:"n,omitempty"` // of the device
}

// mayBeMany reports whether an audience may have more deliveries than one transaction makes.
func (s *Store) mayBeMany(to push.Audience) bool {
	return len(to.Users)*s.cfg.DevicesPerUser+len(to.Devices) > maxAtOnce
}

// storeLongTargets resolves the audience of a push, and stores the list of targets if it is long. Otherwise it returns nil.
func (s *Store) storeLongTargets(ctx context.Context, p push.Push) (*targetList, error) {
	list, warnings, err := s.resolve(ctx, p.App, p.To)
	if err != nil || len(list) <= maxAtOnce {
		return nil, err
	}
	return s.storeTargets(ctx, p, list, warnings)
}

// storeTargets stores a list of targets, in pieces.
func (s *Store) storeTargets(ctx context.Context, p push.Push, targets []push.Recipient, warnings []push.Warning) (*targetList, error) {
	m := &targetList{id: string(push.NewID()), targets: len(targets), warnings: warnings}
	first := 0 // the number of the next piece
	for pieces := range slices.Chunk(targets, targetsPerPiece*piecesAtOnce) {
		err := s.write(ctx, "keep targets", &op{app: p.App, long: true, do: func(ctx context.Context, t *tx) error {
			rows, number := insertTargets.rows(piecesAtOnce), first
			for piece := range slices.Chunk(pieces, targetsPerPiece) {
				rows.add(str(m.id), num(number), str(p.ID), num(len(piece)), raw(encodePiece(piece)), when(s.now()))
				number++
			}
			return t.run(ctx, insertTargets.exec(rows))
		}})
		if err != nil {
			return nil, err
		}
		first += piecesAtOnce
	}
	return m, nil
}

// encodePiece returns targets as a piece of a list stores them.
func encodePiece(targets []push.Recipient) []byte {
	list := make([]targetRow, len(targets))
	for i, to := range targets {
		list[i] = targetRow{to.Device, to.User, to.Generation, to.Holder}
	}
	return []byte(encode(list))
}

var insertTargets = foldInsert("push_targets", "list text, piece int, push_id text, targets int, meant blob, kept_at int")

// resolve returns the targets of an audience, read outside of any transaction.
func (s *Store) resolve(ctx context.Context, app string, to push.Audience) ([]push.Recipient, []push.Warning, error) {
	all := newAudience()
	look := func(users, devices []string) error {
		a := newAcceptance(nil, time.Time{}) // it only reads
		a.request(app, users, devices)
		if err := a.readRequested(ctx, s.read); err != nil {
			return wrap("audience", err)
		}
		all.merge(a.apps[app])
		return nil
	}
	for users := range slices.Chunk(to.Users, lookupAtOnce) {
		if err := look(users, nil); err != nil {
			return nil, nil, err
		}
	}
	for devices := range slices.Chunk(to.Devices, lookupAtOnce) {
		if err := look(nil, devices); err != nil {
			return nil, nil, err
		}
	}
	return s.cfg.Accepting.Recipients(to, all)
}

// fixDue stores the list of targets of a push for later that has become due, if they are many.
func (s *Store) fixDue(ctx context.Context, ref push.PushRef) error {
	p, err := s.pushRow(ctx, ref.App, ref.ID)
	if err != nil {
		return err
	}
	there, err := s.registered(ctx, p.App, p.To)
	if err != nil {
		return err
	}
	p.To = there
	if !s.mayBeMany(p.To) {
		return nil
	}
	m, err := s.storeLongTargets(ctx, p.Push)
	if err != nil || m == nil {
		return err
	}
	return s.write(ctx, "expand", &op{app: ref.App, do: func(ctx context.Context, t *tx) error {
		return t.run(ctx, exec("UPDATE pushes SET list = ?, counted = 1 WHERE id = ? AND list = '' AND made = 0", m.id, string(ref.ID)))
	}})
}

// registered returns an audience without the devices that are no longer registered. It leaves an audience that cannot be large as
// it is.
func (s *Store) registered(ctx context.Context, app string, to push.Audience) (push.Audience, error) {
	if !s.mayBeMany(to) || len(to.Devices) == 0 {
		return to, nil
	}
	missing, err := s.MissingDevices(ctx, app, to.Devices)
	gone := make(map[string]bool, len(missing))
	for _, id := range missing {
		gone[id] = true
	}
	to.Devices = slices.DeleteFunc(slices.Clone(to.Devices), func(id string) bool { return gone[id] })
	return to, err
}

const (
	nextPieces   = "SELECT piece, meant FROM push_targets WHERE list = ? ORDER BY piece LIMIT 2"
	targetsLeft  = "SELECT COALESCE(SUM(targets), 0) FROM push_targets WHERE list = ?"
	removePiece  = "DELETE FROM push_targets WHERE list = ? AND piece = ?"
	orphanPieces = `DELETE FROM push_targets WHERE (list, piece) IN (SELECT l.list, l.piece FROM push_targets l WHERE l.kept_at <= ?
		AND NOT EXISTS (SELECT 1 FROM pushes p WHERE p.id = l.push_id AND p.list = l.list AND p.made = 0) ORDER BY l.kept_at LIMIT ?)`
)

type targetPiece struct {
	piece int
	list  []targetRow
}

func readPiece(scan scanFunc) (p targetPiece, err error) {
	var text []byte
	if err = scan(&p.piece, &text); err == nil {
		err = decode(string(text), &p.list)
	}
	return p, err
}

// nextPiece takes the next piece of the push's list as its targets.
func (e *expansion) nextPiece(ctx context.Context) error {
	pieces, err := all(ctx, e.t, readPiece, nextPieces, e.p.list)
	e.done = len(pieces) < 2
	if err != nil || len(pieces) == 0 {
		return err
	}
	var to push.Audience
	for _, m := range pieces[0].list {
		if m.Device == "" {
			to.Users = append(to.Users, m.User)
		} else {
			to.Devices = append(to.Devices, m.Device)
		}
	}
	now, err := e.audience(ctx, to)
	if err != nil {
		return err
	}
	r, err := e.t.resourceOrDefault(ctx, e.p.App, e.p.ResourceID)
	if err != nil {
		return err
	}
	// If the delivery to a user without a device is final at once, no device takes it over later.
	stays := e.t.s.cfg.Accepting.Place(e.p.Push, r, push.Recipient{User: "any"}, e.now, push.Ending{}).State.Final()
	for _, m := range pieces[0].list {
		var t target
		t.Recipient, t.end = e.t.s.cfg.Accepting.Still(push.Recipient{Device: m.Device, User: m.User, Generation: m.Generation, Holder: m.Number}, now, stays)
		if t.end.At = e.now; !e.p.cancelledAt.IsZero() {
			t.end = push.Ending{State: push.Cancelled, At: e.p.cancelledAt}
		}
		e.to = append(e.to, t)
	}
	return e.t.run(ctx, exec(removePiece, e.p.list, pieces[0].piece))
}

// removeOrphanPieces removes up to limit pieces of lists that no push needs.
func (t *tx) removeOrphanPieces(ctx context.Context, limit int) (int, error) {
	remove := exec(orphanPieces, micros(t.s.now().Add(-orphanAge)), limit)
	err := t.run(ctx, remove)
	return int(remove.n), err
}

// newerOpen finds open deliveries with a collapse key that are newer than the one being made. The plus keeps SQLite, which has no
// statistics, from using an index on since and reading all newer deliveries of the device.
var newerOpen = fold("of_holder int, of_key blob, of_app text, of_user text, made_at int",
	"SELECT d.holder, d.user_id FROM {rows}, "+deliveriesWithPush+` WHERE d.holder = r.of_holder AND d.collapse_key = r.of_key AND d.final_at IS NULL
		AND (d.holder >= 0 OR p.app = r.of_app AND d.user_id = r.of_user) AND +d.since > r.made_at`)

// markSuperseded makes deliveries superseded from the start for which a newer push with the same collapse key came first. That
// happens because the deliveries of a large push are made after it was accepted.
func (e *expansion) markSuperseded(ctx context.Context, r push.Resource) error {
	rows := newerOpen.rows(0)
	for _, to := range e.to {
		if key := r.CollapseKey(e.p.Push, to.Platform); key != "" && to.end.State == "" {
			rows.add(num(holderOf(e.p.App, to.Recipient)), raw([]byte(key)), str(e.p.App), str(to.User), when(e.p.Start()))
		}
	}
	newer := map[deliveryHolder]bool{}
	err := e.t.run(ctx, newerOpen.each(rows, func(scan scanFunc) error {
		var h deliveryHolder
		err := scan(&h.holder, &h.user)
		newer[h] = true
		return err
	}))
	for i, to := range e.to {
		if to.end.State == "" && newer[deliveryHolder{holderOf(e.p.App, to.Recipient), to.User}] {
			e.to[i].end = push.Ending{State: push.Superseded, At: e.now}
		}
	}
	return err
}
