// Package phonetest is a fleet of phones: simulated devices with a simulated operating system, for tests of
// everything that sends silent pushes. A phone takes what its push service delivers and does with it what iOS or Android
// would: it gives the push to the app if that runs, resumes a suspended app, starts one that is not there, holds the push back,
// or drops it. It allows the app 30 s (iOS) or 20 s (Android), cold start included, kills an app that takes longer, and keeps a
// device log and a record of every push.
//
// An app is a real process ([Command]): background is a running process, suspended is a stopped one (SIGSTOP) with its
// memory kept, terminated is no process. For fleets there are apps without a process ([InProcess]), with the same
// behaviour.
//
//	          Open                Home                 Suspend
//	NeverRun ──────▶ Foreground ◀─────▶ Background ◀───────────▶ Suspended       a push: Background while the handler runs
//	   ▲ Open (from every state) │ Swipe, Reclaim, ForceStop, time over │
//	   └────────────────── Terminated · Reclaimed · ForceStopped ◀──────┘        a push launches Reclaimed, on Android also Terminated
//
// What waits, waits where it does in life. A phone in Doze leaves its messages at FCM, and one that is off-line or restricts
// its power leaves its push at APNs (atservice.go). What iOS paces, or holds in Low Power Mode, is on the phone (onphone.go). A
// phone without a push service, whose messages come by [Phone.Deliver], holds everything itself.
//
// The code stands where the life it imitates has it: person.go and settings.go are what a person does and sets; system.go
// judges a push, worker.go and handover.go bring it to the app, which execution.go starts, suspends and ends; record.go is what
// a phone remembers. The rules stand apart from the work: ios.go and android.go say what the system does with a push,
// throttle.go how iOS paces background pushes, standby.go what becomes of Android's high priority, doze.go when maintenance
// windows open. What no public source says is a field of [Rules], with the usual behaviour as its default.
package phonetest
