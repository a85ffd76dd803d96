package demo

import (
	"github.com/hushpush/hush/examples/notes"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// The app's resources: a strategy for one provider, for the other, for both.
const (
	iosOnly = "ios-only"
	fcmOnly = "fcm-only"
	both    = "both"
)

// The states of rows that are more than a state of the app.
const (
	foreground = "foreground"
	deadSocket = "foreground-dead-socket" // the app is open, its socket is dead, and neither side knows
	doze       = "doze"
)

// Row is one phone and what became of its push; its JSON is a line of hush demo --json.
type Row struct {
	Scene    string      `json:"scene"`
	Platform string      `json:"platform"`
	State    string      `json:"state"`
	Resource string      `json:"resource"`
	Path     push.Path   `json:"path"`     // how the handler finally got it
	Callback string      `json:"callback"` // the handler that ran
	Result   push.Result `json:"result"`
	Reason   string      `json:"reason"` // what kept it from running before; "" if nothing did
	MS       int64       `json:"ms"`     // from the 202 to the receipt
	Log      string      `json:"log"`    // Android terminated: what the handler printed, from the device log
	Expected bool        `json:"expected"`
}

// want is how a push is to arrive.
type want struct {
	path     push.Path
	callback string
	reason   string
}

// spec is a row before its push is sent.
type spec struct {
	platform phonetest.Platform
	state    string
	resource string
	want     want
}

// name is the phone's, and its user's.
func (s spec) name() string { return string(s.platform) + "-" + s.state + "-" + s.resource }

// rows are the states of the design's table "What must happen, by platform and app state": each with a resource for the
// phone's provider alone and one for both; and in the background one that has no strategy for the phone.
func rows() []spec {
	through, background := notes.OnThroughMessageReceived, notes.BackgroundMessageHandler
	states := []struct {
		state        string
		ios, android *want
	}{
		{foreground, &want{push.PathSession, through, ""}, &want{push.PathSession, through, ""}},
		{deadSocket, &want{push.PathAPNs, through, "ack_timeout"}, &want{push.PathFCM, through, "ack_timeout"}},
		{"background", &want{push.PathAPNs, background, ""}, &want{push.PathFCM, background, ""}},
		{"suspended", &want{push.PathAPNs, background, ""}, &want{push.PathFCM, background, ""}},
		{"reclaimed", &want{push.PathAPNs, background, ""}, nil},
		{doze, nil, &want{push.PathFCM, background, "doze"}},
		{"terminated", &want{push.PathInbox, through, "terminated_by_user"}, &want{push.PathFCM, background, ""}},
		{"force-stopped", nil, &want{push.PathInbox, through, "force_stopped"}},
	}
	var ios, android []spec
	for _, s := range states {
		if s.ios != nil {
			ios = append(ios, spec{phonetest.IOS, s.state, iosOnly, *s.ios}, spec{phonetest.IOS, s.state, both, *s.ios})
		}
		if s.android != nil {
			android = append(android, spec{phonetest.Android, s.state, fcmOnly, *s.android}, spec{phonetest.Android, s.state, both, *s.android})
		}
	}
	none := want{push.PathInbox, through, "no_strategy"}
	ios = append(ios, spec{phonetest.IOS, "background", fcmOnly, none})
	android = append(android, spec{phonetest.Android, "background", iosOnly, none})
	return append(ios, android...)
}
