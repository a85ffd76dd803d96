package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// listCost is what one page of a list of pushes may cost, whatever the app has and whatever is asked for. A page that would
// cost more ends early, and its cursor goes on.
type listCost struct {
	examineAtOnce int // pushes looked at by one question
	examineMost   int // pushes looked at for a page
	countFew      int // a push with more deliveries is counted by itself
	countMost     int // deliveries counted for a page, but for its last push, which may have any number
}

var listCosts = listCost{examineAtOnce: 500, examineMost: 10_000, countFew: 1_000, countMost: 400_000}

// idSlack is how far the time in a push's id may be from the time at which it was accepted.
const idSlack = time.Minute

// lists are ids of an app's pushes in a range, newest first.
const (
	idsOfApp = "SELECT id FROM pushes WHERE app = ? AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?"
	// By the devices that are or were the user's, and what waits, or waited, for the user without one.
	idsOfUser = `SELECT DISTINCT p.id FROM (SELECT n AS holder FROM devices WHERE app = ? AND user_id = ? AND user_id <> ''
		UNION ALL SELECT device FROM former_owners WHERE app = ? AND user_id = ? UNION ALL SELECT CAST(? AS BIGINT)) h
		CROSS JOIN deliveries d CROSS JOIN pushes p WHERE d.holder = h.holder AND d.user_id = ? AND p.n = d.push AND p.app = ? AND p.id >= ? AND p.id < ?
		ORDER BY p.id DESC LIMIT ?`
	// Pushes without deliveries may name the user all the same, in the JSON of their audience. "Replace" is a search that both
	// engines spell alike.
	idsUnmade = `SELECT id, CASE WHEN replace(audience, ?, '') <> audience THEN 1 ELSE 0 END FROM pushes
		WHERE app = ? AND (made = 0 OR cancelled_at IS NOT NULL) AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?`
)

// listRows reads those of the pushes named that the filter takes. Of a user's pushes, the state is that of a delivery of
// theirs. A push whose time has not come is scheduled, and one that was cancelled before is cancelled, though it has no
// deliveries. The audience is read where it tells what deliveries cannot.
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

// countsOf counts the states of up to so many deliveries of each push.
var countsOf = fold("of_push int, up_to int", `SELECT r.of_push, c.state, c.n FROM {rows}, {lateral} (SELECT f.state, COUNT(*) AS n FROM
	(SELECT state FROM deliveries WHERE push = r.of_push LIMIT r.up_to) f GROUP BY f.state) c`)

// Pushes is a page of an app's pushes, newest first, as far as the filter takes them. A page that has cost enough ends before
// it is full: it may be empty, and the cursor goes on where it ended. Only a page without a cursor is the last.
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

// idAt is an id before all that are made at t, moved by a slack; open if there is no t.
func idAt(t time.Time, slack time.Duration, open string) string {
	if t.IsZero() {
		return open
	}
	return string(push.FirstID(t.Add(slack)))
}

// listing is one page of pushes on its way.
type listing struct {
	s            *Store
	app          string
	filter       push.PushFilter
	cost         listCost
	from, before string // ids: from is in the range, before is not
	counted      int
	ofUser       map[string]bool // ids of pushes that have a delivery of the filter's user
}

// page gathers up to limit pushes. next is the last one that was looked at, if there may be more behind it.
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

// ahead is how many pushes are looked at by the next question, if so many are wanted.
func (l *listing) ahead(wanted int) int {
	if l.filter.State != "" || l.filter.Resource != "" {
		return l.cost.examineAtOnce
	}
	return min(wanted, l.cost.examineAtOnce)
}

// candidates are the next ids to look at, newest first, at most about so many; whole: there are no more. What is looked at
// next comes behind them.
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
	floor := "" // above it both lists are whole
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
	named bool // its audience may name the user
}

func readUnmade(scan scanFunc) (u unmadePush, err error) {
	var named int
	err = scan(&u.id, &named)
	u.named = named != 0
	return u, err
}

// listedRow is a push of a list, and whether its deliveries are counted, or are still to be.
type listedRow struct {
	push.Listed
	n            int64 // of the push
	countsStored bool  // its counts stand beside it
	to           push.Audience
	unmade       bool
	counted      bool
}

// rows reads the pushes of ids that the filter takes, newest first.
func (l *listing) rows(ctx context.Context, ids []string) ([]*listedRow, error) {
	from, to := int64(0), int64(1)<<62
	if !l.filter.After.IsZero() {
		from = l.filter.After.UnixMicro()
	}
	if !l.filter.Before.IsZero() {
		to = l.filter.Before.UnixMicro()
	}
	asked := listRows.rows(len(ids))
	for _, id := range ids {
		asked.add(str(id), str(l.app), str(l.filter.Resource), str(l.filter.User), num(userHolder(l.app, l.filter.User)), str(l.filter.State), num(from), num(to))
	}
	var found []*listedRow
	err := l.s.read.run(ctx, listRows.each(asked, func(scan scanFunc) error {
		row, ok, err := l.read(scan)
		if ok {
			found = append(found, row)
		}
		return err
	}))
	slices.SortFunc(found, func(a, b *listedRow) int { return cmp.Compare(b.ID, a.ID) })
	return found, err
}

// read reads one row of listRows; false: its push is not for the user after all.
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

// count fills in the counts of found[i] and what follows from them: with those of its neighbours, if it is not large.
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
		total = len(row.Counts) // that is all that was read
	}
	l.counted += total
	row.Final = row.Expanded && !slices.ContainsFunc(push.States(), func(s push.State) bool { return !s.Final() && row.Counts[s] > 0 })
	row.Warnings = push.Push{To: row.to}.Warnings(row.Standing, row.Counts)
	return nil
}

// countFew counts the first deliveries of each of the next pushes.
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
