package phonetest

import "time"

// Platform is a phone's operating system.
type Platform string

// The platforms.
const (
	IOS     Platform = "ios"
	Android Platform = "android"
)

// State is the state of an app on its phone.
type State string

// The states.
const (
	NeverRun     State = "never-run"     // installed, never opened: no process; on Android as good as force-stopped
	Foreground   State = "foreground"    // a process, with its UI on the screen
	Background   State = "background"    // a process without UI that runs
	Suspended    State = "suspended"     // a stopped process with its memory kept (Android: cached, frozen)
	Reclaimed    State = "reclaimed"     // the system took the memory: no process
	Terminated   State = "terminated"    // the person swiped it away: no process
	ForceStopped State = "force-stopped" // Android: stopped in settings, or by a vendor's swipe: no process
)

// Doze is for [Phone.SetState] only: it suspends the app on an Android phone and makes the phone doze. Phone.State says
// Suspended then.
const Doze State = "doze"

// alive reports whether there is a process (or a program in memory).
func (s State) alive() bool { return s == Foreground || s == Background || s == Suspended }

// exists reports whether an app on the platform can be in the state.
func (s State) exists(p Platform) bool {
	switch s {
	case NeverRun, Foreground, Background, Suspended, Reclaimed, Terminated:
		return true
	case ForceStopped, Doze:
		return p == Android
	}
	return false
}

// Did is what a phone did with a push.
type Did string

// What a phone can do with a push. A push that is held gets another line of the record later.
const (
	Gave     Did = "gave"     // to the app that ran
	Resumed  Did = "resumed"  // the suspended app, and gave it
	Launched Did = "launched" // a new process, and gave it
	Held     Did = "held"     // back, for the reason: on the phone, or at FCM (in Doze, or locked)
	Dropped  Did = "dropped"  // for the reason
)

// Reason says why a phone held or dropped a push, or why its handler did not return.
type Reason string

// The reasons. A push that was neither held nor dropped has none.
const (
	TerminatedByUser Reason = "terminated_by_user"     // iOS launches no app that its user swiped away
	WasForceStopped  Reason = "force_stopped"          // Android starts no app that was force-stopped
	WasNeverRun      Reason = "never_run"              // no app is started for a push before its user has opened it once
	Dozing           Reason = "doze"                   // normal priority waits for the next maintenance window
	IsLocked         Reason = "locked"                 // Android: switched on and not unlocked yet
	Throttled        Reason = "throttled"              // iOS: too many background pushes
	LowPower         Reason = "low_power"              // iOS: Low Power Mode
	RefreshOff       Reason = "background_refresh_off" // iOS: Background App Refresh is off
	Replaced         Reason = "replaced"               // by a newer one: iOS keeps one held push, FCM one of a collapse key
	TooMany          Reason = "too_many"               // more than 100 messages were held: all are discarded (FCM)
	WrongPriority    Reason = "wrong_priority"         // iOS: a background push of priority 10 starts no app
	NotBackground    Reason = "not_background"         // iOS: a background push with alert, badge or sound starts no app
	InTray           Reason = "in_tray"                // Android: a message with a notification, of an app that is not in the foreground
	DaySpent         Reason = "daily_budget"           // iOS: the device's budget for the day is spent
	Restarting       Reason = "restarting"             // the phone was just switched on and starts no app yet
	DiskFull         Reason = "disk_full"              // there is no room to hold it
	Repeated         Reason = "repeated"               // Android: FCM's client was given it already, by its last ten ids
	PushExpired      Reason = "expired"                // its time ran out while it was held
	HeldLost         Reason = "held_lost"              // iOS discards a held push when the app is killed
	QueueFull        Reason = "queue_full"             // more pushes at once than a phone queues
	LaunchFailed     Reason = "launch_failed"          // the app could not be started; the device log says why
	TimeOver         Reason = "time_over"              // the handler took longer than allowed, and the app was killed
	AppGone          Reason = "app_gone"               // the app ended, or was ended, before its handler returned
)

// Result is what an app's handler returned.
type Result string

// The results, as Apple names them.
const (
	NewData Result = "new_data"
	NoData  Result = "no_data"
	Failed  Result = "failed"
)

// Record is one line of a phone's record: what it did with a push.
type Record struct {
	At     time.Time     `json:"at"` // by the phone's clock
	Push   string        `json:"push"`
	Did    Did           `json:"did"`
	Reason Reason        `json:"reason"`
	State  State         `json:"state"`            // of the app, as the push found it
	PID    int           `json:"pid,omitempty"`    // of the process that got it; 0 for apps without one
	Result Result        `json:"result,omitempty"` // once the handler has returned
	Took   time.Duration `json:"took,omitempty"`   // launch or resume included

	seq int // of the line on its phone
}

// Message is a push as it comes from the provider.
type Message struct {
	ID   string
	Data []byte // JSON: APNs' whole body, or FCM's data (string to string)
	High bool   // FCM's high priority
	Once bool   // now or never: it is not held
	// CollapseKey makes a message replace an earlier one with the same key that is held (FCM; iOS holds one in any case).
	CollapseKey string
	ExpiresAt   time.Time // zero: when the provider's own limit ends
	Deleted     bool      // not a push: the provider threw waiting messages away (FCM)
	Unfit       Reason    // why it may start no app, because of what its sender wrote; "": it may

	DirectBoot bool // it may come before the phone is unlocked (FCM's direct_boot_ok)

	admitted bool // the push service has asked the phone: neither Doze nor a lock holds it, and it has not expired
	released bool // it was held, and the reason for that was lifted
	urgent   bool // it came with high priority, and kept it
}

// expired reports whether the time of a message that may be held is over.
func (m Message) expired(now time.Time) bool {
	return !m.Once && !m.ExpiresAt.IsZero() && now.After(m.ExpiresAt)
}
