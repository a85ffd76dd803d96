package apns

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// maxBodyBytes is APNs' limit for a body that is not VoIP's.
const maxBodyBytes = 4096

const (
	bodyHead = `{"aps":{"content-available":1},"` + protocol.WakeField + `":`
	bodyTail = `}`
)

// usualBodyBytes is what most bodies have room in.
const usualBodyBytes = 1 << 10

// body is the request's body: nothing in aps but content-available, and Hush's part beside it, sealed.
func body(w push.Wake) ([]byte, *push.WakeError) {
	text := append(make([]byte, 0, usualBodyBytes), bodyHead...)
	text, err := h2push.AppendSealedWake(text, w, maxBodyBytes-len(bodyHead)-len(bodyTail))
	if err != nil {
		return nil, err
	}
	return append(text, bodyTail...), nil
}

// request is a wake as APNs gets it, but for who we are (Apple, "Sending notification requests to APNs", and for the
// type and the priority "Pushing background updates to your App").
func request(d push.Device, w push.Wake, now time.Time) (h2push.Request, *push.WakeError) {
	text, err := body(w)
	return h2push.Request{
		Path:      "/3/device/" + url.PathEscape(d.ProviderToken.Reveal()),
		FreshPath: true,
		Header: []h2push.Field{
			{Name: "apns-push-type", Value: "background"},
			{Name: "apns-priority", Value: "5"},
			{Name: "apns-topic", Value: d.BundleID},
			{Name: "apns-id", Value: strings.ToLower(string(w.ID)), Fresh: true},
			{Name: "apns-collapse-id", Value: protocol.WakeField},
			{Name: "apns-expiration", Value: expiration(w.ExpiresAt, now), Fresh: true},
			{Name: "content-type", Value: "application/json"},
		},
		Body: text,
	}, err
}

// authorized is the request with the provider token; none with a certificate.
func authorized(req h2push.Request, token push.Secret) h2push.Request {
	if token != "" {
		header := make([]h2push.Field, 0, len(req.Header)+1)
		req.Header = append(append(header, req.Header...), h2push.Field{Name: "authorization", Value: "bearer " + token.Reveal()})
	}
	return req
}

// expiration is until when APNs may keep the wake, in Unix seconds, rounded up like exp in the payload; 0: not at all, for
// now or never and for what has ended.
func expiration(at, now time.Time) string {
	if at.IsZero() || !at.After(now) {
		return "0"
	}
	return strconv.FormatInt(at.Add(time.Second-time.Nanosecond).Unix(), 10)
}
