package apnstest

import (
	"slices"
	"strings"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var rulePushType = Rule{
	Name:    "apns_push_type",
	Text:    "apns-push-type is one of alert, background, voip, complication, fileprovider, location, pushtotalk, liveactivity, widgets, controls, mdm; else 400 InvalidPushType. location needs a provider token (400 TopicDisallowed with a certificate).",
	Source:  `Apple, "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

var rulePushTypeMissing = Rule{
	Name:    "apns_push_type.required",
	Text:    "Whether a request without apns-push-type is refused with 400 InvalidPushType.",
	Source:  `Apple, "Sending notification requests to APNs": required for watchOS 6 and later, recommended elsewhere`,
	Certain: simkit.Uncertain,
	Switch:  "apns_push_type.required",
	Default: "false",
	Varies:  []string{"false", "true"},
}

// suffixOf is what a push type adds to the bundle id in the topic (Apple, "Sending notification requests to APNs").
var suffixOf = map[string]string{
	"alert":        "",
	"background":   "",
	"voip":         ".voip",
	"complication": ".complication",
	"fileprovider": ".pushkit.fileprovider",
	"location":     ".location-query",
	"pushtotalk":   ".voip-ptt",
	"liveactivity": ".push-type.liveactivity",
	"widgets":      ".push-type.widgets",
	"controls":     ".push-type.controls",
	"mdm":          "", // the topic is the UID of the MDM certificate's subject
}

func (c *checks) checkPushType(a *attempt) *refusal {
	vs := a.Values("apns-push-type")
	if len(vs) == 0 {
		if c.Switches.Bool("apns_push_type.required") {
			return refuse(InvalidPushType)
		}
		return nil
	}
	if _, ok := suffixOf[vs[0]]; !ok {
		return refuse(InvalidPushType)
	}
	a.pushType = vs[0]
	return nil
}

var ruleTopicMissing = Rule{
	Name:    "apns_topic",
	Text:    "apns-topic is needed with a provider token and with a certificate for several topics; else 400 MissingTopic. With a certificate for one, that is the topic.",
	Source:  `Apple, "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

var ruleTopicForm = Rule{
	Name:    "apns_topic.form",
	Text:    "How long a topic may be; a longer one, or one of other characters than a bundle id's (letters, digits, hyphens, dots), is 400 BadTopic.",
	Source:  `Apple, "Handling notification responses from APNs": "the apns-topic value is invalid"; CFBundleIdentifier`,
	Certain: simkit.Inferred,
	Switch:  "apns_topic.length",
	Default: "255",
	Least:   1,
	Varies:  []string{"255", "155"},
}

var ruleTopicSuffix = Rule{
	Name:    "apns_topic.suffix",
	Text:    `What a request gets whose topic lacks its push type's suffix, such as .voip: a reason of 400, or "accept".`,
	Source:  `Apple, "Sending notification requests to APNs", wants the suffix and names no reason`,
	Certain: simkit.Uncertain,
	Switch:  "apns_topic.suffix",
	Default: string(BadTopic),
	Words:   []string{string(BadTopic), string(TopicDisallowed), string(DeviceTokenNotForTopic), "accept"},
	Varies:  []string{string(BadTopic), string(TopicDisallowed), string(DeviceTokenNotForTopic)},
}

var ruleTopicAllowed = Rule{
	Name:    "apns_topic.allowed",
	Text:    "A topic that the key's team does not have, or that a topic-specific key does not name, is 400 TopicDisallowed.",
	Source:  `Apple, "Handling notification responses from APNs"; "Establishing a token-based connection to APNs"`,
	Certain: simkit.Documented,
}

var ruleCertificateTopic = Rule{
	Name:    "certificate.topic",
	Text:    "What a topic gets that the client's certificate does not list.",
	Source:  `Apple, "Handling notification responses from APNs": TopicDisallowed; pushy's mock server: BadTopic`,
	Certain: simkit.Uncertain,
	Switch:  "certificate.topic",
	Default: string(TopicDisallowed),
	Words:   []string{string(TopicDisallowed), string(BadTopic)},
	Varies:  []string{string(TopicDisallowed), string(BadTopic)},
}

func (c *checks) checkTopic(a *attempt) *refusal {
	a.fullTopic = a.Get("apns-topic")
	if cert := a.connState.cert; a.fullTopic == "" && a.sign == nil && len(cert.topics) == 1 {
		a.fullTopic = cert.topics[0]
		if !cert.voIP {
			a.fullTopic += suffixOf[a.pushType]
		}
	}
	if a.fullTopic == "" {
		return refuse(MissingTopic)
	}
	if !topicForm.MatchString(a.fullTopic) || len(a.fullTopic) > c.Switches.Int("apns_topic.length") {
		return refuse(BadTopic)
	}
	suffix := suffixOf[a.pushType]
	if a.pushType == "" && strings.HasSuffix(a.fullTopic, suffixOf["voip"]) {
		suffix = suffixOf["voip"] // VoIP pushes are older than push types
	}
	bundle, has := strings.CutSuffix(a.fullTopic, suffix)
	if reason := c.Switches.String("apns_topic.suffix"); (!has || bundle == "") && reason != "accept" {
		return refuse(Reason(reason))
	}
	a.topic = bundle
	if a.sign == nil {
		if !c.access.mayUse(a.connState.cert, bundle, a.fullTopic) {
			return refuse(Reason(c.Switches.String("certificate.topic")))
		}
		if a.pushType == "location" {
			return refuse(TopicDisallowed)
		}
		return nil
	}
	for _, allowed := range [][]string{c.access.topics, a.sign.key.Topics} {
		if len(allowed) > 0 && !slices.Contains(allowed, bundle) && !slices.Contains(allowed, a.fullTopic) {
			return refuse(TopicDisallowed)
		}
	}
	return nil
}

// hasAPS reports whether a payload is what Apple describes: an object with a dictionary aps.
func hasAPS(body []byte) bool {
	n, err := simkit.ParseJSON(body, maxDepth)
	if err != nil || n.Kind != simkit.Object {
		return false
	}
	aps := n.Get("aps")
	return aps != nil && aps.Kind == simkit.Object
}

// maxDepth is how deep a payload may nest where it is read at all.
const maxDepth = 64
