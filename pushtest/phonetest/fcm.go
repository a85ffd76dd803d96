package phonetest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/hushpush/hush/pushtest/fcmtest"
)

// FCM connects Android phones to the simulator of FCM. The simulator keeps what comes for a phone in Doze, or for one that is
// locked after a restart, and drops what comes for an app that was force-stopped; its ledger, the state of its tokens and the
// phone's record all say so.
func FCM(s *fcmtest.Server) Provider { return fcmProvider{s} }

type fcmProvider struct{ server *fcmtest.Server }

func (p fcmProvider) Connect(i Installation, r Receiver) (Line, error) {
	var deleted atomic.Int64
	err := p.server.Register(fcmtest.Token{
		Token: i.Token, Package: i.AppID, Online: true,
		Deliver: func(m fcmtest.Message) {
			r.Deliver(fromFCM(m))
		},
		DeletedMessages: func() {
			r.Deliver(Message{ID: "deleted-" + strconv.FormatInt(deleted.Add(1), 10), Deleted: true})
		},
		Ready: func(m fcmtest.Message) fcmtest.Readiness {
			did, why := r.Admits(Message{ID: m.ID, High: m.Priority == fcmtest.High, DirectBoot: m.DirectBootOK})
			switch {
			case did == Dropped:
				return fcmtest.Stopped
			case why == IsLocked:
				return fcmtest.Locked
			case did == Held:
				return fcmtest.Dozes
			}
			return fcmtest.Ready
		},
		NotDelivered: func(m fcmtest.Message, fate fcmtest.Fate, why string) {
			notDelivered(r, fromFCM(m), fate, why)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("fcm: %w", err)
	}
	return fcmLine{p.server, i.Token}, nil
}

// fromFCM returns a message as the phone gets it. One with a notification goes to the tray, unless the app is in the foreground (FCM,
// "Receive messages in an Android app").
func fromFCM(m fcmtest.Message) Message {
	data, err := json.Marshal(m.Data)
	if err != nil {
		panic("phonetest: a map of strings does not marshal: " + err.Error())
	}
	message := Message{
		ID: m.ID, Data: data, High: m.Priority == fcmtest.High, CollapseKey: m.CollapseKey,
		Once: m.TTL == 0, ExpiresAt: m.SentAt.Add(m.TTL), DirectBoot: m.DirectBootOK, admitted: true,
	}
	if m.Notification {
		message.Unfit = InTray
	}
	return message
}

// lostAt has the phone's reason for each of FCM's that the phone's record has a word for.
var lostAt = map[string]Reason{
	fcmtest.Collapsed:      Replaced,
	fcmtest.DroppedTooMany: TooMany,
	fcmtest.DroppedExpired: PushExpired,
	fcmtest.DroppedRetired: HeldLost,
	fcmtest.DroppedGone:    HeldLost,
}

// notDelivered tells the phone about a message that it could not take. The phone does not learn of a message that waits for
// another reason, such as that the phone is off-line.
func notDelivered(r Receiver, m Message, fate fcmtest.Fate, why string) {
	switch {
	case fate == fcmtest.Waits && why == fcmtest.DelayedDoze:
		r.NotDelivered(m, Held, Dozing)
	case fate == fcmtest.Waits && why == fcmtest.DelayedLocked:
		r.NotDelivered(m, Held, IsLocked)
	case fate == fcmtest.Lost && why == fcmtest.DroppedStopped:
		_, reason := r.Admits(m) // it may have been opened since
		if reason != WasNeverRun {
			reason = WasForceStopped
		}
		r.NotDelivered(m, Dropped, reason)
	case fate == fcmtest.Lost && lostAt[why] != "":
		r.NotDelivered(m, Dropped, lostAt[why])
	}
}

type fcmLine struct {
	server *fcmtest.Server
	token  string
}

// The errors below mean that the token is no longer known, as after a reset of the simulator: nothing is connected then.

func (l fcmLine) SetOnline(online bool) { _ = l.server.SetOnline(l.token, online) }
func (l fcmLine) Uninstall()            { _ = l.server.Uninstall(l.token) }
func (l fcmLine) Close()                { _ = l.server.SetOnline(l.token, false) }

func (l fcmLine) look() (waits bool) {
	waits, _ = l.server.Look(l.token)
	return waits
}
