package fcm

import (
	"strconv"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// maxDataBytes is for keys and values of data together. FCM's limit is 4096, but how it counts is not documented, and
// messages near 4000 bytes have been refused.
const maxDataBytes = 4000

// message is a send's body (Firebase, "projects.messages"). It has no notification, and none can be put in.
type message struct {
	Message struct {
		Token   string            `json:"token"`
		Data    map[string]string `json:"data"`
		Android android           `json:"android"`
	} `json:"message"`
}

type android struct {
	CollapseKey string `json:"collapse_key"`
	Priority    string `json:"priority"`
	TTL         string `json:"ttl"`
}

// body is a send's body, Hush's part sealed.
func body(d push.Device, w push.Wake, now time.Time) ([]byte, *push.WakeError) {
	hush, err := h2push.SealedWake(w, maxDataBytes-len(protocol.WakeField))
	if err != nil {
		return nil, err
	}
	var m message
	m.Message.Token = d.ProviderToken.Reveal()
	m.Message.Data = map[string]string{protocol.WakeField: string(hush)}
	m.Message.Android = android{CollapseKey: protocol.WakeField, Priority: priority(w.Priority), TTL: ttl(w.ExpiresAt, now)}
	return h2push.EncodeJSON(m), nil
}

// priority is FCM's: normal, unless the resource's strategy says high.
func priority(p push.Priority) string {
	if p == push.High {
		return string(push.High)
	}
	return string(push.Normal)
}

// ttl is how long FCM may keep the message, in whole seconds, rounded up like exp in the payload; "0s", now or never, for a
// wake that does not expire.
func ttl(expiresAt, now time.Time) string {
	left := time.Duration(0)
	if !expiresAt.IsZero() {
		left = min(max(expiresAt.Sub(now), 0), push.MaxTTL)
	}
	return strconv.FormatInt(int64((left+time.Second-time.Nanosecond)/time.Second), 10) + "s"
}

func (s *sender) request(body []byte, token push.Secret) h2push.Request {
	return h2push.Request{
		Path: s.path,
		Header: []h2push.Field{
			{Name: "authorization", Value: "Bearer " + token.Reveal()},
			{Name: "content-type", Value: "application/json"},
		},
		Body: body,
	}
}
