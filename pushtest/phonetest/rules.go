package phonetest

import "time"

// Rules are the numbers that no public source gives, or that vary between phones. The zero value of a field means the usual
// behaviour, which its comment names.
type Rules struct {
	// IOSAllowed and AndroidAllowed are how long an app may run for a background push, its cold start included. 0: 30 s (Apple,
	// "Pushing background updates to your App"), 20 s (the time-out of Firebase's messaging service).
	IOSAllowed     time.Duration
	AndroidAllowed time.Duration

	// IOSBurst is how many background pushes an app gets in a row, and IOSRefill how long one more takes. Apple says "no more
	// than two or three per hour" ("Pushing background updates to your App"). 0: 3, and 20 minutes.
	IOSBurst  int
	IOSRefill time.Duration
	// IOSPenalty is what a handler costs beyond its push when it fails, is killed, or takes longer than IOSSlow. Apple says
	// that elapsed time, power and data are tracked, not how. 0: 1 push, 20 s. A negative penalty costs nothing.
	IOSPenalty float64
	IOSSlow    time.Duration
	// IOSDaily is how many background pushes a device gets in a day, costs of slow and failing handlers included; Apple says
	// that there is such a budget ("Troubleshooting push notifications"), not how much. 0: 72, three an hour. Negative: any.
	IOSDaily int
	// IOSUnlimited turns the pacing off, as when the app runs from Xcode.
	IOSUnlimited bool

	// IOSNotWokenDrops makes the phone drop what comes in Low Power Mode or with Background App Refresh off, instead of holding
	// the newest (WWDC 2020, session 10063, says that the app is not woken, and no more).
	IOSNotWokenDrops bool

	// DozeWindows are the times between maintenance windows; the last one repeats. Android only says that they become
	// less frequent. nil: 1 h, 2 h, 4 h, 6 h. DozeWindow is how long a window is open. 0: 5 minutes.
	DozeWindows []time.Duration
	DozeWindow  time.Duration

	// HighUnseen is how many high-priority messages an app may get in 7 days for which it shows nothing, before FCM treats
	// further ones as normal; FCM does not publish the number. 0: 20, more than any bucket allows in a day, so that tests can
	// tell both rules apart. Negative: no limit.
	HighUnseen int

	// BucketsCapNewer applies the limits of the standby buckets to Android 13 and later as well.
	BucketsCapNewer bool

	// RestartDelay is how long a phone that has been switched on starts no app for a push. Minutes have been reported; nothing
	// is documented. 0: none.
	RestartDelay time.Duration

	// Settle is how long an app may take for coming to the foreground or leaving it, before the system goes on: an app gets
	// about 5 s on iOS after it left the foreground. The system goes on earlier if the app answers the event. 0: 5 s.
	Settle time.Duration
}

func (r Rules) withDefaults() Rules {
	set(&r.IOSAllowed, 30*time.Second)
	set(&r.AndroidAllowed, 20*time.Second)
	set(&r.IOSBurst, 3)
	set(&r.IOSRefill, 20*time.Minute)
	set(&r.IOSPenalty, 1)
	set(&r.IOSSlow, 20*time.Second)
	set(&r.IOSDaily, 72)
	if len(r.DozeWindows) == 0 {
		r.DozeWindows = []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour}
	}
	set(&r.DozeWindow, 5*time.Minute)
	set(&r.HighUnseen, 20)
	set(&r.Settle, 5*time.Second)
	return r
}

// allowed returns how long an app may run for a background push.
func (r Rules) allowed(p Platform) time.Duration {
	if p == IOS {
		return r.IOSAllowed
	}
	return r.AndroidAllowed
}

func set[T comparable](field *T, usual T) {
	var zero T
	if *field == zero {
		*field = usual
	}
}
