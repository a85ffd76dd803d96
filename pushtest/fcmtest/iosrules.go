package fcmtest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// The rules on a message to an app on iOS, beyond those on every message. Each is a plain function of APNs' request; APNs
// itself is package apnstest.

var ruleIOSHeaders = Rule{
	Name: "ios.headers",
	Text: "Headers of APNs, which are strings: apns-priority 10, 5 or 1; apns-expiration UNIX seconds; apns-collapse-id up to 64 bytes; " +
		"apns-push-type one that APNs knows; apns-topic the bundle id. What a wrong one gets, always 400 INVALID_ARGUMENT: a BadRequest " +
		`on the header ("fcm"), or APNs' own answer as an ApnsError ("apns").`,
	Source:  "FCM discovery document v1 (ApnsConfig.headers); Apple, \"Sending notification requests to APNs\"; how FCM passes APNs' refusals on is not documented",
	Certain: simkit.Uncertain,
	Switch:  "ios.headers",
	Default: "fcm",
	Words:   []string{"fcm", "apns"},
	Varies:  []string{"fcm", "apns"},
}

// headerRules say what a header may be, and with which reason APNs refuses another value. d is the app.
var headerRules = []struct {
	name, reason string
	good         func(value string, d *device) bool
}{
	{"apns-priority", "BadPriority", func(v string, _ *device) bool { return slices.Contains([]string{"10", "5", "1"}, v) }},
	{"apns-expiration", "BadExpirationDate", func(v string, _ *device) bool { _, err := strconv.ParseUint(v, 10, 63); return err == nil }},
	{"apns-collapse-id", "BadCollapseId", func(v string, _ *device) bool { return len(v) <= 64 }},
	{"apns-push-type", "InvalidPushType", func(v string, _ *device) bool { return slices.Contains(pushTypes, v) }},
	{"apns-topic", "DeviceTokenNotForTopic", func(v string, d *device) bool { return v == d.Package || strings.HasPrefix(v, d.Package+".") }},
}

// pushTypes are those of APNs (Apple, "Sending notification requests to APNs").
var pushTypes = []string{"alert", "background", "voip", "complication", "fileprovider", "location", "pushtotalk", "liveactivity",
	"widgets", "controls", "mdm"}

func checkIOSHeaders(p *APNsPush, d *device, how string) *refusal {
	for _, rule := range headerRules {
		if v, there := p.Headers[rule.name]; there && !rule.good(v, d) {
			return badHeader(rule.name, rule.reason, how)
		}
	}
	return nil
}

func badHeader(name, reason, how string) *refusal {
	if how == "apns" {
		no := invalid(codeMessage[InvalidArgument], "", "")
		no.apns = &apnsError{400, reason}
		return no
	}
	return invalid(codeMessage[InvalidArgument], "message.apns.headers", "Invalid value of the header "+name)
}

var ruleIOSPriority = Rule{
	Name:    "ios.data_priority",
	Text:    `A message to iOS of data alone may have apns-priority 5 only. One that says another is refused as ios.headers has it ("refuse"), or taken ("accept"); one that says none is taken with FCM's default of 10, and wakes no app.`,
	Source:  "FCM discovery document v1 (Message.data, ApnsConfig.headers); without a word on the refusal",
	Certain: simkit.Uncertain,
	Switch:  "ios.data_priority",
	Default: "refuse",
	Words:   []string{"refuse", "accept"},
	Varies:  []string{"refuse", "accept"},
}

func checkIOSPriority(r *request, p *APNsPush, which, how string) *refusal {
	said := slices.ContainsFunc(r.apnsHeaders, func(h simkit.Member) bool { return strings.EqualFold(h.Name, "apns-priority") })
	aps := r.apnsPayload.Get("aps")
	shows := r.plainNotification != nil || aps.Get("alert") != nil || aps.Get("badge") != nil || aps.Get("sound") != nil
	if said && !shows && p.Headers["apns-priority"] != "5" && which == "refuse" {
		return badHeader("apns-priority", "BadPriority", how)
	}
	return nil
}

func checkIOSSize(p *APNsPush) *refusal {
	if len(p.Payload) > maxIOSBody {
		return invalid(iosTooBig, "", "")
	}
	return nil
}

// checkIOS applies all rules on messages to iOS, in their stated order.
func (s *sends) checkIOS(r *request, p *APNsPush, d *device) *refusal {
	if no := s.checkIOSCredentials(); no != nil {
		return no
	}
	how := s.Switches.String("ios.headers")
	if no := checkIOSHeaders(p, d, how); no != nil {
		return no
	}
	if no := checkIOSPriority(r, p, s.Switches.String("ios.data_priority"), how); no != nil {
		return no
	}
	return checkIOSSize(p)
}

var ruleIOSRate = Rule{
	Name:    "ios.per_minute",
	Text:    "Messages that one device with iOS may be sent in a minute; one more is 429 QUOTA_EXCEEDED. 0: any number.",
	Source:  "firebase.google.com/docs/cloud-messaging/throttling-and-quotas: Apple's limits, which are not public",
	Certain: simkit.Uncertain,
	Switch:  "ios.per_minute",
	Default: "3000",
	Varies:  []string{"1000", "3000"},
}

// checkIOSRate counts one message against the device's minute. The caller holds the lock.
func (p *spool) checkIOSRate(d *device, now time.Time) *refusal {
	most := p.Switches.Int("ios.per_minute")
	if most == 0 {
		return nil
	}
	ok, next := d.minute.count(now, time.Minute, most)
	if ok {
		return nil
	}
	return quotaExceeded("Device message rate exceeded.", "device:"+d.Token.Token, retryAfter(p.Switches, now, next))
}

var ruleIOSStorage = Rule{
	Name: "ios.storage",
	Text: "While a phone with iOS is off-line, APNs keeps one message for the app, the newest, until its apns-expiration (0: never) and 30 days " +
		"at most. Doze, collapse keys, 100 waiting messages and onDeletedMessages are Android's. What the phone does with a push is not asked here.",
	Source:  `Apple, "Sending notification requests to APNs"; "Viewing the status of push notifications using metrics and APNs"`,
	Certain: simkit.Documented,
}

// storeIOS keeps a message at APNs. The caller holds the lock.
func (p *spool) storeIOS(d *device, m *pending, now time.Time) {
	for _, old := range d.waiting {
		p.end(d, old, simkit.Replaced, Collapsed)
	}
	d.waiting = []*pending{m}
	p.reschedule(d, now)
}

var ruleIOSGone = Rule{
	Name:    "ios.gone",
	Text:    `When FCM learns from APNs that an app on iOS is gone (Unregistered, BadDeviceToken): too late for the send that finds it out, which is accepted, and UNREGISTERED from the "next" on; or "now", with that send.`,
	Source:  "not documented",
	Certain: simkit.Inferred,
	Switch:  "ios.gone",
	Default: "next",
	Words:   []string{"next", "now"},
	Varies:  []string{"next", "now"},
}

// goneAtOnce reports whether a send finds the app gone and is itself refused. The caller holds the lock.
func (p *spool) goneAtOnce(d *device) bool {
	return d.Platform == IOS && d.uninstalled && d.Online && p.Switches.String("ios.gone") == "now"
}
