package fcmtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Platform is what a token's app runs on.
type Platform string

// The platforms, as the control API spells them.
const (
	Android Platform = "android"
	IOS     Platform = "ios" // FCM hands its messages to APNs
)

// APNsPush is what FCM has APNs deliver to an app on iOS.
type APNsPush struct {
	Headers map[string]string // names in lower case, with FCM's defaults where the sender gives none
	Payload []byte            // the whole body
}

var ruleIOS = Rule{
	Name: "ios",
	Text: "A token that is registered with platform ios is that of an app on iOS, its package the bundle id. Its messages go to APNs with " +
		"apns.headers and apns.payload, message.notification as the alert unless aps has one, and message.data as keys beside aps; " +
		"nothing of android counts, nor does webpush. A data message whose aps lacks content-available is taken, and wakes no app. " +
		"live_activity_token is taken and not used.",
	Source:  "FCM discovery document v1 (ApnsConfig); firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan; firebase/quickstart-ios issues 246 and 1066",
	Certain: simkit.Observed,
}

var ruleIOSDefaults = Rule{
	Name:    "ios.defaults",
	Text:    "Without its header, a message to iOS has apns-expiration in 30 days, apns-priority 10, and the bundle id as apns-topic.",
	Source:  "FCM discovery document v1 (ApnsConfig.headers); the topic is inferred",
	Certain: simkit.Documented,
}

var ruleIOSKeys = Rule{
	Name:    "ios.own_keys",
	Text:    "FCM puts keys of its own beside aps (gcm.message_id, google.c.sender.id, google.c.fid, google.c.a.e), which count against the 4096 bytes.",
	Source:  "seen in practice, not documented",
	Certain: simkit.Uncertain,
	Switch:  "ios.own_keys",
	Default: "true",
	Varies:  []string{"true", "false"},
}

// iosOwn returns the keys that FCM adds; nil if the switch says that it adds none.
func (s *sends) iosOwn(messageID string, d *device) map[string]string {
	if !s.Switches.Bool("ios.own_keys") {
		return nil
	}
	fid, _, _ := strings.Cut(d.Token.Token, ":")
	return map[string]string{"gcm.message_id": messageID, "google.c.sender.id": s.project.number, "google.c.fid": clip(fid), "google.c.a.e": "1"}
}

// apnsPush makes APNs' request of a message to an app on iOS.
func (s *sends) apnsPush(r *request, d *device, messageID string) *APNsPush {
	p := &APNsPush{Headers: map[string]string{
		"apns-expiration": strconv.FormatInt(time.Now().Add(maxIOSStorage).Unix(), 10), "apns-priority": "10", "apns-topic": d.Package,
	}}
	for _, h := range r.apnsHeaders {
		p.Headers[strings.ToLower(h.Name)] = h.Value.Text
	}
	p.Payload = iosBody(r, s.iosOwn(messageID, d))
	return p
}

// maxIOSStorage is how long APNs keeps a notification at most, and FCM asks it to.
const maxIOSStorage = 30 * 24 * time.Hour

// ttl returns how long APNs may keep the message: 0 is now or never. A sender's expiration is real time.
func (p *APNsPush) ttl() time.Duration {
	at, err := strconv.ParseInt(p.Headers["apns-expiration"], 10, 64)
	if err != nil || at == 0 {
		return 0
	}
	return min(max(time.Until(time.Unix(at, 0)).Round(time.Second), 0), maxIOSStorage)
}

// iosBody returns the JSON that APNs gets: the sender's payload, and beside it what it does not have itself.
func iosBody(r *request, own map[string]string) []byte {
	root := &simkit.Node{Kind: simkit.Object}
	if r.apnsPayload != nil {
		root.Members = slices.Clone(r.apnsPayload.Members)
	}
	if n := r.plainNotification; n != nil {
		addAlert(root, n)
	}
	add := func(name string, value *simkit.Node) {
		if root.Get(name) == nil {
			root.Members = append(root.Members, simkit.Member{Name: name, Value: value})
		}
	}
	for _, m := range r.plainData {
		add(m.Name, m.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		add(name, &simkit.Node{Kind: simkit.String, Text: own[name]})
	}
	var b bytes.Buffer
	writeNode(&b, root)
	return b.Bytes()
}

// addAlert puts a notification's words into aps, unless the payload has an alert there.
func addAlert(root, notification *simkit.Node) {
	alert := &simkit.Node{Kind: simkit.Object}
	for _, name := range []string{"title", "body"} {
		if v := child(notification, name); v != nil {
			alert.Members = append(alert.Members, simkit.Member{Name: name, Value: v})
		}
	}
	aps := &simkit.Node{Kind: simkit.Object}
	if old := root.Get("aps"); old != nil {
		aps.Members = slices.Clone(old.Members)
	}
	if aps.Get("alert") == nil {
		aps.Members = append(aps.Members, simkit.Member{Name: "alert", Value: alert})
	}
	root.Members = slices.DeleteFunc(root.Members, func(m simkit.Member) bool { return m.Name == "aps" })
	root.Members = append(root.Members, simkit.Member{Name: "aps", Value: aps})
}

// writeNode writes a value as JSON without white space, its members in their order.
func writeNode(b *bytes.Buffer, n *simkit.Node) {
	switch n.Kind {
	case simkit.Object:
		b.WriteByte('{')
		for i, m := range n.Members {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, m.Name)
			b.WriteByte(':')
			writeNode(b, m.Value)
		}
		b.WriteByte('}')
	case simkit.Array:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeNode(b, item)
		}
		b.WriteByte(']')
	case simkit.String:
		writeText(b, n.Text)
	case simkit.Null:
		b.WriteString("null")
	default:
		b.WriteString(n.Text)
	}
}

func writeText(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("fcmtest: a string does not marshal: " + err.Error())
	}
	b.Truncate(b.Len() - 1) // the encoder ends with a line break
}

var ruleIOSCredentials = Rule{
	Name: "ios.credentials",
	Text: `The project's APNs key: "good"; "missing" or "wrong": a message to iOS is refused with 401 UNAUTHENTICATED and the FcmError ` +
		`THIRD_PARTY_AUTH_ERROR, and for a wrong one with an ApnsError (403 InvalidProviderToken). No token is dead for that.`,
	Source:  "firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode; the ApnsError from practice",
	Certain: simkit.Uncertain,
	Switch:  "ios.credentials",
	Default: "good",
	Words:   []string{"good", "missing", "wrong"},
	Fixed:   "it is a state of the project, not an open question",
}

func (s *sends) checkIOSCredentials() *refusal {
	no := &refusal{status: http.StatusUnauthorized, message: codeMessage[ThirdPartyAuth], code: ThirdPartyAuth}
	switch s.Switches.String("ios.credentials") {
	case "good":
		return nil
	case "wrong":
		no.apns = &apnsError{403, "InvalidProviderToken"}
	}
	return no
}
