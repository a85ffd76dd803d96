package phonetest

import "github.com/hushpush/hush/pushtest/internal/simkit"

// The tables below list what phones do that cannot be switched; ruletable.go lists what can. The comment of each names the
// files that have its code.

const (
	appleReceives   = "Apple, application:didReceiveRemoteNotification:fetchCompletionHandler:"
	appleBackground = `Apple, "Pushing background updates to your App"`
	fcmReceives     = "firebase.google.com/docs/cloud-messaging/android/receive-messages"
	fcmPriority     = "firebase.google.com/docs/cloud-messaging/android-message-priority"
)

// iosBehaviour is in ios.go, onphone.go, settings.go, apns.go and system.go.
var iosBehaviour = RuleTable{
	{Name: "phone.ios.foreground", Certain: simkit.Documented,
		Text:   "An app in the foreground gets every push that is for it, whatever the pacing, low power and the rest say.",
		Source: appleReceives},
	{Name: "phone.ios.wakes", Certain: simkit.Documented,
		Text:   "A background push goes to an app that runs, resumes one that is suspended, and launches into the background one that the system has reclaimed.",
		Source: appleReceives},
	{Name: "phone.ios.swiped", Certain: simkit.Documented,
		Text:   "An app that its user swiped away is not launched until the user opens it or the phone restarts: the push is dropped (terminated_by_user).",
		Source: appleReceives},
	{Name: "phone.ios.held", Certain: simkit.Documented,
		Text:   "Of the pushes that are held the newest is kept; it is lost when the app is killed or swiped away (held_lost), and delivered at once when the user opens the app.",
		Source: appleBackground},
	{Name: "phone.ios.restricted", Certain: simkit.Documented,
		Text:   "While a phone restricts its use of power (power_restricted), what is not of priority 10 waits at APNs, one for the app, and comes when that ends. Low Power Mode is another thing: it is the phone that holds then.",
		Source: `Apple, "Viewing the status of push notifications using metrics and APNs"`},
	{Name: "phone.ios.content", Certain: simkit.Documented,
		Text:   "Only what has content-available 1 runs code of the app. Of type background with alert, badge or sound it starts none (not_background); nor does one with nothing to show and priority 10 (wrong_priority).",
		Source: appleBackground + "; WWDC 2019, session 707"},
	{Name: "phone.ios.window", Certain: simkit.Observed,
		Text:   "Pushes that follow while the app is awake for one get no time of their own.",
		Source: "reported from the field"},
	{Name: "phone.ios.token", Certain: simkit.Documented,
		Text:   "A token belongs to an app on a phone in one environment. Installing anew, or a restored backup, makes a new one; the app learns it at its launch.",
		Source: `Apple, "Registering your app with APNs"`},
}

// androidBehaviour is in android.go, repeated.go, atservice.go, onphone.go, fcm.go and standby.go.
var androidBehaviour = RuleTable{
	{Name: "phone.android.wakes", Certain: simkit.Documented,
		Text:   "A data message goes to the app in every state, swiped away or not; without a process, one is started.",
		Source: fcmReceives},
	{Name: "phone.android.stopped", Certain: simkit.Documented,
		Text:   "An app that was force-stopped in the settings gets nothing until its user opens it (force_stopped), a restart of the phone notwithstanding: FCM drops what comes meanwhile, and its ledger says so.",
		Source: "firebase.google.com/docs/cloud-messaging/understand-delivery"},
	{Name: "phone.android.swipe", Certain: simkit.Observed,
		Text:   "On some vendors' phones (swipe_force_stops) swiping an app away is a force-stop.",
		Source: "reported from the field"},
	{Name: "phone.android.doze", Certain: simkit.Documented,
		Text:   "In Doze, messages of normal priority wait at FCM for a maintenance window or the end of Doze, by its rules of storage, and those of high priority come at once. A phone that charges, or on which the app is opened, does not doze.",
		Source: fcmPriority + "; developer.android.com/topic/performance/power/power-details"},
	{Name: "phone.android.locked", Certain: simkit.Documented,
		Text:   "A phone with a screen lock (screen_lock) is locked after a restart until it is unlocked or the app is opened. Meanwhile messages wait at FCM, but for those with direct_boot_ok if the app is made for it (direct_boot).",
		Source: "FCM discovery document v1 (AndroidConfig.directBootOk); firebase/firebase-android-sdk, FirebaseMessagingService"},
	{Name: "phone.android.buckets", Certain: simkit.Documented,
		Text:   "On Android 9 to 12 an app gets 10 (bucket frequent) or 5 (rare, restricted) high-priority messages a day; more are treated as normal. What buckets do to jobs is not simulated.",
		Source: "developer.android.com/topic/performance/power/power-details"},
	{Name: "phone.android.notification", Certain: simkit.Documented,
		Text:   "A message with a notification goes to the tray and not to the app (in_tray), unless that is in the foreground.",
		Source: fcmReceives},
	{Name: "phone.android.deleted", Certain: simkit.Documented,
		Text:   "When more than 100 messages waited, all are gone, and the app is told once (onDeletedMessages).",
		Source: fcmReceives},
	{Name: "phone.android.ack", Certain: simkit.Observed,
		Text:   "A message is acknowledged before the app gets it: one that the app crashes over is lost.",
		Source: "firebase/firebase-android-sdk, FirebaseMessagingService"},
	{Name: "phone.android.repeated", Certain: simkit.Observed,
		Text:   "FCM's client in the app drops a message whose id is among the last ten that its process was given (repeated), such as a doubled one (fault twice). A new process remembers none.",
		Source: "firebase/firebase-android-sdk, FirebaseMessagingService"},
}

// commonBehaviour is in onphone.go, person.go, settings.go and connection.go.
var commonBehaviour = RuleTable{
	{Name: "phone.never_run", Certain: simkit.Inferred, Fixed: "an app that has never run has registered no token: no sender meets the rule",
		Text:   "An app that has been installed and never opened is started for no push (never_run).",
		Source: "Android keeps new apps stopped; iOS gives a token to an app that runs"},
	{Name: "phone.offline", Certain: simkit.Documented,
		Text:   "What is sent to a phone without a connection waits at the provider, as that one's rules say.",
		Source: `Apple, "Viewing the status of push notifications using metrics and APNs"; firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan`},
	{Name: "phone.disk_full", Certain: simkit.Inferred, Fixed: "a phone that keeps it all the same would be no full one",
		Text:   "While the disk is full the phone holds no push: it is dropped (disk_full). The app is told.",
		Source: "not documented"},
	{Name: "phone.clock", Certain: simkit.Inferred, Fixed: "nobody would want a system that waits by a wrong clock",
		Text:   "A wrong clock shows in the device log and in what the app is told; the system waits and paces by the right one.",
		Source: "not documented"},
}
