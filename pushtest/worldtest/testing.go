package worldtest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// Option changes what New starts.
type Option func(*Config)

// Set sets a switch of either provider or of the phones, as --set does; Rules lists them.
func Set(name, value string) Option {
	return func(c *Config) { c.Set = append(c.Set, name+"="+value) }
}

// Seed varies what is left open, as --seed does.
func Seed(seed uint64) Option { return func(c *Config) { c.Seed = seed } }

// Control serves the control API as well, on a free loopback port (ControlAddr).
func Control() Option { return func(c *Config) { c.Control = "127.0.0.1:0" } }

// AppID sets the bundle id and package of the app on all phones; the default is DefaultAppID.
func AppID(id string) Option { return func(c *Config) { c.AppID = id } }

// AllEvents sends the app its launches, states and tokens too, not only pushes.
func AllEvents() Option { return func(c *Config) { c.AllEvents = true } }

// Files writes ca.pem and the senders' credentials into dir: key.p8, a client certificate for the app, service-account.json.
func Files(dir string) Option {
	return func(c *Config) {
		c.APNs.CertDir, c.FCM.CertDir, c.FCM.ServiceAccount = dir, dir, dir+"/service-account.json"
		c.APNs.Keys = []apnstest.Key{{File: dir + "/key.p8"}}
	}
}

// Wait is how long the methods that wait for a condition wait for it before they fail the test.
const Wait = 30 * time.Second

// New starts a world on free loopback ports for the length of a test; app is on every phone (nil: see [Config]). A test that
// has failed prints what the providers and the phones saw.
func New(t testing.TB, app phonetest.App, opts ...Option) *World {
	t.Helper()
	cfg := Config{APNs: apnstest.Config{Listen: "127.0.0.1:0"}, FCM: fcmtest.Config{Listen: "127.0.0.1:0"}, App: app}
	for _, o := range opts {
		o(&cfg)
	}
	w, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.Timeline())
		}
		w.Close()
	})
	return w
}

// Timeline returns what the providers and the first twenty phones saw, for people. Payloads that an app prints are in it.
func (w *World) Timeline() string {
	var b strings.Builder
	b.WriteString("what the APNs simulator saw:\n")
	w.APNs.WriteTimeline(&b)
	b.WriteString("what the FCM simulator saw:\n")
	w.FCM.WriteTimeline(&b)
	phones := w.Phones.Phones()
	for _, p := range phones[:min(len(phones), 20)] {
		b.WriteString(p.History())
	}
	return b.String()
}

// IOS adds a phone with iOS whose app is in the state.
func (w *World) IOS(t testing.TB, state phonetest.State) *phonetest.Phone {
	t.Helper()
	return w.Phone(t, phonetest.Spec{Platform: phonetest.IOS, State: state})
}

// Android adds a phone with Android whose app is in the state.
func (w *World) Android(t testing.TB, state phonetest.State) *phonetest.Phone {
	t.Helper()
	return w.Phone(t, phonetest.Spec{Platform: phonetest.Android, State: state})
}

// Phone adds any phone; what the spec leaves out of App, AppID and Environment is the world's.
func (w *World) Phone(t testing.TB, s phonetest.Spec) *phonetest.Phone {
	t.Helper()
	p, err := w.Add(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// WaitFor waits until a phone is as wanted. It fails the test if that takes longer than Wait.
func (w *World) WaitFor(t testing.TB, p *phonetest.Phone, what string, wanted func(*phonetest.Phone) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), Wait, errors.New("not "+what+" within "+Wait.String()))
	defer cancel()
	if err := p.Wait(ctx, wanted); err != nil {
		t.Fatal(err)
	}
}

// WaitHandled waits until the app on a phone has handled so many pushes since it was made, whatever the result.
func (w *World) WaitHandled(t testing.TB, p *phonetest.Phone, pushes int) {
	t.Helper()
	w.WaitFor(t, p, "handled", func(p *phonetest.Phone) bool {
		n := 0
		for _, r := range p.Records() {
			if r.Result != "" {
				n++
			}
		}
		return n >= pushes
	})
}
