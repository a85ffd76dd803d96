package phonetest

// action is what the system does next with a push.
type action int

const (
	drop   action = iota
	hold          // keep it, on the phone or at the push service
	give          // to the app that runs
	resume        // the suspended app, then give
	launch        // the app, then give
)

// verdict is an action and, for drop and hold, why.
type verdict struct {
	do  action
	why Reason
}

// iosFacts is what iOS knows when it has a background push for an app.
type iosFacts struct {
	state      State
	lowPower   bool
	refreshOff bool
	paced      bool // no background push is left for the app now
	spent      bool // nor for the day
}

// iosVerdict returns what iOS does with a background push.
//   - Foreground: delivered, whatever the pacing (Apple, application:didReceiveRemoteNotification:fetchCompletionHandler:).
//   - Swiped away by the user: not launched until the user opens it (the same page).
//   - Suspended: resumed. Reclaimed by the system: launched into the background (the same page).
//   - Low Power Mode on or Background App Refresh off: not woken in the background (WWDC 2020, "Background execution
//     demystified"; the exact rule is not public).
//   - The device's budget for the day is spent: held until the daily reset (Apple, "Troubleshooting push notifications").
//   - Too many: held (Apple, "Pushing background updates to your App").
func iosVerdict(f iosFacts) verdict {
	switch {
	case f.state == Foreground:
		return verdict{do: give}
	case f.state == NeverRun:
		return verdict{drop, WasNeverRun}
	case f.state == Terminated:
		return verdict{drop, TerminatedByUser}
	case f.lowPower:
		return verdict{hold, LowPower}
	case f.refreshOff:
		return verdict{hold, RefreshOff}
	case f.spent:
		return verdict{hold, DaySpent}
	case f.paced:
		return verdict{hold, Throttled}
	}
	return starting(f.state)
}

// starting returns how an app in the state comes to run.
func starting(s State) verdict {
	switch s {
	case Foreground, Background:
		return verdict{do: give}
	case Suspended:
		return verdict{do: resume}
	}
	return verdict{do: launch}
}
