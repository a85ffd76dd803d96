package vitals

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hushpush/hush/internal/hour"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Status returns how the server does, with a page of apps. While the database does not answer it has what memory knows.
func (v *Vitals) Status(ctx context.Context, cursor string, limit int) (protocol.ServerStatus, error) {
	from, err := readCursor(cursor)
	if err != nil {
		return protocol.ServerStatus{}, err
	}
	troubled := v.troubled()
	apps, next, err := v.appsOf(ctx, from, troubled, limit)
	if err != nil {
		return protocol.ServerStatus{}, err
	}
	out := v.own(v.cfg.Now().UTC())
	out.Apps, out.Cursor = apps, next.String()
	out.AppsInTrouble, out.Sessions = len(troubled), v.parts.Sessions.Count()
	if !out.Database.Reachable || out.Backlog.Late || out.Backlog.Full || out.Commits.Slow || len(troubled) > 0 {
		out.Standing = "trouble"
	}
	return out, nil
}

// appsOf returns a page of apps; of those that memory knows, while the database does not answer. Its error means that the caller
// has gone, or has given a cursor that is none.
func (v *Vitals) appsOf(ctx context.Context, from place, troubled []string, limit int) ([]protocol.AppStatus, place, error) {
	v.mu.Lock()
	reachable := !v.database.away.Lasts()
	v.mu.Unlock()
	if reachable {
		asking, cancel := context.WithTimeoutCause(ctx, lookWait, errNoAnswer)
		defer cancel()
		apps, next, err := v.appsFrom(asking, from, troubled, limit, true)
		switch {
		case err == nil:
			return apps, next, nil
		case ctx.Err() != nil, errors.As(err, new(push.FieldErrors)):
			return nil, place{}, err
		}
		v.databaseLooked(because(asking, err))
	}
	return v.appsFrom(ctx, from, troubled, limit, false)
}

// own returns what this room knows by itself.
func (v *Vitals) own(now time.Time) protocol.ServerStatus {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := protocol.ServerStatus{
		Standing: "ok", Version: v.cfg.Version, Engine: v.parts.Engine, EngineVersion: v.parts.EngineVersion, Node: v.parts.Node,
		StartedAt: v.started.UTC().Truncate(time.Millisecond), Uptime: now.Sub(v.started).Round(time.Second).String(),
		Database: protocol.DatabaseStatus{Reachable: !v.database.away.Lasts()},
		Backlog: protocol.BacklogStatus{Due: v.backlog.Due, InMemory: v.backlog.InMemory, OldestAt: instant(v.backlog.Oldest()),
			InWork: v.backlog.InWork, Limit: v.intake.limit, Full: !v.intake.fullAt.IsZero(),
			Oldest: age(now, v.backlog.Backlog).Round(time.Second).String(), Late: isLate(now, v.backlog.Backlog), LookedAt: instant(v.backlog.lookedAt)},
		Commits:  v.commits.status(now),
		LastHour: lastHour(now, v.started, v.hour.Sum(now)),
	}
	if !out.Database.Reachable {
		out.Database.Since, out.Database.Error = instant(v.database.away.Since), v.database.err.Error()
	}
	return out
}

func (c *commits) status(now time.Time) protocol.CommitStatus {
	out := protocol.CommitStatus{LastAt: instant(c.lastAt), Slow: c.slow.Lasts()}
	if hangs := c.hanging(now); hangs > 0 {
		out.Hangs, out.Slow = hangs.Round(time.Millisecond).String(), true
	}
	if c.lastAt.IsZero() {
		return out
	}
	counts := c.took.Sum(now)
	for _, n := range counts {
		out.Count += n
	}
	out.Last = short(c.last)
	if out.Count > 0 {
		slowest := c.slowest.Of(now)
		out.P50, out.P99, out.Slowest = short(min(percentile(counts, 0.5), slowest)), short(min(percentile(counts, 0.99), slowest)), short(slowest)
	}
	return out
}

// short returns a duration with as many digits as anybody reads.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// instant returns a time; nil for the zero time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func lastHour(now, started time.Time, counts map[fact]int) protocol.LastHour {
	since := hour.Since(now)
	if started.After(since) {
		since = started
	}
	out := protocol.LastHour{Since: since.UTC().Truncate(time.Millisecond), Deliveries: map[push.State]int{},
		Wakes: map[push.Provider]protocol.WakeCounts{}, TokensDropped: map[push.Provider]int{}}
	byProvider := map[push.Provider]map[push.Fault]int{push.APNs: {}, push.FCM: {}}
	for f, n := range counts {
		switch f.what {
		case accepted:
			out.Pushes = n
		case final:
			out.Deliveries[push.State(f.of)] = n
		case wakes:
			byProvider[push.Provider(f.of)][push.Fault(f.by)] = n
		case tokens:
			out.TokensDropped[push.Provider(f.of)] = n
		}
	}
	for p, n := range byProvider {
		out.Wakes[p] = wakeCounts(n)
	}
	return out
}

func wakeCounts(byFault map[push.Fault]int) protocol.WakeCounts {
	out := protocol.WakeCounts{Refused: map[push.Fault]int{}}
	for fault, n := range byFault {
		out.Sent += n
		if fault == "" {
			out.Taken = n
		} else {
			out.Refused[fault] = n
		}
	}
	return out
}

// place is where a page of apps begins: among those in trouble, behind a name; or among all, where the store's cursor says.
type place struct {
	Troubled string  `json:"t,omitempty"`
	All      *string `json:"a,omitempty"`
	end      bool
}

func (p place) String() string {
	if p.end {
		return ""
	}
	b, _ := json.Marshal(p) // strings alone always encode
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(cursor string) (p place, err error) {
	if cursor == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return p, push.FieldErrors{{Location: "query.cursor", Code: push.CodeBadValue, Message: "is no cursor of this list; want one as an answer gave it, or none for the first page"}}
	}
	return p, nil
}

// appsFrom returns a page: apps in trouble first, by name, then the others.
func (v *Vitals) appsFrom(ctx context.Context, from place, troubled []string, limit int, askStore bool) ([]protocol.AppStatus, place, error) {
	apps := []protocol.AppStatus{}
	if from.All == nil {
		i, found := slices.BinarySearch(troubled, from.Troubled)
		if found && from.Troubled != "" {
			i++
		}
		for ; i < len(troubled) && len(apps) < limit; i++ {
			apps = append(apps, v.appStatus(troubled[i], nil))
			from.Troubled = troubled[i]
		}
		if len(apps) == limit {
			return apps, place{Troubled: from.Troubled}, nil
		}
		from.All = new(string)
	}
	for len(apps) < limit && askStore {
		list, next, err := v.parts.Store.Apps(ctx, *from.All, limit-len(apps))
		if err != nil {
			return nil, place{}, fmt.Errorf("vitals: apps: %w", err)
		}
		for _, a := range list {
			if _, shown := slices.BinarySearch(troubled, a.Name); shown {
				continue
			}
			infos, err := v.parts.Store.Credentials(ctx, a.Name)
			if err != nil {
				return nil, place{}, fmt.Errorf("vitals: credentials: %w", err)
			}
			apps = append(apps, v.appStatus(a.Name, infos))
		}
		if next == "" {
			return apps, place{end: true}, nil
		}
		from.All = &next
	}
	return apps, place{All: from.All, end: !askStore}, nil
}

// appStatus returns the status of one app at the providers for which it has a credential or has had a wake.
func (v *Vitals) appStatus(app string, stored []push.CredentialInfo) protocol.AppStatus {
	out := protocol.AppStatus{App: app, Providers: map[push.Provider]protocol.ProviderStatus{}}
	for name, p := range v.parts.Providers {
		s := p.Standing(app)
		has := slices.ContainsFunc(stored, func(c push.CredentialInfo) bool { return c.Provider == name })
		if has || s.State != push.ProviderUntried || s.LastError != nil {
			out.Providers[name] = shown(s)
		}
	}
	return out
}

func shown(s push.ProviderStanding) protocol.ProviderStatus {
	out := protocol.ProviderStatus{Standing: cmp.Or(s.State, push.ProviderUntried), Since: instant(s.Since), Troubles: []protocol.ProviderTrouble{}, Wakes: wakeCounts(s.Wakes)}
	for _, t := range s.Troubles {
		out.Troubles = append(out.Troubles, protocol.ProviderTrouble{Standing: t.State, Environment: t.Environment, Topic: t.Topic,
			Since: *instant(t.Since), Failed: t.Failed, Devices: t.Devices, Pushes: t.Pushes})
	}
	if e := s.LastError; e != nil {
		out.LastError = &protocol.ProviderError{At: *instant(e.At), Fault: e.Fault, Status: e.Status, Reason: e.Reason, Error: e.Error, Detail: e.Detail}
	}
	return out
}
