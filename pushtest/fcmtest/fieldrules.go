package fcmtest

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// The rules on a message's fields, in the order in which they are asked; the first that refuses ends it. Each is a plain
// function of the request. They stand together because they are one list; what needs more than the request is elsewhere.

var ruleTarget = Rule{
	Name:    "message.target",
	Text:    `A message has exactly one of token, topic and condition. None: 400 "Recipient of the message is not set." with a BadRequest on message; two: 400 on the schema's oneof.`,
	Source:  "FCM discovery document v1 (Message.target); bodies in bloomberg/pushiko",
	Certain: simkit.Documented,
}

func checkTarget(r *request) *refusal {
	if r.token == "" && r.topic == "" && r.condition == "" {
		const words = "Recipient of the message is not set."
		return invalid(words, "message", words)
	}
	return nil
}

var ruleTopic = Rule{
	Name:    "message.topic",
	Text:    "A topic is [a-zA-Z0-9-_.~%]+, without /topics/ (which is taken off). Topics and conditions are accepted; the simulator has no subscribers, so nobody gets them.",
	Source:  "FCM discovery document v1; the pattern as firebase-admin checks it",
	Certain: simkit.Documented,
}

var topicForm = regexp.MustCompile(`^[a-zA-Z0-9-_.~%]+$`)

func checkTopic(r *request) *refusal {
	if r.topic != "" && !topicForm.MatchString(strings.TrimPrefix(r.topic, "/topics/")) {
		return invalid(codeMessage[InvalidArgument], "message.topic", "Invalid topic name")
	}
	return nil
}

var ruleReservedKeys = Rule{
	Name: "data.reserved",
	Text: `Keys of data must not be from, message_type, or begin with google. or gcm.notification. (the schema's words: "schema"); ` +
		`the page on error codes forbids from, gcm and all that begins with google ("errors"). Refused with 400 and a BadRequest on data.`,
	Source:  "FCM discovery document v1 against firebase.google.com/docs/cloud-messaging/error-codes: they differ",
	Certain: simkit.Uncertain,
	Switch:  "data.reserved",
	Default: "schema",
	Words:   []string{"schema", "errors"},
	Varies:  []string{"schema", "errors"},
}

func checkReservedKeys(r *request, which string) *refusal {
	for _, d := range r.allData {
		for _, m := range d.members {
			if reservedKey(m.Name, which) {
				return invalid(codeMessage[InvalidArgument], d.path, "Invalid data payload key: "+clip(m.Name))
			}
		}
	}
	return nil
}

func reservedKey(key, which string) bool {
	switch {
	case key == "from", key == "message_type", strings.HasPrefix(key, "google."), strings.HasPrefix(key, "gcm.notification."):
		return true
	case which == "errors":
		return key == "gcm" || strings.HasPrefix(key, "google")
	}
	return false
}

var ruleTTL = Rule{
	Name:    "android.ttl",
	Text:    `The ttl is a duration string in seconds with a fraction ("3.5s"), rounded down, from 0s to 2419200s (4 weeks); 4 weeks if it is missing. Another form is a fault of shape (no FcmError), another value 400 with a BadRequest on message.android.ttl.`,
	Source:  "FCM discovery document v1 (AndroidConfig.ttl); firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan",
	Certain: simkit.Documented,
}

const maxTTL = 28 * 24 * time.Hour

func checkTTL(r *request) *refusal {
	if r.hasTTL && (r.ttlSeconds < 0 || r.ttlSeconds > int64(maxTTL/time.Second)) {
		return invalid(codeMessage[InvalidArgument], "message.android.ttl",
			fmt.Sprintf("Invalid ttl: must be between 0 and %d seconds", int64(maxTTL/time.Second)))
	}
	return nil
}

// ttl returns how long the message may wait, once checkTTL has passed it.
func (r *request) ttl() time.Duration {
	if !r.hasTTL {
		return maxTTL
	}
	return time.Duration(r.ttlSeconds) * time.Second
}

var ruleLabel = Rule{
	Name:    "analytics_label",
	Text:    "An analytics label is 1 to 50 of [a-zA-Z0-9-_.~%]; else 400 with a BadRequest on the field.",
	Source:  "FCM discovery document v1 (FcmOptions.analyticsLabel)",
	Certain: simkit.Documented,
}

var labelForm = regexp.MustCompile(`^[a-zA-Z0-9-_.~%]{1,50}$`)

func checkLabels(r *request) *refusal {
	for _, l := range r.labels {
		if !labelForm.MatchString(l.label) {
			return invalid(codeMessage[InvalidArgument], l.path, "Invalid analytics label")
		}
	}
	return nil
}

var ruleSize = Rule{
	Name:    "size.max",
	Text:    "Keys and values of data (android.data, if given, instead of message.data), and of a notification, may have this many bytes together; messages to topics half of it.",
	Source:  "firebase.google.com/docs/cloud-messaging/error-codes: 4096 bytes, topics 2048; exact counting is not documented",
	Certain: simkit.Uncertain,
	Switch:  "size.max",
	Default: "4096",
	Varies:  []string{"4096", "4000"},
}

var ruleSizeBody = Rule{
	Name:    "size.body",
	Text:    `How a message that is too large is refused, always 400 INVALID_ARGUMENT: "android" ("Android message is too big", FcmError), "large" ("Message is too large. …", FcmError) or "generic" (no details at all).`,
	Source:  "firebase-admin-go issue 580; bloomberg/pushiko; seen in 2026",
	Certain: simkit.Observed,
	Switch:  "size.body",
	Default: "android",
	Words:   []string{"android", "large", "generic"},
	Varies:  []string{"android", "large", "generic"},
}

func checkSize(r *request, most int, body string) *refusal {
	if r.token == "" {
		most /= 2
	}
	if r.size() <= most {
		return nil
	}
	switch body {
	case "generic":
		return &refusal{status: 400, message: codeMessage[InvalidArgument]}
	case "large":
		return invalid(fmt.Sprintf("Message is too large. The maximum is %dK (%d bytes).", most/1024, most), "", "")
	}
	return invalid("Android message is too big", "", "")
}

// size returns the bytes that count against the limit.
func (r *request) size() int {
	n := 0
	for _, m := range r.data {
		n += len(m.Name) + len(m.Value.Text)
	}
	if r.notification != nil {
		for _, m := range r.notification.Members {
			n += len(m.Name) + len(m.Value.Text)
		}
	}
	return n
}

var ruleAPNSSize = Rule{
	Name:    "apns.payload",
	Text:    `An apns.payload, or the body that FCM makes of a message to iOS, of more than 4096 bytes is refused with 400 "iOS message is too big".`,
	Source:  "firebase-admin-go issue 580; Apple's limit",
	Certain: simkit.Observed,
}

func checkAPNSSize(r *request) *refusal {
	if r.apnsPayload != nil && compactSize(r.apnsPayload) > maxIOSBody {
		return invalid(iosTooBig, "", "")
	}
	return nil
}

const (
	maxIOSBody = 4096
	iosTooBig  = "iOS message is too big"
)

// compactSize returns about the bytes that a value takes as JSON without white space.
func compactSize(n *simkit.Node) int {
	size := len(n.Text)
	switch n.Kind {
	case simkit.String:
		size += 2
	case simkit.Null:
		size += 4
	case simkit.Object:
		size += 2 + max(len(n.Members)-1, 0)
		for _, m := range n.Members {
			size += len(m.Name) + 3 + compactSize(m.Value)
		}
	case simkit.Array:
		size += 2 + max(len(n.Items)-1, 0)
		for _, item := range n.Items {
			size += compactSize(item)
		}
	}
	return size
}

// checkFields applies all rules on fields, in their stated order.
func (s *sends) checkFields(r *request) *refusal {
	for _, ask := range []func(*request) *refusal{
		checkTarget,
		checkTopic,
		func(r *request) *refusal { return checkReservedKeys(r, s.Switches.String("data.reserved")) },
		checkTTL,
		checkLabels,
		func(r *request) *refusal {
			return checkSize(r, s.Switches.Int("size.max"), s.Switches.String("size.body"))
		},
		checkAPNSSize,
	} {
		if no := ask(r); no != nil {
			return no
		}
	}
	return nil
}
