package apnstest

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

const devicePath = "/3/device/"

var ruleMethod = Rule{
	Name:    "method",
	Text:    "POST only; else 405 MethodNotAllowed.",
	Source:  `Apple, "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

func (c *checks) checkMethod(a *attempt) *refusal {
	if a.Method != "POST" {
		return refuse(MethodNotAllowed)
	}
	return nil
}

var rulePath = Rule{
	Name:    "path",
	Text:    "/3/device/<token>; no token is 400 MissingDeviceToken, anything else 404 BadPath.",
	Source:  `Apple, "Handling notification responses from APNs"`,
	Certain: simkit.Documented,
}

func (c *checks) checkPath(a *attempt) *refusal {
	rest, ok := strings.CutPrefix(a.Path, devicePath)
	switch {
	case a.Path == strings.TrimSuffix(devicePath, "/"), ok && rest == "":
		return refuse(MissingDeviceToken)
	case !ok, strings.ContainsAny(rest, "/?#"):
		return refuse(BadPath)
	}
	return nil
}

var ruleBroadcast = Rule{
	Name:    "path.broadcast",
	Text:    "Broadcasts (/4/broadcasts/apps/…) and their channels (/1/apps/…/channels, …/all-channels) are not simulated: they are for Live Activities alone. They get 404 BadPath, whatever the method.",
	Source:  `Apple, "Sending broadcast push notification requests to APNs"`,
	Certain: simkit.Inferred,
	Fixed:   "there is nothing to choose from where nothing is simulated",
}

func (c *checks) checkBroadcast(a *attempt) *refusal {
	if strings.HasPrefix(a.Path, "/4/broadcasts/") || strings.HasPrefix(a.Path, "/1/apps/") {
		return refuse(BadPath)
	}
	return nil
}

var ruleOtherHeaders = Rule{
	Name:    "headers.other",
	Text:    "Headers that APNs has no use for are taken and ignored: content-type, content-length, user-agent, accept-encoding, apns-channel-id and the like. A body is never unpacked.",
	Source:  `Apple, "Sending notification requests to APNs": the body is not compressed; seen on the wire with sideshow/apns2`,
	Certain: simkit.Observed,
}

var ruleDuplicates = Rule{
	Name:    "headers.repeated",
	Text:    "A header that comes twice is 400 DuplicateHeaders, whatever its values.",
	Source:  `Apple, "Handling notification responses from APNs"`,
	Certain: simkit.Documented,
}

func (c *checks) checkDuplicates(a *attempt) *refusal {
	seen := make(map[string]bool, len(a.Header))
	for _, f := range a.Header {
		if seen[f.Name] {
			return refuse(DuplicateHeaders)
		}
		seen[f.Name] = true
	}
	return nil
}

var ruleMessageID = Rule{
	Name:    "apns_id",
	Text:    "apns-id is a UUID in canonical form; else 400 BadMessageId. It comes back with every answer; without one, or with a bad one, a new one does.",
	Source:  `Apple, "Sending notification requests to APNs"; pushy's mock server`,
	Certain: simkit.Documented,
}

var ruleMessageIDCase = Rule{
	Name:    "apns_id.case",
	Text:    `Hex digits of apns-id: "any" case, or "lower" only.`,
	Source:  "Apple says 32 lower-case digits; clients send upper-case ones and are not refused",
	Certain: simkit.Uncertain,
	Switch:  "apns_id.case",
	Default: "any",
	Words:   []string{"any", "lower"},
	Varies:  []string{"any", "lower"},
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// readMessageID settles which id is answered; that holds for every refusal too, so it comes before all checks.
func (c *checks) readMessageID(a *attempt) {
	ids := a.Values("apns-id")
	if len(ids) > 0 && uuidForm.MatchString(ids[0]) {
		lower := ids[0] == strings.ToLower(ids[0])
		if lower || c.Switches.String("apns_id.case") == "any" {
			a.apnsID = ids[0]
			return
		}
	}
	a.apnsID, a.badID = newID(), len(ids) > 0
}

func (c *checks) checkMessageID(a *attempt) *refusal {
	if a.badID {
		return refuse(BadMessageID)
	}
	return nil
}

var ruleExpiration = Rule{
	Name:    "apns_expiration",
	Text:    "apns-expiration is UNIX seconds: 0 means one attempt and no storage. Not a whole number, or negative: 400 BadExpirationDate. It is the sender's time, so the time left is measured by real time when the request comes, and then runs by simulated time.",
	Source:  `Apple, "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

// farFuture is later than anything waits. What is beyond it is as good; package time cannot count up to the largest numbers.
const farFuture = 1 << 40

func (c *checks) checkExpiration(a *attempt) *refusal {
	vs := a.Values("apns-expiration")
	if len(vs) == 0 {
		return nil
	}
	n, err := strconv.ParseUint(vs[0], 10, 63)
	if err != nil {
		return refuse(BadExpirationDate)
	}
	at := time.Unix(int64(min(n, farFuture)), 0).UTC()
	a.expiration = &at
	return nil
}

var rulePriority = Rule{
	Name:    "apns_priority",
	Text:    "apns-priority is 10 (at once; the default), 5 or 1; else 400 BadPriority.",
	Source:  `Apple, "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

var ruleBackgroundPriority = Rule{
	Name:    "background.priority",
	Text:    `A background push must have priority 5. One with 10 is taken ("accept"; the phone does not start the app for it) or refused ("refuse", 400 BadPriority).`,
	Source:  `Apple, "Sending notification requests to APNs": "an error", without a reason; WWDC 2019, session 707: the app is not launched`,
	Certain: simkit.Uncertain,
	Switch:  "background.priority",
	Default: "accept",
	Words:   []string{"accept", "refuse"},
	Varies:  []string{"accept", "refuse"},
}

func (c *checks) checkPriority(a *attempt) *refusal {
	a.priority = 10
	if vs := a.Values("apns-priority"); len(vs) > 0 {
		switch vs[0] {
		case "10":
		case "5":
			a.priority = 5
		case "1":
			a.priority = 1
		default:
			return refuse(BadPriority)
		}
	}
	if a.pushType == "background" && a.priority == 10 && c.Switches.String("background.priority") == "refuse" {
		return refuse(BadPriority)
	}
	return nil
}

var ruleCollapseID = Rule{
	Name:    "apns_collapse_id",
	Text:    "apns-collapse-id has at most 64 bytes (not characters); else 400 BadCollapseId.",
	Source:  `Apple, "Sending notification requests to APNs"; pushy's mock server`,
	Certain: simkit.Documented,
}

func (c *checks) checkCollapseID(a *attempt) *refusal {
	if a.collapseID = a.Get("apns-collapse-id"); len(a.collapseID) > 64 {
		return refuse(BadCollapseID)
	}
	return nil
}

var rulePayload = Rule{
	Name:    "payload.size",
	Text:    "The body has 1 to 4096 bytes, for voip to 5120: 400 PayloadEmpty, 413 PayloadTooLarge.",
	Source:  `Apple, "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

var rulePayloadJSON = Rule{
	Name:    "payload.json",
	Text:    `A body that is no JSON object with an aps dictionary is taken ("accept"), or refused ("refuse", 400 PayloadEmpty).`,
	Source:  "no reason is listed for it; pushy's mock server takes {}",
	Certain: simkit.Uncertain,
	Switch:  "payload.json",
	Default: "accept",
	Words:   []string{"accept", "refuse"},
	Varies:  []string{"accept", "refuse"},
}

const (
	maxPayload     = 4096
	maxVoIPPayload = 5120
)

func (c *checks) checkPayload(a *attempt) *refusal {
	most := maxPayload
	if a.pushType == "voip" || a.pushType == "" && strings.HasSuffix(a.fullTopic, suffixOf["voip"]) {
		most = maxVoIPPayload
	}
	switch {
	case len(a.Body) == 0:
		return refuse(PayloadEmpty)
	case len(a.Body) > most:
		return refuse(PayloadTooLarge)
	case c.Switches.String("payload.json") == "refuse" && !hasAPS(a.Body):
		return refuse(PayloadEmpty)
	}
	return c.checkMismatch(a)
}
