package phonetest

import (
	"encoding/json"
	"fmt"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// APNs connects iOS phones to the simulator of APNs. Phones of both environments may be connected; the simulator refuses
// what is sent to those of the other one.
func APNs(s *apnstest.Server) Provider { return apnsProvider{s} }

type apnsProvider struct{ server *apnstest.Server }

func (p apnsProvider) Connect(i Installation, deliver func(Message)) (Line, error) {
	err := p.server.Register(apnstest.Token{
		Token: i.Token, Topic: i.AppID, Environment: apnstest.Environment(i.Environment), Online: true,
		Deliver: func(n apnstest.Notification) {
			if wakes(n.Payload) {
				deliver(Message{ID: n.ID, Data: n.Payload, Once: n.Once, ExpiresAt: n.ExpiresAt})
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("apns: %w", err)
	}
	return apnsLine{p.server, i.Token}, nil
}

// wakes tells whether a notification is for the app: content-available 1 in aps ("Pushing background updates to your App").
// Any other is shown by the system, and no code of the app runs for it.
func wakes(payload []byte) bool {
	var body struct {
		APS struct {
			ContentAvailable any `json:"content-available"`
		} `json:"aps"`
	}
	return json.Unmarshal(payload, &body) == nil && body.APS.ContentAvailable == float64(1)
}

type apnsLine struct {
	server *apnstest.Server
	token  string
}

// The errors below say that the token is not known any more, as after a reset of the simulator: nothing is connected then.

func (l apnsLine) SetOnline(online bool) { _ = l.server.SetOnline(l.token, online) }
func (l apnsLine) Uninstall()            { _ = l.server.Uninstall(l.token) }
func (l apnsLine) Close()                { _ = l.server.SetOnline(l.token, false) }
