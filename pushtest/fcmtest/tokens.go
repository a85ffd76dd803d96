package fcmtest

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Token is one app installation, as it registers with FCM. Deliver and DeletedMessages are called one at a time and in order,
// on a goroutine that works for the simulator: they should hand the message on and return. They may call the Server, but for
// Advance, Reset and Close.
type Token struct {
	Token   string // required
	Package string // "" means com.example.app; of an app on iOS its bundle id
	Project string // "" means the simulator's own; another one's tokens get SENDER_ID_MISMATCH
	Online  bool   // connected to FCM, or with iOS to APNs

	Platform Platform // "" means Android

	Deliver         func(Message) // nil: messages are counted and given to nobody
	DeletedMessages func()        // onDeletedMessages: what waited was discarded; nil: nobody is told

	// Ready reports whether the phone takes a message now, as far as SetDoze, SetLocked and SetForceStopped leave that open; nil:
	// it does. It is asked whenever FCM might deliver a message, also several times for one, with the simulator locked: it
	// answers at once, does not call the Server, and does not change the message. When its answers change, call Look.
	Ready func(Message) Readiness
	// NotDelivered is told of a message that the phone does not get, or not yet, and why (DelayedDoze, DroppedStopped, …). No
	// real phone knows; this is for the record of a simulated one. It is called as Deliver is, in order with it.
	NotDelivered func(m Message, fate Fate, why string)
}

// Readiness is what a phone makes of a message that FCM has for it.
type Readiness int

// What a phone can make of a message.
const (
	Ready   Readiness = iota // it takes the message
	Dozes                    // it is in Doze and the message not urgent: it waits at FCM
	Locked                   // it was restarted and not unlocked since, and the app cannot take it so: it waits at FCM
	Stopped                  // the app was force-stopped, or never opened: the message is dropped
)

// Fate is what becomes of a message that is not delivered.
type Fate int

// The fates.
const (
	Waits Fate = iota // at FCM; it may be delivered later
	Lost              // it will not be delivered
)

// TokenState is what is known of a token: what waits, what was delivered.
type TokenState = simkit.TokenState

// maxTokens bounds how many tokens may be known.
const maxTokens = 2_000_000

var (
	bundleForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,154}$`) // Apple, CFBundleIdentifier
	packageForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)

	errUnknownToken = errors.New("fcmtest: this token is not known")
)

// Register makes a token known or changes it: what is empty stays as it was, but for Online. A token that is retired stays
// so: a phone that registers anew gets another one. With Online, what waits is delivered before Register returns.
func (s *Server) Register(t Token) error {
	_, err := s.put(t, &t.Online)
	return err
}

func (s *Server) put(t Token, online *bool) (created bool, err error) {
	p := s.spool
	p.Lock()
	d := p.Devices[t.Token]
	if errs := t.check(d); len(errs) > 0 {
		p.Unlock()
		return false, rest.Invalid(errs...)
	}
	if d == nil {
		if len(p.Devices) >= maxTokens {
			p.Unlock()
			return false, rest.Invalid(rest.Fault{Location: "body.token", Code: "too_many", Message: fmt.Sprintf("%d tokens are known already", maxTokens)})
		}
		d = &device{Token: Token{Token: t.Token, Package: "com.example.app", Project: s.project.id, Online: true}, seenAt: p.Clock.Now()}
		p.Devices[t.Token] = d
		created = true
	}
	d.change(t)
	if online != nil {
		p.setOnline(d, *online)
	}
	p.Unlock()
	p.Drain(d)
	return created, nil
}

// check returns what is wrong with what is to become of a token; d is what is known of it, nil if nothing is.
func (t *Token) check(d *device) (faults rest.Faults) {
	bad := func(field, message string) {
		faults = append(faults, rest.Fault{Location: "body." + field, Code: "bad_value", Message: message})
	}
	if t.Token == "" || len(t.Token) > 4096 || strings.ContainsFunc(t.Token, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		bad("token", "want 1 to 4096 bytes without spaces and control characters")
	}
	if t.Platform != "" && t.Platform != Android && t.Platform != IOS {
		bad("platform", "want android or ios")
	}
	ios := t.Platform == IOS || t.Platform == "" && d != nil && d.Platform == IOS
	switch {
	case t.Package == "":
	case ios && !bundleForm.MatchString(t.Package):
		bad("package", "want a bundle id such as com.example.notes")
	case !ios && !packageForm.MatchString(t.Package):
		bad("package", "want an Android package name such as com.example.notes")
	}
	if t.Project != "" && !projectForm.MatchString(t.Project) {
		bad("project", "want a project id such as demo")
	}
	return faults
}

// change takes over what is given. The caller holds the lock.
func (d *device) change(t Token) {
	if t.Package != "" {
		d.Package = t.Package
	}
	if t.Project != "" {
		d.Project = t.Project
	}
	if t.Platform != "" {
		d.Platform = t.Platform
	}
	if t.Deliver != nil {
		d.Deliver = t.Deliver
	}
	if t.DeletedMessages != nil {
		d.DeletedMessages = t.DeletedMessages
	}
	if t.Ready != nil {
		d.Ready = t.Ready
	}
	if t.NotDelivered != nil {
		d.NotDelivered = t.NotDelivered
	}
}

// readiness asks for what is set on the token, and then the phone. The caller holds the lock.
func (d *device) readiness(m *Message) Readiness {
	switch {
	case d.stopped:
		return Stopped
	case d.locked && !m.DirectBootOK:
		return Locked
	case d.doze && !d.maintenance && m.Priority != High:
		return Dozes
	case d.Ready == nil:
		return Ready
	}
	r := d.Ready(*m)
	if r == Dozes && d.maintenance {
		return Ready
	}
	return r
}

// setOnline connects or disconnects. The caller holds the lock, and calls Drain afterwards.
func (p *spool) setOnline(d *device, online bool) {
	now := p.Clock.Now()
	if p.expireToken(d, now) { // it was away too long, or is void: the connection changes nothing for messages
		d.Online = online
		return
	}
	if d.Online && !online {
		d.seenAt = now
	}
	d.Online = online
	p.Flush(d, now)
}

// change changes a device by f, and delivers what can be delivered then.
func (s *Server) change(token string, f func(d *device, now time.Time)) error {
	if !s.spool.Change(token, f) {
		return errUnknownToken
	}
	return nil
}

// Look has FCM ask a phone's Ready again, because the answer may be another one now: what can be delivered is delivered before
// Look returns. waits reports whether something still waits.
func (s *Server) Look(token string) (waits bool, err error) {
	err = s.change(token, func(d *device, now time.Time) {
		s.spool.Flush(d, now) // as change does afterwards, when there is nothing left to do
		waits = len(d.waiting) > 0
	})
	return waits, err
}

// SetOnline connects a phone to FCM or disconnects it; what waits is delivered before it returns.
func (s *Server) SetOnline(token string, online bool) error {
	return s.change(token, func(d *device, _ time.Time) { s.spool.setOnline(d, online) })
}

var ruleDoze = Rule{
	Name:    "doze",
	Text:    "While a phone is in Doze, normal-priority messages wait at FCM and high-priority ones are delivered; a maintenance window, or the end of Doze, delivers what waits.",
	Source:  "firebase.google.com/docs/cloud-messaging/android-message-priority",
	Certain: simkit.Documented,
}

// SetDoze puts a phone into Doze, or ends it and delivers what waits.
func (s *Server) SetDoze(token string, doze bool) error {
	return s.change(token, func(d *device, _ time.Time) { d.doze = doze })
}

// ReleaseHeld delivers what Doze has held back, as a maintenance window does; the phone stays in Doze.
func (s *Server) ReleaseHeld(token string) error {
	return s.change(token, func(d *device, now time.Time) {
		d.maintenance = true
		s.spool.Flush(d, now)
		d.maintenance = false
	})
}

var ruleLocked = Rule{
	Name:    "direct_boot",
	Text:    "While a phone has been restarted and not been unlocked since, only messages with direct_boot_ok are delivered, to an app that is made for that; the others wait at FCM until it is unlocked.",
	Source:  "FCM discovery document v1 (AndroidConfig.directBootOk); firebase/firebase-android-sdk, FirebaseMessagingService",
	Certain: simkit.Documented,
}

// SetLocked locks a phone as after a restart, or unlocks it and delivers what waits. Its app is taken for one that is made for
// direct boot.
func (s *Server) SetLocked(token string, locked bool) error {
	return s.change(token, func(d *device, _ time.Time) { d.locked = locked })
}

var ruleLowered = Rule{
	Name:    "priority.lowered",
	Text:    "FCM delivers high-priority messages as normal ones to an app that shows nothing for them (7 days are looked at). The phone's side decides when; the simulator only obeys.",
	Source:  "firebase.google.com/docs/cloud-messaging/android-message-priority",
	Certain: simkit.Documented,
}

// SetPriorityLowered takes high priority away from the app's messages, as FCM does, or gives it back.
func (s *Server) SetPriorityLowered(token string, lowered bool) error {
	return s.change(token, func(d *device, _ time.Time) { d.lowered = lowered })
}

// SetForceStopped force-stops the app, as the person does, or opens it again. Messages meanwhile are dropped.
func (s *Server) SetForceStopped(token string, stopped bool) error {
	return s.change(token, func(d *device, _ time.Time) { d.stopped = stopped })
}

// Uninstall removes the app from the phone: FCM finds out with the next message that it tries to deliver.
func (s *Server) Uninstall(token string) error {
	return s.change(token, func(d *device, _ time.Time) { d.uninstalled = true })
}

// Retire ends a token at once, as deleteToken does: sends get UNREGISTERED.
func (s *Server) Retire(token string) error {
	return s.change(token, func(d *device, now time.Time) { s.spool.retire(d, now) })
}

// Forget makes a token unknown; it reports whether it was known.
func (s *Server) Forget(token string) bool {
	return s.spool.Forget(token, func(d *device) { s.spool.discardAll(d, DroppedRetired) })
}

// State returns what waits for a token and what was delivered; found is false for one that was never known.
func (s *Server) State(token string) (st TokenState, found bool) {
	p := s.spool
	p.Lock()
	defer p.Unlock()
	d := p.Devices[token]
	if d == nil {
		return TokenState{}, false
	}
	now := p.Clock.Now()
	p.expireToken(d, now)
	st = TokenState{Token: token, Online: d.Online, Stored: []string{}, Delivered: append([]string{}, d.delivered...), DeletedMessages: d.told}
	if d.notice { // it is on its way
		st.DeletedMessages++
	}
	if !d.retiredAt.IsZero() {
		at := d.retiredAt
		st.RetiredAt = &at
	}
	for _, m := range d.waiting {
		if now.Before(m.expires) {
			st.Stored = append(st.Stored, m.RequestID)
		}
	}
	return st, true
}

var ruleUnknownToken = Rule{
	Name:    "token.unknown",
	Text:    `A token that FCM never gave out is refused with 400 INVALID_ARGUMENT: "newer" says "The registration token is not a valid FCM registration token" with an FcmError only, "older" "Request contains an invalid argument." with a BadRequest on message.token as well.`,
	Source:  "bodies in bloomberg/pushiko and later reports",
	Certain: simkit.Observed,
	Switch:  "token.unknown",
	Default: "newer",
	Words:   []string{"newer", "older"},
	Varies:  []string{"newer", "older"},
}

var ruleMismatch = Rule{
	Name:    "token.mismatch",
	Text:    "A token of another project is refused with 403 SENDER_ID_MISMATCH.",
	Source:  "firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode",
	Certain: simkit.Documented,
}

var ruleUnregistered = Rule{
	Name:    "token.unregistered",
	Text:    "A token that is void (app uninstalled, token deleted or expired) is refused with 404 UNREGISTERED.",
	Source:  "firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode; …/manage-tokens",
	Certain: simkit.Documented,
}

var rulePackage = Rule{
	Name:    "android.restricted_package_name",
	Text:    "A restricted_package_name must be the token's package; else 400 INVALID_ARGUMENT with a BadRequest on the field.",
	Source:  "firebase.google.com/docs/cloud-messaging/error-codes",
	Certain: simkit.Documented,
}

// checkToken judges a device token; d may be nil. The caller holds the lock.
func (p *spool) checkToken(d *device, r *request, now time.Time) *refusal {
	switch {
	case d == nil && p.Switches.String("token.unknown") == "older":
		return invalid(codeMessage[InvalidArgument], "message.token", "Invalid registration token")
	case d == nil:
		return invalid("The registration token is not a valid FCM registration token", "", "")
	case !p.project.is(d.Project):
		return &refusal{status: http.StatusForbidden, message: codeMessage[SenderIDMismatch], code: SenderIDMismatch}
	case p.expireToken(d, now), p.goneAtOnce(d):
		return &refusal{status: http.StatusNotFound, message: codeMessage[Unregistered], code: Unregistered}
	case r.restricted != "" && d.Platform != IOS && r.restricted != d.Package:
		return invalid(codeMessage[InvalidArgument], "message.android.restricted_package_name", "Package name does not match the registration token")
	}
	return nil
}
