package worldtest

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// Conditions are what may be set on a phone beside its app's state. What a platform does not know is kept, and changes
// nothing.
type Conditions struct {
	Online            *bool            `json:"online,omitempty" doc:"false: no network, or flight mode. The line to the push service is all that is cut."`
	LowPower          *bool            `json:"low_power,omitempty" doc:"iOS: Low Power Mode."`
	BackgroundRefresh *bool            `json:"background_refresh,omitempty" doc:"iOS: Background App Refresh."`
	PowerRestricted   *bool            `json:"power_restricted,omitempty" doc:"iOS: the phone saves power in the way that APNs knows of: what is not of priority 10 waits there."`
	Bucket            string           `json:"bucket,omitempty" minLength:"1" enum:"active,working_set,frequent,rare,restricted" doc:"Android: the app's standby bucket."`
	Charging          *bool            `json:"charging,omitempty" doc:"Android lifts Doze while it charges."`
	Doze              *bool            `json:"doze,omitempty" doc:"Android: dozes from now on, whatever the app's state."`
	OSVersion         *string          `json:"os_version,omitempty" maxLength:"32" doc:"Such as 12; empty: newer than any rule knows. Android 9 to 12 cap high priority by bucket."`
	SwipeForceStops   *bool            `json:"swipe_force_stops,omitempty" doc:"Android: a vendor's phone on which terminated is force-stopped."`
	ScreenLock        *bool            `json:"screen_lock,omitempty" doc:"Android: has a PIN, so that a restart leaves the phone locked."`
	Locked            *bool            `json:"locked,omitempty" doc:"Android: restarted and not unlocked since. false, or opening the app, unlocks it."`
	DirectBoot        *bool            `json:"direct_boot,omitempty" doc:"Android: the app takes messages with direct_boot_ok before the phone is unlocked."`
	DiskFull          *bool            `json:"disk_full,omitempty" doc:"The phone holds no push, and the app is told."`
	Clock             *simkit.Duration `json:"clock,omitempty" doc:"By how much the phone's clock is wrong, such as -2h."`
}

// NewPhone is the body of POST /_sim/phones.
type NewPhone struct {
	Platform    string `json:"platform" minLength:"1" enum:"ios,android"`
	State       string `json:"state,omitempty" minLength:"1" enum:"never-run,foreground,background,suspended,reclaimed,terminated,force-stopped,doze,never_run,force_stopped" doc:"Of the app; never-run unless told. The last two are other spellings."`
	Phone       string `json:"phone,omitempty" maxLength:"64" doc:"Its name; p1, p2, … unless told."`
	App         string `json:"app,omitempty" maxLength:"255" doc:"Bundle id or package; the first --topic, or com.example.notes, unless told."`
	Environment string `json:"environment,omitempty" minLength:"1" enum:"production,development" doc:"iOS: the simulator's own unless told."`
	Token       string `json:"token,omitempty" maxLength:"4096" doc:"The provider token; a fresh one unless told."`
	Conditions
}

// PhoneChange is the body of POST /_sim/phones/{phone}. What is given happens in this order: reinstall, restart, state, the
// conditions, advance; but screen_lock before restart, and swipe_force_stops before state.
type PhoneChange struct {
	State     string           `json:"state,omitempty" minLength:"1" enum:"never-run,foreground,background,suspended,reclaimed,terminated,force-stopped,doze,never_run,force_stopped" doc:"Where to bring the app; never-run goes with reinstall only."`
	Restart   bool             `json:"restart,omitempty" doc:"Switches the phone off and on."`
	Reinstall bool             `json:"reinstall,omitempty" doc:"Installs the app anew: a new token; the old one is uninstalled. The app is then brought to the state that is given, or to that it had."`
	Shown     bool             `json:"shown,omitempty" doc:"Android: the app has shown a notification for the high-priority messages so far."`
	Advance   *simkit.Duration `json:"advance,omitempty" doc:"Moves the time of this phone alone ahead."`
	Conditions
}

var phoneName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// stateOf returns the state of either spelling.
func stateOf(text string) phonetest.State {
	return phonetest.State(strings.ReplaceAll(text, "_", "-"))
}

// checkState refuses a state that a platform does not know.
func checkState(p phonetest.Platform, s phonetest.State) error {
	if p == phonetest.IOS && (s == phonetest.ForceStopped || s == phonetest.Doze) {
		return rest.InvalidField("body.state", fmt.Sprintf("%s is Android's; iOS has no such state", s))
	}
	return nil
}

// Validate refuses a name that does not fit into a path, and an invalid version.
func (b *NewPhone) Validate() rest.Faults {
	if b.Phone != "" && !phoneName.MatchString(b.Phone) {
		return rest.Faults{{Location: "body.phone", Code: "bad_value", Message: "want letters, digits, dot, underscore and hyphen"}}
	}
	return b.checkVersion()
}

var osVersion = regexp.MustCompile(`^([0-9]{1,4}(\.[0-9]{1,4}){0,3})?$`)

// checkVersion refuses a version that is not made of numbers, such as a version's name: no rule would ever apply to it.
func (c *Conditions) checkVersion() rest.Faults {
	if c.OSVersion == nil || osVersion.MatchString(*c.OSVersion) {
		return nil
	}
	return rest.Faults{{Location: "body.os_version", Code: "bad_value",
		Message: fmt.Sprintf("%q is no version; want numbers, such as 12 or 8.1, or nothing for the newest", *c.OSVersion)}}
}

// Validate refuses a time that runs backwards, and an invalid version.
func (b *PhoneChange) Validate() rest.Faults {
	if b.Advance == nil {
		return b.checkVersion()
	}
	for _, e := range (&simkit.ClockAdvance{Advance: *b.Advance}).Validate() {
		return rest.Faults{e}
	}
	return b.checkVersion()
}

// bring brings the app to a state. For every state but doze, somebody must have moved the phone: Doze ends then, and what waited
// for that finds the app in its new state.
func (b *PhoneChange) bring(ctx context.Context, p *phonetest.Phone, state phonetest.State) error {
	if state == "" || state == phonetest.NeverRun {
		return nil
	}
	if b.SwipeForceStops != nil {
		p.SetSwipeForceStops(*b.SwipeForceStops)
	}
	move := p.SetState
	if state == phonetest.Terminated {
		move = func(ctx context.Context, _ phonetest.State) error { return p.Swipe(ctx) }
	}
	if err := move(ctx, state); err != nil {
		return err
	}
	if state != phonetest.Doze {
		p.SetDoze(false)
	}
	return nil
}

// applyTo sets the conditions that are given. Online comes last, so that what waits at the provider finds the phone with all others
// set.
func (c *Conditions) applyTo(p *phonetest.Phone) {
	set := func(value *bool, f func(bool)) {
		if value != nil {
			f(*value)
		}
	}
	set(c.LowPower, p.SetLowPower)
	set(c.BackgroundRefresh, p.SetBackgroundRefresh)
	set(c.Charging, p.SetCharging)
	set(c.SwipeForceStops, p.SetSwipeForceStops)
	set(c.PowerRestricted, p.SetPowerRestricted)
	set(c.DirectBoot, p.SetDirectBoot)
	set(c.ScreenLock, p.SetScreenLock)
	set(c.Locked, p.SetLocked)
	set(c.DiskFull, p.SetDiskFull)
	set(c.Doze, p.SetDoze)
	if c.Bucket != "" {
		_ = p.SetBucket(phonetest.StandbyBucket(c.Bucket)) // the schema has checked it
	}
	if c.OSVersion != nil {
		p.SetOSVersion(*c.OSVersion)
	}
	if c.Clock != nil {
		p.SetClock(c.Clock.Std())
	}
	set(c.Online, p.SetOnline)
}
