package push

import (
	"fmt"
	"time"
)

// Registration is what a device says of itself when it registers or renews.
type Registration struct {
	DeviceID      string
	Platform      Platform
	BundleID      string
	Package       string
	Environment   Environment
	ProviderToken *Secret // nil: as it was; "": none any more
	AppState      AppState
	Facts         map[string]any // nil: as they were
	WakeKeyID     string         // the newest wake key that the device has; "": none
}

// Check returns all that is wrong with the registration as FieldErrors; nil if nothing is.
func (r Registration) Check() error {
	var errs FieldErrors
	if err := CheckID(r.DeviceID); err != nil {
		errs.Add("device_id", CodeBadID, err.Error())
	}
	hasToken := r.ProviderToken != nil && *r.ProviderToken != ""
	if hasToken && len(*r.ProviderToken) > maxTokenBytes {
		errs.Add("provider_token", CodeOutOfRange, fmt.Sprintf("has %d bytes; want at most %d", len(*r.ProviderToken), maxTokenBytes))
	}
	switch r.Platform {
	case IOS:
		r.checkIOS(hasToken, &errs)
	case Android:
		r.checkAndroid(hasToken, &errs)
	case "":
		errs.Add("platform", CodeRequired, "is missing; want ios or android")
	default:
		errs.Add("platform", CodeBadValue, fmt.Sprintf("is %q; want ios or android", r.Platform))
	}
	if len(r.WakeKeyID) > MaxIDBytes {
		errs.Add("wake_key_id", CodeOutOfRange, fmt.Sprintf("has %d bytes; want at most %d", len(r.WakeKeyID), MaxIDBytes))
	}
	if r.AppState != "" && r.AppState != AppForeground && r.AppState != AppBackground {
		errs.Add("app_state", CodeBadValue, fmt.Sprintf("is %q; want foreground or background", r.AppState))
	}
	return errs.Err()
}

// maxTokenBytes is far above what the providers issue (APNs 64 hex digits, FCM under 200 characters); neither promises a
// length.
const maxTokenBytes = 4096

func (r Registration) checkIOS(hasToken bool, errs *FieldErrors) {
	if r.Package != "" {
		errs.Add("package", CodeBadValue, "is for android; an ios device has a bundle_id")
	}
	if hasToken && r.BundleID == "" {
		errs.Add("bundle_id", CodeRequired, "is missing; want the app's bundle id, which is the APNs topic")
	}
	switch {
	case hasToken && r.Environment == "":
		errs.Add("environment", CodeRequired, "is missing; want production or development: an APNs token belongs to one of them")
	case r.Environment != "" && r.Environment != Production && r.Environment != Development:
		errs.Add("environment", CodeBadValue, fmt.Sprintf("is %q; want production or development", r.Environment))
	}
	if hasToken && !isHex(r.ProviderToken.Reveal()) {
		errs.Add("provider_token", CodeBadValue, "is not hexadecimal; want the device token as hex digits")
	}
}

func (r Registration) checkAndroid(hasToken bool, errs *FieldErrors) {
	if r.BundleID != "" {
		errs.Add("bundle_id", CodeBadValue, "is for ios; an android device has a package")
	}
	if r.Environment != "" {
		errs.Add("environment", CodeBadValue, "is for ios; FCM has no environments: leave it out")
	}
	if hasToken && r.Package == "" {
		errs.Add("package", CodeRequired, "is missing; want the app's package name")
	}
}

func isHex(s string) bool {
	for _, c := range s {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return s != ""
}

// Caller is who asks to register a device.
type Caller struct {
	User       string // the user of its token; "" without one
	Credential bool   // it gave this device's own credential
	Import     bool   // an admin brings the device from elsewhere; User is its owner
}

// Registered is what a registration makes of a device.
type Registered struct {
	Device        Device
	New           bool // there was no such device, or it had been unregistered
	OwnerChanged  bool // its former owner's open deliveries end as undeliverable
	NewCredential bool // the caller is to be given a new one; an older one is void
	NewWakeKey    bool // Device.WakeKeyID was made just now
	TokenChanged  bool
	Evicted       []DeviceKey // the user's devices that had to make room: they are unregistered
}

// ImportedDevice is a device that an admin brings from elsewhere.
type ImportedDevice struct {
	Registration
	User string // its owner
}

// Caller returns who asks to register the device.
func (d ImportedDevice) Caller() Caller { return Caller{User: d.User, Import: true} }

// RegisterResult is the outcome of one registration of many.
type RegisterResult struct {
	Registered
	Moved []DeviceKey // that its provider token was taken from
	Err   error
}

// Register returns what a registration makes of a device (its zero value: never seen). Taking over a registered device needs
// its credential as well as the new owner's token. If two phones share one device, the phone whose token comes back must go on
// under another id, and the other keeps the device. The errors are ErrDeviceTaken, ErrRegisterAgain, ErrUnauthenticated, and
// FieldErrors.
func Register(now time.Time, was Device, app string, r Registration, c Caller) (Registered, error) {
	out := Registered{Device: was}
	d := &out.Device
	switch {
	case !was.Registered():
		if c.User == "" {
			return Registered{}, ErrRegisterAgain
		}
		out.New, out.NewCredential = true, !c.Import
		*d = Device{App: app, ID: r.DeviceID, Platform: r.Platform, OwnerGeneration: was.OwnerGeneration + 1,
			TokenGeneration: was.TokenGeneration, Token: TokenMissing, CreatedAt: now, WakeTimes: was.WakeTimes}
		d.User = c.User
	case c.Import:
		if c.User != was.User {
			return Registered{}, ErrDeviceTaken
		}
	case len(was.CredentialHash) == 0 && c.User == was.User:
		out.NewCredential = true // imported: the owner's token gives the credential, once
	case !c.Credential:
		return Registered{}, ErrDeviceTaken
	case c.User != "" && c.User != was.User:
		out.OwnerChanged, out.NewCredential = true, true
		d.User, d.OwnerGeneration, d.Wake = c.User, was.OwnerGeneration+1, Wake{}
	case was.sharedBy(r): // a new owner's credential has parted them already
		return Registered{}, ErrDeviceTaken
	}
	if d.Platform != r.Platform {
		return Registered{}, FieldErrors{{"platform", CodeBadValue, fmt.Sprintf("is %q, but the device was registered as %q; want the same", r.Platform, d.Platform)}}
	}
	d.update(r)
	d.rememberToken(r, c)
	out.TokenChanged = d.renewToken(now, r)
	given := len(was.CredentialHash) > 0
	if out.NewCredential && given {
		d.WakeKeyID, d.SealKeyID = "", "" // a new credential has a key of its own
	}
	out.NewWakeKey = d.renewWakeKey(now, r.WakeKeyID, given)
	if out.New || !c.Import {
		d.HeardAt = now
	}
	d.RegisteredAt, d.UpdatedAt = now, now
	return out, nil
}

func (d *Device) update(r Registration) {
	if r.BundleID != "" {
		d.BundleID = r.BundleID
	}
	if r.Package != "" {
		d.Package = r.Package
	}
	if r.AppState != "" {
		d.AppState = r.AppState
	}
	if r.Facts != nil {
		d.Facts = r.Facts
	}
}

// renewToken takes over the provider token and reports whether it is another one. Registering a dead token again revives it:
// the app has just got it from the system.
func (d *Device) renewToken(now time.Time, r Registration) bool {
	if r.ProviderToken == nil {
		return false
	}
	changed := *r.ProviderToken != d.ProviderToken || r.Environment != d.Environment || d.Token == TokenDead
	d.ProviderToken, d.Environment, d.TokenAt = *r.ProviderToken, r.Environment, now
	d.Token, d.TokenLoss = TokenOK, TokenLoss{}
	if d.ProviderToken == "" {
		d.Token, d.Environment = TokenMissing, ""
	}
	if changed {
		d.TokenGeneration++
	}
	return changed
}
