package provider

import (
	"time"

	"github.com/hushpush/hush/internal/spell"
)

// lines limits how much is logged of a provider: when it is down, it is down for every app. Guarded by Troubles.mu.
type lines struct {
	since  time.Time // of the ration
	all    map[ration]int
	ofApp  map[string]int
	summed time.Time // when the last sum was written
}

// ration is what is counted together.
type ration struct {
	kind kind
	line spell.Line
}

const (
	maxLines      = 8 // a minute, of a kind of trouble and a kind of line; the others are summed up
	maxLinesOfApp = 4 // a minute: its devices can name any number of bundle ids
)

// allow reports whether a trouble gets a line of its own, and counts it.
func (l *lines) allow(now time.Time, r ration, app string) bool {
	if l.since.IsZero() || now.Sub(l.since) >= spell.Per {
		l.since, l.all, l.ofApp = now, map[ration]int{}, map[string]int{}
	}
	if l.all[r] >= maxLines || l.ofApp[app] >= maxLinesOfApp {
		return false
	}
	l.all[r]++
	l.ofApp[app]++
	return true
}

// report writes a trouble's line, or leaves it to the sum. The caller holds mu.
func (t *Troubles) report(tr *trouble, line spell.Line, now time.Time) {
	if line == spell.None {
		return
	}
	if !t.lines.allow(now, ration{tr.scope.kind, line}, tr.app) {
		tr.unreported = line
		return
	}
	tr.unreported = spell.None
	s := stories[tr.scope.kind]
	switch attrs := tr.attrs(string(t.provider), now); line {
	case spell.Begun:
		t.log.Warn(s.begun, append(attrs, "next", s.next)...)
	case spell.Goes:
		t.log.Warn(s.goes, append(attrs, "next", s.next)...)
	case spell.Ended:
		t.log.Warn(s.ended, attrs...)
	}
}

func (tr *trouble) attrs(provider string, now time.Time) []any {
	attrs := []any{"provider", provider, "app", tr.app}
	if tr.scope.environment != "" {
		attrs = append(attrs, "environment", string(tr.scope.environment))
	}
	if tr.scope.bundleID != "" {
		attrs = append(attrs, "topic", tr.scope.bundleID)
	}
	attrs = append(attrs, "fault", string(tr.cause.fault), "error", tr.cause.name())
	if tr.cause.status != 0 {
		attrs = append(attrs, "status", tr.cause.status)
	}
	if tr.cause.reason != "" {
		attrs = append(attrs, "reason", tr.cause.reason)
	}
	if tr.detail != "" {
		attrs = append(attrs, "detail", tr.detail)
	}
	return append(attrs, "failed", tr.spell.Count, "devices", len(tr.devices), "pushes", tr.pushes,
		"since", tr.spell.Since.UTC().Truncate(time.Second), "for", tr.spell.For(now).String())
}

// sum is several troubles of a kind in one line.
type sum struct {
	apps                    map[string]bool
	failed, devices, pushes int
	since                   time.Time // the earliest
	worst                   *trouble
}

// sumUp writes one line for all that had none of their own, of each kind. The caller holds mu.
func (t *Troubles) sumUp(now time.Time) {
	var going, ended [kinds]sum
	for _, of := range t.apps {
		for _, tr := range of.troubles {
			switch {
			case tr.unreported == spell.None:
			case tr.spell.Lasts():
				going[tr.scope.kind].add(tr)
			default:
				ended[tr.scope.kind].add(tr)
			}
			tr.unreported = spell.None
		}
	}
	for k, s := range stories {
		if going[k].worst != nil || ended[k].worst != nil {
			t.lines.summed = now
		}
		if g := going[k]; g.worst != nil {
			t.log.Warn(s.more, append(g.attrs(string(t.provider), now), "next", s.next)...)
		}
		if e := ended[k]; e.worst != nil {
			t.log.Warn(s.moreEnded, e.attrs(string(t.provider), now)...)
		}
	}
}

func (s *sum) add(tr *trouble) {
	if s.apps == nil {
		s.apps = map[string]bool{}
	}
	s.apps[tr.app] = true
	s.failed, s.devices, s.pushes = s.failed+tr.spell.Count, s.devices+len(tr.devices), s.pushes+tr.pushes
	if s.since.IsZero() || tr.spell.Since.Before(s.since) {
		s.since = tr.spell.Since
	}
	if s.worst == nil || tr.spell.Count > s.worst.spell.Count {
		s.worst = tr
	}
}

func (s *sum) attrs(provider string, now time.Time) []any {
	return []any{"provider", provider, "apps", len(s.apps), "failed", s.failed, "devices", s.devices, "pushes", s.pushes,
		"since", s.since.UTC().Truncate(time.Second), "for", now.Sub(s.since).Round(time.Millisecond).String(),
		"worst", s.worst.app, "error", s.worst.cause.name()}
}
