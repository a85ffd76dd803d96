package vitals

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// summary writes one line of what happened since the last one, and begins to count anew. With nothing happening it is the
// proof that the server lives.
func (v *Vitals) summary(now time.Time) {
	sessions, troubles := v.parts.Sessions.Count(), v.inTrouble()
	v.mu.Lock()
	defer v.mu.Unlock()
	var finals, byProvider []any
	taken, refused, dropped := 0, 0, 0
	for _, f := range sortedFacts(v.since) {
		n := v.since[f]
		switch f.what {
		case final:
			finals = append(finals, slog.Int(f.of, n))
		case wakes:
			byProvider = append(byProvider, slog.Int(f.of+"_"+cmp.Or(f.by, "taken"), n))
			if f.by == "" {
				taken += n
			} else {
				refused += n
			}
		case tokens:
			dropped += n
		}
	}
	v.cfg.Logger.Info("summary", "for", now.Sub(v.summed).Round(time.Second).String(), "pushes", v.since[fact{what: accepted}],
		slog.Group("deliveries", finals...), "wakes", taken+refused, "wakes_taken", taken, slog.Group("wakes_by", byProvider...),
		"tokens_dropped", dropped, "sessions", sessions, "due", v.backlog.Due, "oldest", age(now, v.backlog.Backlog).Round(time.Second).String(),
		"slowest_commit", v.commits.sinceLast.took.Round(10*time.Microsecond).String(), "apps_in_trouble", troubles,
		"uptime", now.Sub(v.started).Round(time.Second).String(), "version", v.cfg.Version)
	v.summed, v.commits.sinceLast = now, slowest{}
	clear(v.since)
}

func sortedFacts[T any](m map[fact]T) []fact {
	facts := make([]fact, 0, len(m))
	for f := range m {
		facts = append(facts, f)
	}
	slices.SortFunc(facts, func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.what, b.what), strings.Compare(a.of, b.of), strings.Compare(a.by, b.by))
	})
	return facts
}

// inTrouble counts the apps that have trouble with a provider.
func (v *Vitals) inTrouble() int { return len(v.troubled()) }

// troubled returns the apps in trouble, by name.
func (v *Vitals) troubled() []string {
	var names []string
	for _, p := range v.parts.Providers {
		names = append(names, p.InTrouble()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
