package fcmtest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Priority is how urgently a message is delivered: a normal one waits while the phone is in Doze, a high one does not.
type Priority string

// The priorities, as a receiving app reads them. Data messages are normal unless told.
const (
	Normal Priority = "normal"
	High   Priority = "high"
)

// Message is what a phone gets.
type Message struct {
	ID           string            // google.message_id; the same when a message is delivered twice
	RequestID    string            // the send request's id in the ledger
	From         string            // the project's number
	Data         map[string]string // not shared; never nil
	CollapseKey  string            // "" if it has none
	Priority     Priority          // as FCM delivers it
	SentPriority Priority          // as the sender gave it
	TTL          time.Duration     // how long FCM may keep it; 0: now or never
	SentAt       time.Time         // simulated time at which FCM took it
	Stored       bool              // it waited at FCM before it was delivered
	Notification bool              // it has a notification, which in the background goes to the tray and not to the app
	DirectBootOK bool              // it may come before the phone is unlocked after a restart
	APNs         *APNsPush         // of a message to an app on iOS, not shared; nil on Android
}

// request is a send request whose shape fits the schema.
type request struct {
	validateOnly     bool
	token            string
	topic, condition string
	data             []simkit.Member // what an Android device gets: android.data replaces message.data
	dataPath         string          // where data stands, for refusals
	allData          []dataAt        // every data map, for the rules that hold for each
	restricted       string          // android.restricted_package_name
	collapseKey      string
	priority         Priority
	ttlSeconds       int64 // -1 and below: negative
	hasTTL           bool
	directBootOK     bool
	notification     *simkit.Node // message.notification or android.notification; nil if neither
	labels           []labelAt

	apnsPayload       *simkit.Node
	apnsHeaders       []simkit.Member
	plainData         []simkit.Member // message.data, whatever android.data says
	plainNotification *simkit.Node    // message.notification
}

type dataAt struct {
	path    string
	members []simkit.Member
}

type labelAt struct{ path, label string }

// child returns an object's member by its proto name, in either spelling; nil for none and for null.
func child(n *simkit.Node, name string) *simkit.Node {
	v := n.Get(name)
	if v == nil || v.Kind == simkit.Null {
		v = n.Get(camel(name))
	}
	if v == nil || v.Kind == simkit.Null {
		return nil
	}
	return v
}

func str(n *simkit.Node, name string) string {
	if v := child(n, name); v != nil {
		return v.Text
	}
	return ""
}

// newRequest reads what matters out of a tree that parseBody has accepted.
func newRequest(tree *simkit.Node) *request {
	m := child(tree, "message")
	android, apns := child(m, "android"), child(m, "apns")
	r := &request{
		validateOnly: str(tree, "validate_only") == "true",
		token:        str(m, "token"), topic: str(m, "topic"), condition: str(m, "condition"),
		restricted:   str(android, "restricted_package_name"),
		collapseKey:  str(android, "collapse_key"),
		priority:     Normal,
		directBootOK: str(android, "direct_boot_ok") == "true",
		notification: child(m, "notification"),
		apnsPayload:  child(apns, "payload"),
	}
	r.plainNotification = r.notification
	if d := child(m, "data"); d != nil {
		r.plainData = d.Members
	}
	if h := child(apns, "headers"); h != nil {
		r.apnsHeaders = h.Members
	}
	if n := child(android, "notification"); n != nil {
		r.notification = n
	}
	if p := child(android, "priority"); p != nil && enumValue(priorityEnum, p) == "HIGH" {
		r.priority = High
	}
	if t := child(android, "ttl"); t != nil {
		r.ttlSeconds, _ = parseDuration(t)
		r.hasTTL = true
	}
	for _, at := range []struct {
		path string
		in   *simkit.Node
	}{{"message.data", m}, {"message.android.data", android}} {
		if d := child(at.in, "data"); d != nil {
			r.data, r.dataPath = d.Members, at.path
			r.allData = append(r.allData, dataAt{at.path, d.Members})
		}
	}
	for _, at := range []struct {
		path string
		in   *simkit.Node
	}{{"message", m}, {"message.android", android}, {"message.apns", apns}, {"message.webpush", child(m, "webpush")}} {
		if l := child(child(at.in, "fcm_options"), "analytics_label"); l != nil {
			r.labels = append(r.labels, labelAt{at.path + ".fcm_options.analytics_label", l.Text})
		}
	}
	return r
}

// tokenOf returns the device token that a body names, "" if it cannot be told; it is for faults and for the ledger, before any check.
func tokenOf(tree *simkit.Node) string {
	if t := child(child(tree, "message"), "token"); t != nil && t.Kind == simkit.String {
		return t.Text
	}
	return ""
}
