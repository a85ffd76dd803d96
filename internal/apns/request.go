package apns

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
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
const usualBodyBytes = 512

// body returns the request's body: nothing in aps but content-available, and Hush's part beside it, sealed.
func body(w *push.Wake) ([]byte, *push.WakeError) {
	text := append(make([]byte, 0, usualBodyBytes), bodyHead...)
	text, err := provider.AppendSealedWake(text, w, maxBodyBytes-len(bodyHead)-len(bodyTail))
	if err != nil {
		return nil, err
	}
	return append(text, bodyTail...), nil
}

var errBundleID = errors.New("no topic can be named like the device's bundle id")

// requestFields is how many header fields a request has, with the provider token.
const requestFields = 8

// request returns a wake as APNs gets it, but for our credential (Apple, "Sending notification requests to APNs", and for the
// type and the priority "Pushing background updates to your App").
func request(d *push.Device, w *push.Wake, now time.Time) (provider.Request, *push.WakeError) {
	if !h2push.ValidValue(d.BundleID) {
		return provider.Request{}, &push.WakeError{Fault: push.FaultPush, Reason: "BadTopic", Err: errBundleID}
	}
	text, err := body(w)
	return provider.Request{
		Environment: d.Environment, Token: d.ProviderToken, Attempt: w.Attempt,
		Request: h2push.Request{
			Path:      "/3/device/" + url.PathEscape(d.ProviderToken.Reveal()),
			FreshPath: true,
			Header: append(make([]h2push.Field, 0, requestFields),
				h2push.Field{Name: "apns-push-type", Value: "background"},
				h2push.Field{Name: "apns-priority", Value: "5"},
				h2push.Field{Name: "apns-topic", Value: d.BundleID},
				h2push.Field{Name: "apns-id", Value: strings.ToLower(string(w.ID)), Fresh: true},
				h2push.Field{Name: "apns-collapse-id", Value: protocol.WakeField},
				h2push.Field{Name: "apns-expiration", Value: expiration(w.ExpiresAt, now), Fresh: true},
				h2push.Field{Name: "content-type", Value: "application/json"},
			),
			Body: text,
		},
	}, err
}

// authorized returns the request with the provider token, or as it is with a certificate. What authorized returned for the same
// request before is not valid any more.
func authorized(req h2push.Request, token push.Secret) h2push.Request {
	if token != "" {
		req.Header = append(req.Header, h2push.Field{Name: "authorization", Value: "bearer " + token.Reveal()})
	}
	return req
}

// expiration returns until when APNs may keep the wake, in Unix seconds, rounded up like exp in the payload; 0: not at all, for
// now or never and for what has ended.
func expiration(at, now time.Time) string {
	if at.IsZero() || !at.After(now) {
		return "0"
	}
	return strconv.FormatInt(at.Add(time.Second-time.Nanosecond).Unix(), 10)
}
