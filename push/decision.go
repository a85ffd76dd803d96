package push

// Action is what happens next to a push on a device.
type Action string

// The actions.
const (
	DoSession Action = "session"
	DoWake    Action = "wake"
	DoWait    Action = "wait"
	DoStop    Action = "stop"
)

// Actions lists what can happen next to a push on a device.
func Actions() []Action { return []Action{DoSession, DoWake, DoWait, DoStop} }

// Decision is the result of a dry run for one device.
type Decision struct {
	DeviceID string // "" for a user without a device
	Do       Action
	Budget   *BudgetWait // what it waits for, where Reason is ReasonBudget
	Reason   Reason
	Provider Provider
}

// Target is whom a dry run would reach: a device, or a user without one (Device is its zero value).
type Target struct {
	User   string
	Device Device
}
