package phonetest

// androidFacts is what Android knows when it has a data message for an app.
type androidFacts struct {
	state  State
	locked bool // restarted and not unlocked since, and the message or the app is not for direct boot
	dozing bool // and no maintenance window is open, and the phone does not charge
	high   bool // priority, after what FCM takes away
}

// androidVerdict returns what Android does with a data message.
//   - Force-stopped, or never opened: nothing until the person opens the app (FCM, "Understanding delivery":
//     droppedAppForceStopped).
//   - Locked after a restart: only messages for direct boot come, and only to an app that is made for it (FCM,
//     AndroidConfig.directBootOk).
//   - Doze: normal priority waits for a maintenance window, high priority comes now (FCM, "Set and manage message priority").
//   - Everything else: onMessageReceived, in a new process if there is none, swiped away or not.
func androidVerdict(f androidFacts) verdict {
	switch {
	case f.state == NeverRun:
		return verdict{drop, WasNeverRun}
	case f.state == ForceStopped:
		return verdict{drop, WasForceStopped}
	case f.locked:
		return verdict{hold, IsLocked}
	case f.dozing && !f.high:
		return verdict{hold, Dozing}
	}
	return starting(f.state)
}

// swiped returns the state of an app whose user swiped it away: on some vendors' phones a swipe is a force-stop.
func swiped(p Platform, forceStops bool) State {
	if p == Android && forceStops {
		return ForceStopped
	}
	return Terminated
}
