package phonetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// RuleTable is a table of rules with their sources and switches; it prints itself.
type RuleTable = simkit.Rules

// Table returns what phones do: on iOS, on Android, on both, and then what can be switched.
func Table() RuleTable {
	return slices.Concat(iosBehaviour, androidBehaviour, commonBehaviour, switches)
}

// switches are the numbers that no public source gives, or that vary between phones.
var switches = RuleTable{
	{Name: "phone.ios.allowed", Certain: simkit.Documented, Switch: "phone.ios.allowed", Default: "30s",
		Text:   "How long an app on iOS may run for a background push, its start included; then it is killed.",
		Source: `Apple, "Pushing background updates to your App"`},
	{Name: "phone.android.allowed", Certain: simkit.Uncertain, Switch: "phone.android.allowed", Default: "20s", Varies: []string{"10s", "20s"},
		Text:   "How long an app on Android may run for a data message, its start included; then it is killed.",
		Source: "the time-out of Firebase's messaging service; its pages say several seconds, their sample code 10 s"},
	{Name: "phone.ios.burst", Certain: simkit.Inferred, Switch: "phone.ios.burst", Default: "3", Least: 1, Varies: []string{"2", "3", "4"},
		Text:   "How many background pushes an app on iOS gets in a row.",
		Source: `Apple, "Pushing background updates to your App": two or three an hour`},
	{Name: "phone.ios.refill", Certain: simkit.Inferred, Switch: "phone.ios.refill", Default: "20m", Varies: []string{"20m", "25m", "30m"},
		Text:   "How long one more takes. One that comes too early is held, the newest only.",
		Source: `Apple, "Pushing background updates to your App": two or three an hour`},
	{Name: "phone.ios.penalty", Certain: simkit.Uncertain, Switch: "phone.ios.penalty", Default: "1.0", Varies: []string{"0.5", "1.0", "2.0"},
		Text:   "How many pushes more a handler costs that fails, is killed, or is slow.",
		Source: "Apple, application:didReceiveRemoteNotification:fetchCompletionHandler:: time, power and data are tracked, without a number"},
	{Name: "phone.ios.slow", Certain: simkit.Uncertain, Switch: "phone.ios.slow", Default: "20s", Varies: []string{"10s", "15s", "20s"},
		Text:   "From when on a handler is slow.",
		Source: "the same; no number"},
	{Name: "phone.ios.daily", Certain: simkit.Uncertain, Switch: "phone.ios.daily", Default: "72", Varies: []string{"48", "60", "72"},
		Text:   "How many background pushes a phone gets in a day, costs of slow and failing handlers included; then none until the next day. 0: any number.",
		Source: `Apple, "Troubleshooting push notifications": a budget for the day, without a number`},
	{Name: "phone.ios.unlimited", Certain: simkit.Documented, Switch: "phone.ios.unlimited", Default: "false",
		Text:   "No pacing at all, as when the app runs from Xcode.",
		Source: `Apple, "Troubleshooting push notifications"`},
	{Name: "phone.ios.not_woken", Certain: simkit.Uncertain, Switch: "phone.ios.not_woken", Default: "hold",
		Words: []string{"hold", "drop"}, Varies: []string{"hold", "drop"},
		Text:   "What becomes of a background push in Low Power Mode, with a battery that is nearly empty, or with Background App Refresh off: the phone holds it until that is over, or drops it.",
		Source: "WWDC 2020, session 10063: the app is not woken; the exact rule is not public"},
	{Name: "phone.high.newer", Certain: simkit.Uncertain, Switch: "phone.high.newer", Default: "any",
		Words: []string{"any", "buckets"}, Varies: []string{"any", "buckets"},
		Text:   "How many high-priority messages an app gets on Android 13 and later: any number, or what its bucket allowed before.",
		Source: "developer.android.com/topic/performance/power/power-details: the limits are headed prior to Android 13, and what follows lists none"},
	{Name: "phone.doze.windows", Certain: simkit.Uncertain, Switch: "phone.doze.windows", Default: "1h,2h,4h,6h",
		Varies: []string{"1h,2h,4h,6h", "30m,1h,2h,4h,6h", "1h,3h,6h"},
		Text:   "The times between the maintenance windows of a phone that dozes; the last one repeats.",
		Source: "Android, Power management restrictions: less and less often, without numbers"},
	{Name: "phone.doze.window", Certain: simkit.Uncertain, Switch: "phone.doze.window", Default: "5m", Varies: []string{"2m", "5m", "10m"},
		Text:   "How long a maintenance window is open.",
		Source: "no source"},
	{Name: "phone.high.unseen", Certain: simkit.Uncertain, Switch: "phone.high.unseen", Default: "20", Varies: []string{"12", "20", "30"},
		Text:   "How many high-priority messages an app may get in 7 days without showing anything, before they are treated as normal. 0: any number.",
		Source: "firebase.google.com/docs/cloud-messaging/android-message-priority: 7 days, without a number"},
	{Name: "phone.restart.delay", Certain: simkit.Uncertain, Switch: "phone.restart.delay", Default: "0s", Varies: []string{"0s", "1m", "5m"},
		Text:   "How long a phone that has been switched on starts no app for a push.",
		Source: "reported from the field as minutes; not documented"},
	{Name: "phone.settle", Certain: simkit.Inferred, Switch: "phone.settle", Default: "5s", Varies: []string{"4s", "5s", "6s"},
		Text:   "How long an app may take to follow its coming to the foreground or leaving it.",
		Source: "Apple, applicationDidEnterBackground: about five seconds"},
}

// NewRules returns the rules that the switches say, each NAME=VALUE. Switches that are not set vary with the seed; with seed 0
// they have their defaults.
func NewRules(sets []string, seed uint64) (Rules, error) {
	s, err := simkit.NewSwitches(Table(), sets, seed)
	if err != nil {
		return Rules{}, fmt.Errorf("phonetest: %w", err)
	}
	r := Rules{
		IOSAllowed: s.Duration("phone.ios.allowed"), AndroidAllowed: s.Duration("phone.android.allowed"),
		IOSBurst: s.Int("phone.ios.burst"), IOSRefill: s.Duration("phone.ios.refill"),
		IOSPenalty: s.Float("phone.ios.penalty"), IOSSlow: s.Duration("phone.ios.slow"),
		IOSDaily: orNone(s.Int("phone.ios.daily")), IOSUnlimited: s.Bool("phone.ios.unlimited"),
		IOSNotWokenDrops: s.String("phone.ios.not_woken") == "drop", BucketsCapNewer: s.String("phone.high.newer") == "buckets",
		DozeWindow: s.Duration("phone.doze.window"), HighUnseen: orNone(s.Int("phone.high.unseen")),
		RestartDelay: s.Duration("phone.restart.delay"), Settle: s.Duration("phone.settle"),
	}
	if r.IOSPenalty == 0 {
		r.IOSPenalty = -1
	}
	for word := range strings.SplitSeq(s.String("phone.doze.windows"), ",") {
		d, err := time.ParseDuration(word)
		if err != nil || d <= 0 {
			return Rules{}, fmt.Errorf("phonetest: phone.doze.windows: %q is no time above 0, such as 1h", word)
		}
		r.DozeWindows = append(r.DozeWindows, d)
	}
	for name, d := range map[string]time.Duration{
		"phone.ios.allowed": r.IOSAllowed, "phone.android.allowed": r.AndroidAllowed, "phone.ios.refill": r.IOSRefill,
		"phone.ios.slow": r.IOSSlow, "phone.doze.window": r.DozeWindow, "phone.settle": r.Settle,
	} {
		if d <= 0 {
			return Rules{}, fmt.Errorf("phonetest: %s is %s; want more than 0s", name, d)
		}
	}
	return r, nil
}

// orNone returns what Rules means by a switch's 0: no limit.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}
