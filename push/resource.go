package push

import (
	"fmt"
	"strings"
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

// Strategy is what one provider is told, and how its devices are paced. The zero value of a field means its default.
type Strategy struct {
	TTL         *time.Duration // nil: DefaultTTL
	Budget      Budget
	Rewake      Rewake
	Priority    Priority // FCM only
	CollapseKey string   // for pushes that give none
}

// Budget is how many wakes a device may get in a time, whoever sends. A strategy allows a wake if fewer than Wakes of all
// the device's wakes lie within Per, and fewer than Burst within Per/Wakes.
type Budget struct {
	Wakes int
	Per   time.Duration
	Burst int
}

// BudgetLimit is one of the two limits of a budget.
type BudgetLimit string

// The limits of a budget.
const (
	LimitWakes BudgetLimit = "wakes" // Wakes within Per
	LimitBurst BudgetLimit = "burst" // Burst within Per/Wakes
)

// BudgetWait says which limit of a budget keeps a device's next wake back, and until when.
type BudgetWait struct {
	Limit  BudgetLimit
	Wakes  int           // how many the limit allows
	Per    time.Duration // in how long
	Seen   int           // how many of the device's wakes lie within that
	NextAt time.Time     // when the limit allows the next one
}

// String says it for people, such as "3 of 3 wakes in 1h, next at 2026-01-02T15:04:05Z".
func (w BudgetWait) String() string {
	return fmt.Sprintf("%d of %d wakes in %s, next at %s", w.Seen, w.Wakes, AboutDuration(w.Per), w.NextAt.UTC().Format(time.RFC3339))
}

// AboutDuration writes a duration to the second, or to the millisecond where it is less than a minute: 8m34s for an hour's
// seventh.
func AboutDuration(d time.Duration) string {
	if d >= time.Minute {
		return ShortDuration(d.Round(time.Second))
	}
	return ShortDuration(d.Round(time.Millisecond))
}

// ShortDuration writes a duration without the units that are zero: 1h for 1h0m0s.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
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

// Limits of a strategy.
const (
	MaxWakes      = 1_000
	MaxBudgetPer  = 7 * 24 * time.Hour
	MaxRewakes    = 20
	MinRewake     = time.Second
	DefaultRewake = 30 * time.Minute
)

// DefaultBudget is what Apple advises (two or three background pushes an hour) and, for FCM, what its bucket of
// collapsible messages refills in an hour.
func DefaultBudget(p Provider) Budget {
	if p == APNs {
		return Budget{Wakes: 3, Per: time.Hour, Burst: 2}
	}
	return Budget{Wakes: 20, Per: time.Hour, Burst: 5}
}

// Strategy is the one for a provider, with its defaults filled in; nil if the resource has none.
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

// TTL is how long a push lives on a device of the platform: what the push says, else the strategy, else DefaultTTL. An
// empty platform is that of a user without a device yet.
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

// CollapseKey is the key under which only the newest push is kept: the push's, else the strategy's.
func (r Resource) CollapseKey(p Push, platform Platform) string {
	if p.CollapseKey != "" || platform == "" {
		return p.CollapseKey
	}
	if s := r.Strategy(platform.Provider()); s != nil {
		return s.CollapseKey
	}
	return ""
}

// Check says all that is wrong with the resource; nil: nothing.
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

// NotSilent says why a field has no place in a resource, where it is one that would make a push visible, audible or
// loud; "" for every other name. Names are compared as they are written, in snake_case, camelCase or with hyphens.
func NotSilent(field string) string { return notSilent[normalize(field)] }

var notSilent = map[string]string{
	"title":               "a title makes the phone show an alert; a silent push shows nothing",
	"body":                "a body makes the phone show an alert; a silent push shows nothing",
	"subtitle":            "a subtitle makes the phone show an alert; a silent push shows nothing",
	"content":             "content is the text of an alert; a silent push shows nothing",
	"alert":               "an alert is visible; a silent push shows nothing",
	"sound":               "a sound is audible; a silent push makes none",
	"badge":               "a badge is visible; a silent push sets none",
	"badgeincrement":      "a badge is visible; a silent push sets none",
	"enablebadge":         "a badge is visible; a silent push sets none",
	"notification":        "a notification is shown by the system; a silent push is a data message",
	"contentavailable":    "Hush always sets content-available itself, and nothing beside it in aps",
	"mutablecontent":      "mutable content belongs to alerts; a silent push has none",
	"category":            "a category belongs to alerts; a silent push has none",
	"threadid":            "a thread groups alerts; a silent push has none",
	"interruptionlevel":   "an interruption level belongs to alerts; a silent push has none",
	"relevancescore":      "a relevance score ranks alerts; a silent push has none",
	"targetcontentid":     "a target content id belongs to alerts; a silent push has none",
	"channel":             "a channel belongs to visible notifications; a silent push has none",
	"channelid":           "a channel belongs to visible notifications; a silent push has none",
	"icon":                "an icon belongs to visible notifications; a silent push has none",
	"image":               "an image belongs to visible notifications; a silent push has none",
	"color":               "a colour belongs to visible notifications; a silent push has none",
	"vibrate":             "vibration is felt; a silent push is not",
	"voip":                "VoIP pushes ring; only silent strategies exist",
	"voipconfig":          "VoIP pushes ring; only silent strategies exist",
	"pushtype":            "the push type is always background; it cannot be chosen",
	"apnspriority":        "Apple takes background pushes at priority 5 only; it cannot be chosen",
	"apnspushtype":        "the push type is always background; it cannot be chosen",
	"aps":                 "Hush writes aps itself: content-available and nothing else",
	"clickaction":         "a click action belongs to visible notifications; a silent push has none",
	"fullscreenintent":    "a full-screen intent is visible; a silent push shows nothing",
	"notificationcount":   "a count is a badge; a silent push sets none",
	"visibility":          "visibility belongs to visible notifications; a silent push has none",
	"notificationchannel": "a channel belongs to visible notifications; a silent push has none",
	"liveactivity":        "live activities are visible; only silent strategies exist",
}

func normalize(field string) string {
	out := make([]byte, 0, len(field))
	for i := range len(field) {
		switch c := field[i]; {
		case c == '_' || c == '-':
		case c >= 'A' && c <= 'Z':
			out = append(out, c+'a'-'A')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
