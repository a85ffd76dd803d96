package push

// Warning is something the sender should know about an accepted push, such as a user never seen.
type Warning struct {
	Code WarningCode
	User string
}

// WarningCode is the stable name of a warning.
type WarningCode string

// The warnings. All but the first say that nobody gets the push.
const (
	UserNotSeen            WarningCode = "user_not_seen"             // the user has never registered a device
	CancelledBeforeItBegan WarningCode = "cancelled_before_it_began" // the push was cancelled before it had a delivery
	NobodyHasTheTags       WarningCode = "nobody_has_the_tags"       // no user with a device has the tags, when the push's time comes
	NoDevices              WarningCode = "no_devices"                // the push is for all, and the app has no device then
	DevicesGone            WarningCode = "devices_gone"              // none of the devices that the push names is registered then
)

// WarningCodes lists the warnings of an accepted push.
func WarningCodes() []WarningCode {
	return []WarningCode{UserNotSeen, CancelledBeforeItBegan, NobodyHasTheTags, NoDevices, DevicesGone}
}

// Warnings returns what the sender should know of a push once it is clear that nobody gets it, from how it stands and how many
// deliveries it has in each state.
func (p Push) Warnings(s Standing, counts map[State]int) []Warning {
	deliveries := 0
	for _, n := range counts {
		deliveries += n
	}
	switch {
	case s.CancelledEarly && (deliveries == 0 || !p.To.Deferred()): // those who are named are counted without a delivery
		return []Warning{{Code: CancelledBeforeItBegan}}
	case !s.Expanded || deliveries > 0:
		return nil
	case p.To.Tags != nil:
		return []Warning{{Code: NobodyHasTheTags}}
	case p.To.All:
		return []Warning{{Code: NoDevices}}
	}
	return []Warning{{Code: DevicesGone}}
}
