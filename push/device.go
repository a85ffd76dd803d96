package push

import "time"

// DeviceKey names a device. Device ids are the app's own, so two apps may use the same one.
type DeviceKey struct {
	App    string
	Device string
}

// Device is one app installation.
type Device struct {
	Number          int64 // the store's own; 0 for a device that has no row
	App             string
	ID              string
	User            string // its owner; "" once it is unregistered
	Platform        Platform
	BundleID        string      // iOS
	Environment     Environment // iOS; "" where there is no provider token
	Package         string      // Android
	ProviderToken   Secret
	Token           TokenState
	AppState        AppState
	Facts           map[string]any // what it reported of itself, such as os_version
	OwnerGeneration int            // raised when the owner changes; 1 for the first
	TokenGeneration int            // raised when the provider token changes; 1 for the first
	FormerTokens    [][]byte       // hashes of provider tokens that were replaced, oldest first; see TokenHash
	TokenAt         time.Time      // when the provider token was last registered; a 410 older than this does not count
	TokenLoss       TokenLoss      // how its last provider token was lost; its zero value while it has one, or had none
	CredentialHash  []byte         // SHA-256 of its credential; nil once void
	WakeKeyID       string         // its newest wake key, which a registration gives it
	WakeKeyAt       time.Time      // when that was made
	SealKeyID       string         // the wake key that its wakes are sealed with: the newest that it has named back, or its first
	CreatedAt       time.Time
	RegisteredAt    time.Time // when it last registered
	UpdatedAt       time.Time
	HeardAt         time.Time // about when it last called with its own credential, registered or was imported; see HeardLater

	Wake      Wake        // the wake in flight; its State is WakeNone if there is none
	WakeTimes []time.Time // when its wakes left, oldest first, as far back as any budget looks
	DueAt     time.Time   // when delivery is to look at the device again; zero: only when something happens
}

// Registered reports whether the device has an owner.
func (d Device) Registered() bool { return d.User != "" }

// Key returns the device's name in the whole installation.
func (d Device) Key() DeviceKey { return DeviceKey{App: d.App, Device: d.ID} }

// AppState is what the app last said of itself.
type AppState string

// The app states that an app can report.
const (
	AppForeground AppState = "foreground"
	AppBackground AppState = "background"
)

// AppStates lists what an app can say of itself.
func AppStates() []AppState { return []AppState{AppForeground, AppBackground} }

// How often hearing from a device is recorded: with its receipts, whose commit it shares, and by itself.
const (
	heardWithReceipts = 5 * time.Minute
	heardByItself     = time.Hour
)

// HeardLater reports whether hearing from the device at a time is worth recording, which costs a write of its row. byItself
// says that nothing else is written with it.
func (d Device) HeardLater(at time.Time, byItself bool) bool {
	every := heardWithReceipts
	if byItself {
		every = heardByItself
	}
	return at.Sub(d.HeardAt) >= every || Day(at) > Day(d.HeardAt)
}
