package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// listCost limits the cost of one page of a list of pushes, for any app and any filter. A page that would cost more ends early, and
// its cursor goes on from there.
type listCost struct {
	examineAtOnce int // pushes read by one query
	examineMost   int // pushes read for a page
	countFew      int // a push with at least as many deliveries is counted separately
	countMost     int // deliveries counted for a page, beside those of its last push, which may have any number
}

var listCosts = listCost{examineAtOnce: 500, examineMost: 10_000, countFew: 1_000, countMost: 400_000}

// idSlack is how far the time in a push's id may be from the time at which it was accepted.
const idSlack = time.Minute

// The ids of an app's pushes in a range of ids, newest first.
const (
	idsOfApp = "SELECT id FROM pushes WHERE app = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?"
	// Found by the devices that are or were the user's, and by the deliveries that wait, or waited, for the user without a device.
	idsOfUser = `SELECT DISTINCT p.id FROM (SELECT n AS holder FROM devices WHERE app = ? AND user_id = ? AND user_id <> ''
		UNION ALL SELECT device FROM former_owners WHERE app = ? AND user_id = ? UNION ALL SELECT CAST(? AS BIGINT)) h
		CROSS JOIN deliveries d CROSS JOIN pushes p WHERE d.holder = h.holder AND d.user_id = ? AND p.n = d.push AND p.app = ? AND p.id >= ? AND p.id < ?
		ORDER BY p.id DESC LIMIT ?`
	// Pushes without deliveries, and whether the JSON of their audience contains the user's id. Both engines have replace, by which
	// it is searched.
	idsUnmade = `SELECT id, CASE WHEN replace(audience, ?, '') <> audience THEN 1 ELSE 0 END FROM pushes
		WHERE app = ? AND (made = 0 OR cancelled_at IS NOT NULL) AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?`
)

// listRows reads those of the named pushes that match the filter. With a user, the state is matched against the user's deliveries
// only. A push for later that is not due yet matches "scheduled", and one that was cancelled before it was due matches
// "cancelled", although neither has deliveries. The audience is read if the deliveries may not show it.
var listRows = fold("of_id text, of_app text, resource text, of_user text, of_holder int, state text, from_at int, to_at int",
	`SELECT p.n, p.counted, p.id, p.resource_id, p.accepted_at, p.deliver_at, p.expires_at, p.made, p.list, p.cancelled_at,
		CASE WHEN p.made = 0 OR p.cancelled_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM deliveries n WHERE n.push = p.n) THEN p.audience ELSE '' END
	FROM {rows}, pushes p WHERE p.id = r.of_id AND p.app = r.of_app AND (r.resource = '' OR p.resource_id = r.resource)
		AND p.accepted_at >= r.from_at AND p.accepted_at < r.to_at AND CASE
			WHEN r.state = '' THEN 1 = 1
			WHEN r.state = 'scheduled' AND p.made = 0 AND p.list = '' AND p.deliver_at > p.accepted_at THEN 1 = 1
			WHEN r.state = 'cancelled' AND p.made = 1 AND p.list = '' AND p.cancelled_at IS NOT NULL THEN 1 = 1
			WHEN r.of_user <> '' THEN EXISTS (SELECT 1 FROM deliveries d WHERE d.push = p.n AND d.holder = r.of_holder AND d.user_id = r.of_user AND d.state = r.state)
				OR EXISTS (SELECT 1 FROM devices v JOIN deliveries d ON d.push = p.n AND d.holder = v.n AND d.user_id = v.user_id
					WHERE v.app = r.of_app AND v.user_id = r.of_user AND v.user_id <> '' AND d.state = r.state)
				OR EXISTS (SELECT 1 FROM former_owners o JOIN deliveries d ON d.push = p.n AND d.holder = o.device AND d.user_id = o.user_id
					WHERE o.app = r.of_app AND o.user_id = r.of_user AND d.state = r.state)
			WHEN p.counted = 1 THEN EXISTS (SELECT 1 FROM push_counts c WHERE c.push = p.n AND c.state = r.state AND c.n > 0)
			ELSE EXISTS (SELECT 1 FROM deliveries d WHERE d.push = p.n AND d.state = r.state) END`)

// countsOf counts the states of each push's deliveries, up to a number of deliveries.
var countsOf = fold("of_push int, up_to int", `SELECT r.of_push, c.state, c.n FROM {rows}, {lateral} (SELECT f.state, COUNT(*) AS n FROM
	(SELECT state FROM deliveries WHERE push = r.of_push LIMIT r.up_to) f GROUP BY f.state) c`)

// Pushes returns a page of those of an app's pushes that match the filter, newest first, and the cursor of the next page. A page
// that would cost too much ends before it is full, and may be empty; the cursor goes on where it ended. Only the last page has no
// cursor.
func (s *Store) Pushes(ctx context.Context, app string, f push.PushFilter, cursor string, limit int) ([]push.Listed, string, error) {
	key, err := decodeCursor(cursor, 1)
	if err != nil {
		return nil, "", err
	}
	l := &listing{s: s, app: app, filter: f, cost: listCosts, ofUser: map[string]bool{}, from: idAt(f.After, -idSlack, ""), before: idAt(f.Before, idSlack, "g")}
	if cursor != "" {
		l.before = min(l.before, key[0])
	}
	page, next, err := l.page(ctx, pageSize(limit))
	if err != nil || next == "" {
		return page, "", wrap("pushes", err)
	}
	return page, encodeCursor(next), nil
}

// idAt returns an id before all ids made at t+slack; open if t is zero.
func idAt(t time.Time, slack time.Duration, open string) string {
	if t.IsZero() {
		return open
	}
	return string(push.FirstID(t.Add(slack)))
}

// listing reads one page of a list of pushes.
type listing struct {
	s            *Store
	app          string
	filter       push.PushFilter
	cost         listCost
	from, before string          // the range of ids: from is in it, before is not
	counted      int             // deliveries counted so far
	ofUser       map[string]bool // the ids of pushes with a delivery for the filter's user
}

// page reads up to limit pushes. next is the id of the last push that was examined, if there may be more; otherwise "".
func (l *listing) page(ctx context.Context, limit int) (page []push.Listed, next string, err error) {
	for examined := 0; examined < l.cost.examineMost; {
		ids, last, err := l.candidates(ctx, l.ahead(limit-len(page)+1))
		if err != nil {
			return nil, "", err
		}
		examined += max(len(ids), 1)
		found, err := l.rows(ctx, ids)
		if err != nil {
			return nil, "", err
		}
		full := limit - len(page)
		for i, row := range found[:min(len(found), full)] {
			if len(page) > 0 && l.counted > l.cost.countMost {
				return page, string(page[len(page)-1].ID), nil
			}
			if err := l.count(ctx, found, i); err != nil {
				return nil, "", err
			}
			page = append(page, row.Listed)
		}
		switch {
		case len(found) > full:
			return page, string(page[len(page)-1].ID), nil
		case last:
			return page, "", nil
		}
	}
	return page, l.before, nil
}

// ahead returns how many pushes the next query reads to find the wanted number of matching ones.
func (l *listing) ahead(wanted int) int {
	if l.filter.State != "" || l.filter.Resource != "" {
		return l.cost.examineAtOnce
	}
	return min(wanted, l.cost.examineAtOnce)
}

// candidates returns the ids of the next pushes to examine, newest first, about limit at most, and moves l.before behind them. last
// reports whether there are no more.
func (l *listing) candidates(ctx context.Context, limit int) (ids []string, last bool, err error) {
	if l.filter.User == "" {
		ids, err = all(ctx, l.s.read, scalar[string], idsOfApp, l.app, l.from, l.before, limit)
		if len(ids) == limit {
			l.before = ids[limit-1]
		}
		return ids, len(ids) < limit, err
	}
	made, err := all(ctx, l.s.read, scalar[string], idsOfUser, l.app, l.filter.User, l.app, l.filter.User, userHolder(l.app, l.filter.User), l.filter.User, l.app, l.from, l.before, limit)
	if err != nil {
		return nil, false, err
	}
	unmade, err := all(ctx, l.s.read, readUnmade, idsUnmade, encode(l.filter.User), l.app, l.from, l.before, limit)
	if err != nil {
		return nil, false, err
	}
	last = len(made) < limit && len(unmade) < limit
	floor := "" // both queries have returned all ids down to this one
	if len(made) == limit {
		floor = made[limit-1]
	}
	if len(unmade) == limit {
		floor = max(floor, unmade[limit-1].id)
	}
	for _, id := range made {
		if id >= floor {
			l.ofUser[id] = true
			ids = append(ids, id)
		}
	}
	for _, u := range unmade {
		if u.id >= floor && u.named {
			ids = append(ids, u.id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	if floor != "" {
		l.before = floor
	}
	return slices.Compact(ids), last, nil
}

type unmadePush struct {
	id    string
	named bool // whether its audience may name the user
}

func readUnmade(scan scanFunc) (u unmadePush, err error) {
	var named int
	err = scan(&u.id, &named)
	u.named = named != 0
	return u, err
}

// listedRow is a push of a list, with what its counts are made from.
type listedRow struct {
	push.Listed
	n            int64 // the number of the push
	countsStored bool  // push_counts has its counts
	to           push.Audience
	unmade       bool
	counted      bool
}

// rows reads those of the pushes with these ids that match the filter, newest first.
func (l *listing) rows(ctx context.Context, ids []string) ([]*listedRow, error) {
	from, to := int64(0), int64(1)<<62
	if !l.filter.After.IsZero() {
		from = l.filter.After.UnixMicro()
	}
	if !l.filter.Before.IsZero() {
		to = l.filter.Before.UnixMicro()
	}
	rows := listRows.rows(len(ids))
	for _, id := range ids {
		rows.add(str(id), str(l.app), str(l.filter.Resource), str(l.filter.User), num(userHolder(l.app, l.filter.User)), str(l.filter.State), num(from), num(to))
	}
	var found []*listedRow
	err := l.s.read.run(ctx, listRows.each(rows, func(scan scanFunc) error {
		row, ok, err := l.read(scan)
		if ok {
			found = append(found, row)
		}
		return err
	}))
	slices.SortFunc(found, func(a, b *listedRow) int { return cmp.Compare(b.ID, a.ID) })
	return found, err
}

// read reads one row of listRows. It returns false if the push turns out not to be for the filter's user.
func (l *listing) read(scan scanFunc) (*listedRow, bool, error) {
	var (
		p                         pushRow
		to                        string
		deliverAt, cancelled      *int64
		accepted, expires, isMade int64
		countsStored              int64
	)
	if err := scan(&p.n, &countsStored, &p.ID, &p.ResourceID, &accepted, &deliverAt, &expires, &isMade, &p.list, &cancelled, &to); err != nil {
		return nil, false, err
	}
	p.AcceptedAt, p.DeliverAt, p.expiresAt = clock(&accepted), clock(deliverAt), clock(&expires)
	p.made, p.cancelledAt = isMade != 0, clock(cancelled)
	row := &listedRow{n: p.n, countsStored: countsStored != 0, Listed: push.Listed{ID: p.ID, ResourceID: p.ResourceID, AcceptedAt: p.AcceptedAt, DeliverAt: p.DeliverAt,
		Standing: push.Standing{ExpiresAt: p.expiresAt, Expanded: p.made, CancelledEarly: p.cancelledEarly()}}}
	if to == "" {
		return row, true, nil
	}
	var err error
	if p.To, err = decodeAudience(to); err != nil {
		return nil, false, err
	}
	row.to = p.To
	if row.unmade = p.unmade(); row.unmade {
		row.Counts, row.counted = p.countsUnmade(), true
	}
	user := l.filter.User
	return row, user == "" || l.ofUser[string(p.ID)] || slices.Contains(p.To.Users, user), nil
}

// count sets the counts of found[i] and the fields that follow from them. If the push is not large, the pushes behind it are counted
// by the same query.
func (l *listing) count(ctx context.Context, found []*listedRow, i int) error {
	row := found[i]
	if !row.counted && !row.countsStored {
		if err := l.countFew(ctx, found[i:]); err != nil {
			return err
		}
	}
	total := sum(row.Counts)
	if !row.unmade && (row.countsStored || total >= l.cost.countFew) {
		counts, err := l.s.countStates(ctx, row.n, row.countsStored)
		if err != nil {
			return err
		}
		row.Counts, total = counts, sum(counts)
	}
	if row.countsStored {
		total = len(row.Counts) // only the rows of push_counts were read
	}
	l.counted += total
	row.Final = row.Expanded && !slices.ContainsFunc(push.States(), func(s push.State) bool { return !s.Final() && row.Counts[s] > 0 })
	row.Warnings = push.Push{To: row.to}.Warnings(row.Standing, row.Counts)
	return nil
}

// countFew counts the first deliveries of each of the next pushes, cost.countFew at most.
func (l *listing) countFew(ctx context.Context, found []*listedRow) error {
	const together = 100
	byNumber := map[int64]*listedRow{}
	asked := countsOf.rows(0)
	for _, row := range found[:min(len(found), together)] {
		if !row.counted && !row.countsStored {
			row.counted, row.Counts = true, map[push.State]int{}
			byNumber[row.n] = row
			asked.add(num(row.n), num(l.cost.countFew))
		}
	}
	return l.s.read.run(ctx, countsOf.each(asked, func(scan scanFunc) error {
		var number int64
		var state push.State
		var n int
		err := scan(&number, &state, &n)
		if row := byNumber[number]; row != nil {
			row.Counts[state] = n
		}
		return err
	}))
}

func sum(counts map[push.State]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}
