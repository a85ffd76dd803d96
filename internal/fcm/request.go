package fcm

import (
	"strconv"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/jsonstring"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// maxDataBytes is for keys and values of data together. FCM's limit is 4096, but how it counts is not documented, and
// messages near 4000 bytes have been refused.
const maxDataBytes = 4000

// usualBodyBytes is what most bodies have room in.
const usualBodyBytes = 512

// body returns a send's body (Firebase, "projects.messages"), Hush's part sealed. It has no notification, and none can be put in.
func body(d *push.Device, w *push.Wake, now time.Time) ([]byte, *push.WakeError) {
	hush, err := provider.AppendSealedWake(make([]byte, 0, usualBodyBytes), w, maxDataBytes-len(protocol.WakeField))
	if err != nil {
		return nil, err
	}
	text := append(make([]byte, 0, usualBodyBytes), `{"message":{"token":`...)
	text = jsonstring.Append(text, d.ProviderToken.Reveal())
	text = jsonstring.Append(append(text, `,"data":{"`+protocol.WakeField+`":`...), hush)
	text = append(text, `},"android":{"collapse_key":"`+protocol.WakeField+`","priority":"`...)
	text = append(append(text, priority(w.Priority)...), `","ttl":"`...)
	return append(append(text, ttl(w.ExpiresAt, now)...), `"}}}`...), nil
}

// priority returns FCM's word: normal, unless the resource's strategy says high.
func priority(p push.Priority) string {
	if p == push.High {
		return string(push.High)
	}
	return string(push.Normal)
}

// ttl returns how long FCM may keep the message, in whole seconds, rounded up like exp in the payload; "0s", now or never, for a
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
