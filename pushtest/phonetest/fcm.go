package phonetest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/hushpush/hush/pushtest/fcmtest"
)

// FCM connects Android phones to the simulator of FCM.
func FCM(s *fcmtest.Server) Provider { return fcmProvider{s} }

type fcmProvider struct{ server *fcmtest.Server }

func (p fcmProvider) Connect(i Installation, deliver func(Message)) (Line, error) {
	var deleted atomic.Int64
	err := p.server.Register(fcmtest.Token{
		Token: i.Token, Package: i.AppID, Online: true,
		Deliver: func(m fcmtest.Message) {
			data, err := json.Marshal(m.Data)
			if err != nil || (m.Notification && len(m.Data) == 0) {
				return // strings always marshal; a pure notification goes to the tray and never to the app
			}
			deliver(Message{
				ID: m.ID, Data: data, High: m.Priority == fcmtest.High, CollapseKey: m.CollapseKey,
				Once: m.TTL == 0, ExpiresAt: m.SentAt.Add(m.TTL),
			})
		},
		DeletedMessages: func() {
			deliver(Message{ID: "deleted-" + strconv.FormatInt(deleted.Add(1), 10), Deleted: true})
		},
	})
	if err != nil {
		return nil, fmt.Errorf("fcm: %w", err)
	}
	return fcmLine{p.server, i.Token}, nil
}

type fcmLine struct {
	server *fcmtest.Server
	token  string
}

// The errors below say that the token is not known any more, as after a reset of the simulator: nothing is connected then.

func (l fcmLine) SetOnline(online bool) { _ = l.server.SetOnline(l.token, online) }
func (l fcmLine) Uninstall()            { _ = l.server.Uninstall(l.token) }
func (l fcmLine) Close()                { _ = l.server.SetOnline(l.token, false) }
