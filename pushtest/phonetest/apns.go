package phonetest

import (
	"encoding/json"
	"fmt"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// APNs connects iOS phones to the simulator of APNs. Phones of both environments may be connected; the simulator refuses what
// is sent to those of the other environment.
func APNs(s *apnstest.Server) Provider { return apnsProvider{s} }

type apnsProvider struct{ server *apnstest.Server }

func (p apnsProvider) Connect(i Installation, r Receiver) (Line, error) {
	err := p.server.Register(apnstest.Token{
		Token: i.Token, Topic: i.AppID, Environment: apnstest.Environment(i.Environment), Online: true,
		Deliver: func(n apnstest.Notification) {
			if forApp, shows := reads(n.Payload); forApp {
				r.Deliver(Message{ID: n.ID, Data: n.Payload, Once: n.Once, ExpiresAt: n.ExpiresAt, Unfit: unfit(n, shows)})
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("apns: %w", err)
	}
	return apnsLine{p.server, i.Token}, nil
}

// reads reports whether a notification is for the app: content-available 1 in aps ("Pushing background updates to your App").
// The system itself shows any other, and no code of the app runs for it. shows reports whether it has something to show.
func reads(payload []byte) (forApp, shows bool) {
	var body struct {
		APS map[string]any `json:"aps"`
	}
	if json.Unmarshal(payload, &body) != nil {
		return false, false
	}
	for _, key := range []string{"alert", "badge", "sound"} {
		shows = shows || body.APS[key] != nil
	}
	return body.APS["content-available"] == float64(1), shows
}

// unfit returns why a notification does not start an app that is not in the foreground; "": it may. One that shows nothing must
// have priority 5 (WWDC 2019, session 707), and one of type background must show nothing ("Pushing background updates to your
// App"; Apple says that it may be dropped).
func unfit(n apnstest.Notification, shows bool) Reason {
	switch {
	case n.PushType == "background" && shows:
		return NotBackground
	case !shows && n.Priority == 10:
		return WrongPriority
	}
	return ""
}

type apnsLine struct {
	server *apnstest.Server
	token  string
}

// The errors below mean that the token is no longer known, as after a reset of the simulator: nothing is connected then.

func (l apnsLine) SetOnline(online bool) { _ = l.server.SetOnline(l.token, online) }
func (l apnsLine) Uninstall()            { _ = l.server.Uninstall(l.token) }
func (l apnsLine) Close()                { _ = l.server.SetOnline(l.token, false) }

func (l apnsLine) setPowerRestricted(on bool) { _ = l.server.SetPowerRestricted(l.token, on) }
