package demo

import (
	"slices"

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
	user     string // "": made of the others
	left     bool   // nobody opens the app for the push: it still waits at the end
}

// completions returns how often the push's handler is to complete.
func (s spec) completions() int {
	if s.left {
		return 0
	}
	return 1
}

// name returns the name of the phone and of its user.
func (s spec) name() string {
	if s.user != "" {
		return s.user
	}
	return string(s.platform) + "-" + s.state + "-" + s.resource
}

// rows returns the states of the design's table "What must happen, by platform and app state": each with a resource for the
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
			ios = append(ios, spec{platform: phonetest.IOS, state: s.state, resource: iosOnly, want: *s.ios}, spec{platform: phonetest.IOS, state: s.state, resource: both, want: *s.ios})
		}
		if s.android != nil {
			android = append(android, spec{platform: phonetest.Android, state: s.state, resource: fcmOnly, want: *s.android}, spec{platform: phonetest.Android, state: s.state, resource: both, want: *s.android})
		}
	}
	none := want{push.PathInbox, through, "no_strategy"}
	ios = append(ios, spec{platform: phonetest.IOS, state: "background", resource: fcmOnly, want: none})
	android = append(android, spec{platform: phonetest.Android, state: "background", resource: iosOnly, want: none})
	return append(ios, android...)
}

// story returns the eight rows of Options.Story: each way that a push can take, under the resource for both providers. One
// phone is left as it is, so that its push waits.
func story() []spec {
	chosen := []string{
		"ios-foreground-both", "ios-foreground-dead-socket-both", "ios-suspended-both", "ios-terminated-both",
		"android-suspended-both", "android-doze-both", "android-terminated-both", "android-force-stopped-both",
	}
	specs := slices.DeleteFunc(rows(), func(s spec) bool { return !slices.Contains(chosen, s.name()) })
	for i, s := range specs {
		specs[i].left = s.platform == phonetest.IOS && s.state == "terminated"
	}
	return specs
}
