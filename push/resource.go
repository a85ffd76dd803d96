package push

import (
	"fmt"
	"time"
)

// Resource is a named push policy. It carries an iOS (APNs) strategy, an FCM strategy, or both, never neither.
type Resource struct {
	App        string
	ID         string
	APNs       *Strategy
	FCM        *Strategy
	ClientSend bool // whether apps may send under it
}

// Strategy is the policy for one provider, and for how its devices are paced. The zero value of a field means its default.
type Strategy struct {
	TTL         *time.Duration // nil: DefaultTTL
	Budget      Budget
	Rewake      Rewake
	Priority    Priority // FCM only
	CollapseKey string   // for pushes that give none
}

// Rewake says how often, and how long after, a device is woken again for a push whose wake brought no receipt.
type Rewake struct {
	Times int
	After time.Duration
}

// Priority is FCM's. APNs' is always 5: Apple refuses 10 for background pushes.
type Priority string

// The priorities. Normal is the default: FCM takes high away from apps that show nothing for it.
const (
	Normal Priority = "normal"
	High   Priority = "high"
)

// Priorities lists FCM's priorities.
func Priorities() []Priority { return []Priority{Normal, High} }

// Limits of a strategy.
const (
	MaxWakes      = 1_000
	MaxBudgetPer  = 7 * 24 * time.Hour
	MaxRewakes    = 20
	MinRewake     = time.Second
	DefaultRewake = 30 * time.Minute
)

// Strategy returns the strategy for a provider, with its defaults filled in; nil if the resource has none.
func (r Resource) Strategy(p Provider) *Strategy {
	s := r.APNs
	if p == FCM {
		s = r.FCM
	}
	if s == nil {
		return nil
	}
	filled := s.withDefaults(p)
	return &filled
}

// Defaults names the settings of the strategy that are left to their defaults.
func (s Strategy) Defaults(p Provider) (names []string) {
	if s.TTL == nil {
		names = append(names, "ttl")
	}
	if s.Priority == "" && p == FCM {
		names = append(names, "priority")
	}
	switch {
	case s.Budget == (Budget{}):
		names = append(names, "budget.wakes", "budget.per", "budget.burst")
	case s.Budget.Burst == 0:
		names = append(names, "budget.burst")
	}
	if s.Rewake == (Rewake{}) {
		names = append(names, "rewake.times", "rewake.after")
	}
	return names
}

func (s Strategy) withDefaults(p Provider) Strategy {
	if s.TTL == nil {
		ttl := DefaultTTL
		s.TTL = &ttl
	}
	if s.Budget == (Budget{}) {
		s.Budget = DefaultBudget(p)
	}
	if s.Budget.Burst == 0 {
		s.Budget.Burst = min(DefaultBudget(p).Burst, s.Budget.Wakes)
	}
	if s.Rewake == (Rewake{}) {
		s.Rewake = Rewake{Times: 2, After: DefaultRewake}
	}
	if s.Priority == "" {
		s.Priority = Normal
	}
	return s
}

// TTL returns how long a push lives on a device of the platform: what the push says, else the strategy, else DefaultTTL. The
// platform is "" for a user without a device yet.
func (r Resource) TTL(p Push, platform Platform) time.Duration {
	if p.TTL != nil {
		return *p.TTL
	}
	if platform != "" {
		if s := r.Strategy(platform.Provider()); s != nil {
			return *s.TTL
		}
	}
	return DefaultTTL
}

// CollapseKey returns the key under which a device keeps only the newest push: the push's, else the strategy's.
func (r Resource) CollapseKey(p Push, platform Platform) string {
	if p.CollapseKey != "" || platform == "" {
		return p.CollapseKey
	}
	if s := r.Strategy(platform.Provider()); s != nil {
		return s.CollapseKey
	}
	return ""
}

// Check returns all that is wrong with the resource as FieldErrors; nil if nothing is.
func (r Resource) Check() error {
	var errs FieldErrors
	if r.APNs == nil && r.FCM == nil {
		errs.Add("apns", CodeOneOf, "the resource has no strategy; want apns, fcm, or both")
	}
	if r.APNs != nil {
		r.APNs.check("apns", APNs, &errs)
	}
	if r.FCM != nil {
		r.FCM.check("fcm", FCM, &errs)
	}
	return errs.Err()
}

func (s Strategy) check(at string, p Provider, errs *FieldErrors) {
	if s.TTL != nil && (*s.TTL < 0 || *s.TTL > MaxTTL) {
		errs.Add(at+".ttl", CodeOutOfRange, fmt.Sprintf("is %s; want 0s (now or never) to %s (28 days)", *s.TTL, MaxTTL))
	}
	if b := s.Budget; b != (Budget{}) {
		if b.Wakes < 1 || b.Wakes > MaxWakes {
			errs.Add(at+".budget.wakes", CodeOutOfRange, fmt.Sprintf("is %d; want 1 to %d", b.Wakes, MaxWakes))
		}
		if b.Per < time.Second || b.Per > MaxBudgetPer {
			errs.Add(at+".budget.per", CodeOutOfRange, fmt.Sprintf("is %s; want 1s to %s (7 days)", b.Per, MaxBudgetPer))
		}
		if b.Burst < 0 || b.Burst > max(b.Wakes, 1) {
			errs.Add(at+".budget.burst", CodeOutOfRange, fmt.Sprintf("is %d; want 1 to the %d wakes of the budget", b.Burst, b.Wakes))
		}
	}
	if w := s.Rewake; w != (Rewake{}) {
		if w.Times < 0 || w.Times > MaxRewakes {
			errs.Add(at+".rewake.times", CodeOutOfRange, fmt.Sprintf("is %d; want 0 to %d", w.Times, MaxRewakes))
		}
		if w.After < MinRewake || w.After > MaxTTL {
			errs.Add(at+".rewake.after", CodeOutOfRange, fmt.Sprintf("is %s; want %s to %s", w.After, MinRewake, MaxTTL))
		}
	}
	switch {
	case p == APNs && s.Priority != "":
		errs.Add(at+".priority", CodeNotSilent, "is set; Apple takes background pushes at priority 5 only, so Hush always sends 5: leave it out")
	case p == FCM && s.Priority != "" && s.Priority != Normal && s.Priority != High:
		errs.Add(at+".priority", CodeBadValue, fmt.Sprintf("is %q; want normal or high", s.Priority))
	}
	if len(s.CollapseKey) > MaxCollapseBytes {
		errs.Add(at+".collapse_key", CodeOutOfRange, fmt.Sprintf("has %d bytes; want at most %d", len(s.CollapseKey), MaxCollapseBytes))
	}
}
