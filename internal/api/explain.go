package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func (a *API) explainRoutes() {
	register(a, route{id: "explainDevice", method: http.MethodGet, path: "/v1/apps/{app}/devices/{device}/explain", tag: chapterUsers, needs: needsRead,
		summary: "Explain why a device gets what it gets, or nothing",
		about:   "In a few sentences and as facts. A device that was unregistered is explained for 30 days."}, a.explainDevice)
}

func (a *API) explainDevice(ctx context.Context, c *call, in *DevicePath) (*rest.Answer[protocol.Explanation], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	credentials, err := a.Store.Credentials(ctx, in.App)
	if err != nil {
		return nil, err
	}
	x, err := a.Delivery.Explain(ctx, in.device(in.Device), func(p push.Provider) bool {
		return slices.ContainsFunc(credentials, func(c push.CredentialInfo) bool { return c.Provider == p })
	})
	if err != nil {
		return nil, missing(err, "device", in.Device)
	}
	return rest.NewAnswer(http.StatusOK, explanationBody(x)), nil
}

func explanationBody(x push.Explanation) protocol.Explanation {
	d := x.Device
	body := protocol.Explanation{
		DeviceID: d.ID, User: d.User, Platform: d.Platform, Text: x.Text(), Registered: d.Registered(), Token: tokenBody(d),
		Wakes: listOf(x.Wakes, wakeBody), Waits: listOf(x.Waits, waitBody),
	}
	if !d.Registered() {
		body.UnregisteredAt = timeOrNone(d.UpdatedAt)
		return body
	}
	body.Credential = &protocol.CredentialStanding{State: x.Credential.State, Reason: x.Credential.Reason, Until: timeOrNone(x.Credential.Until)}
	if len(d.CredentialHash) > 0 {
		body.LastSeenAt = timeOrNone(d.HeardAt)
	}
	body.SessionSince, body.WakesLastHour, body.Budget, body.Open = timeOrNone(x.SessionSince), x.WakesLastHour, budgetBody(x.Budget), x.Open
	return body
}

func tokenBody(d push.Device) protocol.TokenStanding {
	body := protocol.TokenStanding{State: d.Token}
	if d.Token == push.TokenOK {
		body.Since = timeOrNone(d.TokenAt)
		return body
	}
	l := d.TokenLoss
	body.Since, body.Reason, body.Provider, body.Status = timeOrNone(l.At), string(l.Reason), l.Provider, l.Status
	body.WakeID, body.PushID = string(l.WakeID), string(l.PushID)
	return body
}

func wakeBody(w push.WakeResult) protocol.WakeResult {
	return protocol.WakeResult{WakeID: string(w.WakeID), At: w.At.UTC(), Provider: w.Provider, Status: w.Status, Reason: w.Reason, Error: w.Error, Received: w.Received}
}

func waitBody(w push.Wait) protocol.Wait {
	return protocol.Wait{State: w.State, Reason: w.Reason, Count: w.Count, OldestAt: w.OldestAt.UTC()}
}
