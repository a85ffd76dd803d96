package api

import (
	"context"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/push"
)

// Limits are the rates at which callers may ask. A zero value is no limit.
type Limits struct {
	NewDevices bucket.Rate // new devices and changes of owner, of each user
	Key        bucket.Rate // requests of each server key
	App        bucket.Rate // requests of all of an app's server keys together
}

// Front is told who has shown a valid secret and who has not.
type Front interface {
	// Known is told that a request has shown a valid secret.
	Known(ctx context.Context)
	// Refused is told that a request from an address showed no valid secret. The fields belong on the answer, which is 429
	// with Retry-After if wait is not 0.
	Refused(remote string) (fields http.Header, wait time.Duration)
}

// openFront limits nobody.
type openFront struct{}

func (openFront) Known(context.Context)                       {}
func (openFront) Refused(string) (http.Header, time.Duration) { return nil, 0 }

// rates are the buckets of Limits.
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

// tooFast is the problem of a caller whose bucket is empty.
func tooFast(detail string, s bucket.State) *refusal {
	return newProblem(http.StatusTooManyRequests, codeRateLimited, detail).after(s.Wait)
}

// withinRates refuses a server key that asks too fast, alone or with the app's others. The root key is of no app.
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

// newDeviceToken is what a registration holds of its user's bucket until it is known whether it needs it.
type newDeviceToken struct {
	api  *API
	user string // "": it holds none
}

// reserveNewDevice reserves a token for a registration that may make a device, or change its owner. A renewal needs none: that is
// one with the device's credential for the same owner. Who has none left may still register what is there already, as an
// import left it.
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

// settle gives the token back unless the registration needed it.
func (t newDeviceToken) settle(r push.Registered, err error) {
	if t.user != "" && (err != nil || !r.New && !r.OwnerChanged) {
		t.api.rates.newDevices.Return(t.user)
	}
}
