package apnstest

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// device is one app on one phone, as APNs knows it. All of it is guarded by the spool's lock.
type device struct {
	Token
	restricted  bool // the phone saves power: what is not urgent waits
	muted       bool // the person has switched the app's notifications off
	uninstalled bool

	retired     Reason    // "" while the token is good
	retiredAt   time.Time // the timestamp that a 410 tells
	refusedFrom time.Time // from when on it is told

	waiting   *pending // the one notification that waits
	delivered []string // request ids, oldest first

	outbox   []*pending // what Deliver is still to be called with
	inFlight bool       // the phone has not acknowledged yet
	draining bool       // somebody calls Deliver

	windowFrom time.Time // of the requests that rate counts
	requests   int
}

// pending is a notification on its way.
type pending struct {
	Notification
	notTill time.Time // a fault holds it back until then
	twice   bool      // a fault: to be handed over twice

	overtaken bool // held for the next one to go first
}

// isToken reports whether a text may be a device token: whole bytes in hexadecimal, 200 at most.
func isToken(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) >= 2 && len(s) <= 400
}

// tokenKey returns what a token is known by: the same bytes in either case are the same token.
func tokenKey(token string) string { return strings.ToLower(token) }

func sameToken(a, b string) bool { return tokenKey(a) == tokenKey(b) }

var ruleTokenForm = Rule{
	Name:    "device_token",
	Text:    "A token that APNs never gave out, is not hexadecimal, or belongs to the other environment, is 400 BadDeviceToken.",
	Source:  `Apple, "Handling notification responses from APNs"; "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

var ruleTokenLength = Rule{
	Name:    "device_token.length",
	Text:    `How long a device token is: "any" length, or "64" hexadecimal digits, else 400 BadDeviceToken.`,
	Source:  "Apple says not to assume a length; pushy's mock server wants 64 digits",
	Certain: simkit.Uncertain,
	Switch:  "device_token.length",
	Default: "any",
	Words:   []string{"any", "64"},
	Fixed:   "a sender does not choose its tokens: with 64, good ones would be refused",
}

func (p *spool) checkKnown(a *attempt, d *device, _ time.Time) *refusal {
	if d == nil || p.Switches.String("device_token.length") == "64" && len(a.token) != 64 {
		return refuse(BadDeviceToken)
	}
	return nil
}

func (p *spool) checkEnvironment(_ *attempt, d *device, _ time.Time) *refusal {
	if d.Environment != p.environment {
		return refuse(BadDeviceToken)
	}
	return nil
}

var ruleDeviceTopic = Rule{
	Name:    "device_token.topic",
	Text:    "A token of another topic is 400 DeviceTokenNotForTopic.",
	Source:  `Apple, "Handling notification responses from APNs"`,
	Certain: simkit.Documented,
}

func (p *spool) checkDeviceTopic(a *attempt, d *device, _ time.Time) *refusal {
	if d.Topic != a.topic && d.Topic != a.fullTopic { // a PushKit token may have been registered with its suffix
		return refuse(DeviceTokenNotForTopic)
	}
	return nil
}

var ruleRetired = Rule{
	Name:    "device_token.retired",
	Text:    "A token that is void is 410 Unregistered or ExpiredToken, with the time, in ms, at which APNs found that out. It stays void unless the app gets the same token again.",
	Source:  `Apple, "Handling notification responses from APNs"`,
	Certain: simkit.Documented,
}

func (p *spool) checkRetired(_ *attempt, d *device, now time.Time) *refusal {
	if d.retired == "" || now.Before(d.refusedFrom) {
		return nil
	}
	return &refusal{reason: d.retired, at: d.retiredAt}
}

var ruleRate = Rule{
	Name:    "device.rate",
	Text:    "Requests that one token may get within a minute of simulated time; one more is 429 TooManyRequests. 0: any number.",
	Source:  `Apple, "Handling notification responses from APNs": too many consecutive requests to the same token, without a number`,
	Certain: simkit.Uncertain,
	Switch:  "device.rate",
	Default: "3000",
	Varies:  []string{"1000", "3000"},
}

func (p *spool) checkRate(a *attempt, d *device, now time.Time) *refusal {
	most := p.Switches.Int("device.rate")
	if now.Sub(d.windowFrom) >= time.Minute {
		d.windowFrom, d.requests = now, 0
	}
	if d.requests++; most > 0 && d.requests > most {
		until := d.windowFrom.Add(time.Minute)
		if p.Switches.String("device.over") == "block" {
			p.blocked[a.provider()] = until
		}
		return &refusal{reason: TooManyRequests, wait: until.Sub(now)}
	}
	return nil
}

var ruleOver = Rule{
	Name:    "device.over",
	Text:    `Who gets 429 TooManyRequests when a token has had too many requests: those to that token ("refuse"), or all of the same team or certificate until the minute is over ("block").`,
	Source:  `Apple, "Troubleshooting push notifications": may be taken for an attack, and the provider blocked for a while`,
	Certain: simkit.Uncertain,
	Switch:  "device.over",
	Default: "refuse",
	Words:   []string{"refuse", "block"},
	Varies:  []string{"refuse", "block"},
}

// checkBlocked refuses a provider that is blocked. The caller holds the lock.
func (p *spool) checkBlocked(a *attempt, _ *device, now time.Time) *refusal {
	if until := p.blocked[a.provider()]; now.Before(until) {
		return &refusal{reason: TooManyRequests, wait: until.Sub(now)}
	}
	return nil
}

// provider names whoever asks: a team, or the first topic of a certificate.
func (a *attempt) provider() string {
	if a.sign != nil {
		return "team " + a.sign.key.Team
	}
	return "certificate " + a.connState.cert.topics[0]
}

// retire makes a token void. The caller holds the lock.
func (p *spool) retire(d *device, why Reason, at, refusedFrom time.Time) {
	d.retired, d.retiredAt, d.refusedFrom = why, at, refusedFrom
	p.discard(d, dropRetired)
}

// recordDelivery adds to what the token's state lists.
func (d *device) recordDelivery(requestID string) {
	d.delivered = append(d.delivered, requestID)
	if more := len(d.delivered) - maxDelivered; more > 0 {
		d.delivered = slices.Delete(d.delivered, 0, more)
	}
}

const maxDelivered = 1000 // ids that a token's state lists

// state returns what the control API tells. The caller holds the lock.
func (d *device) state(now time.Time) TokenState {
	st := TokenState{Token: d.Token.Token, Online: d.Online, Stored: []string{}, Delivered: append([]string{}, d.delivered...)}
	if d.retired != "" {
		at := d.retiredAt
		st.RetiredAt = &at
	}
	if d.waiting != nil && (d.waiting.Once || now.Before(d.waiting.ExpiresAt)) {
		st.Stored = append(st.Stored, d.waiting.RequestID)
	}
	return st
}

// TokenState is what is known of a token: what waits, what was delivered.
type TokenState = simkit.TokenState
