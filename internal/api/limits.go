package api

import (
	"context"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/push"
)

// Limits are the request rates of callers. The zero value of a rate is no limit.
type Limits struct {
	NewDevices bucket.Rate // new devices and changes of owner, for each user
	Key        bucket.Rate // requests, for each server key
	App        bucket.Rate // requests of all server keys of an app together
}

// Front learns which requests show a valid secret.
type Front interface {
	// Known reports a request that has shown a valid secret.
	Known(ctx context.Context)
	// Refused reports a request without a valid secret. Add fields to the answer. If wait is not 0, the answer must be 429 with
	// this Retry-After.
	Refused(remote string) (fields http.Header, wait time.Duration)
}

// openFront limits nobody.
type openFront struct{}

func (openFront) Known(context.Context)                       {}
func (openFront) Refused(string) (http.Header, time.Duration) { return nil, 0 }

// rates holds the buckets of Limits.
type rates struct {
	newDevices, keys, apps *bucket.Buckets
}

func newRates(l Limits, now func() time.Time) rates {
	return rates{bucket.New(l.NewDevices, now), bucket.New(l.Key, now), bucket.New(l.App, now)}
}

// The names of the policies in RateLimit fields.
const (
	policyNewDevices = "new-devices"
	policyKey        = "key"
	policyApp        = "app"
)

// tooFast returns the problem for a caller whose bucket is empty.
func tooFast(detail string, s bucket.State) *refusal {
	return newProblem(http.StatusTooManyRequests, codeRateLimited, detail).after(s.Wait)
}

// withinRates refuses a server key that sends too many requests, alone or together with the others of its app. The root key has
// no app.
func (a *API) withinRates(h http.Header, who caller) error {
	if who.key.ID == "" {
		return nil
	}
	s := a.rates.keys.Take(who.key.ID)
	a.rates.keys.AddFields(h, policyKey, s)
	if !s.OK {
		return tooFast("this key asks too fast; come back later", s)
	}
	if who.key.App == "" {
		return nil
	}
	s = a.rates.apps.Take(who.key.App)
	a.rates.apps.AddFields(h, policyApp, s)
	if !s.OK {
		return tooFast("the app's keys together ask too fast; come back later", s)
	}
	return nil
}

// newDeviceToken is a token reserved from a user's bucket until the registration shows whether it needs it.
type newDeviceToken struct {
	api  *API
	user string // "": no token is reserved
}

// reserveNewDevice reserves a token for a registration that may create a device or change its owner. A renewal (same device
// credential, same owner) needs no token. A user whose bucket is empty may still register a device that already exists, such as
// an imported one.
func (a *API) reserveNewDevice(ctx context.Context, c *call, device string) (newDeviceToken, error) {
	user := c.claims.User
	if user == "" || (c.device.ID == device && c.device.User == user) {
		return newDeviceToken{}, nil
	}
	name := c.app + "/" + user
	s := a.rates.newDevices.Take(name)
	a.rates.newDevices.AddFields(c.header, policyNewDevices, s)
	if s.OK {
		return newDeviceToken{a, name}, nil
	}
	known, err := a.Store.Device(ctx, push.DeviceKey{App: c.app, Device: device})
	if err == nil && known.User == user {
		return newDeviceToken{}, nil
	}
	return newDeviceToken{}, tooFast("this user has registered many new devices; come back later", s)
}

// settle returns the token unless the registration needed it.
func (t newDeviceToken) settle(r push.Registered, err error) {
	if t.user != "" && (err != nil || !r.New && !r.OwnerChanged) {
		t.api.rates.newDevices.Return(t.user)
	}
}
