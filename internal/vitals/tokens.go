package vitals

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/spell"
	"github.com/hushpush/hush/push"
)

// dropped is the provider tokens that were dropped since the last line of each provider. Guarded by Vitals.mu.
type dropped struct{ by map[push.Provider]*drops }

type drops struct {
	logged  time.Time // the last line; zero: none
	n       int
	apps    map[string]int
	reasons map[push.Reason]int
}

const (
	maxDropApps    = 10_000 // told apart, of one line
	maxDropReasons = 8
)

func (d *dropped) count(app string, p push.Provider, reason push.Reason) {
	if d.by == nil {
		d.by = map[push.Provider]*drops{}
	}
	of := d.by[p]
	if of == nil {
		of = &drops{apps: map[string]int{}, reasons: map[push.Reason]int{}}
		d.by[p] = of
	}
	of.n++
	if _, known := of.apps[app]; known || len(of.apps) < maxDropApps {
		of.apps[app]++
	}
	if _, known := of.reasons[reason]; known || len(of.reasons) < maxDropReasons {
		of.reasons[reason]++
	}
}

// logDropped logs the tokens that were dropped since the last line, at most a line a minute for each provider.
func (v *Vitals) logDropped(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range slices.Sorted(maps.Keys(v.dropped.by)) {
		d := v.dropped.by[p]
		if d.n == 0 || !d.logged.IsZero() && now.Sub(d.logged) < spell.Per {
			continue
		}
		most := slices.MaxFunc(slices.Collect(maps.Keys(d.apps)), func(a, b string) int {
			return cmp.Or(cmp.Compare(d.apps[a], d.apps[b]), strings.Compare(b, a))
		})
		var reasons []any
		for _, r := range slices.Sorted(maps.Keys(d.reasons)) {
			reasons = append(reasons, slog.Int(cmp.Or(string(r), "none"), d.reasons[r]))
		}
		v.cfg.Logger.Info("provider tokens dropped", "provider", string(p), "tokens", d.n, "apps", len(d.apps),
			"most", most, "of_most", d.apps[most], slog.Group("reasons", reasons...))
		v.dropped.by[p] = &drops{logged: now, apps: map[string]int{}, reasons: map[push.Reason]int{}}
	}
}
