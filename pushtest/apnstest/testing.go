package apnstest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// Option changes what New starts.
type Option func(*options)

type options struct {
	Config
	faults []Fault
}

// Topics names the bundle ids that the team may send to; without it, it may send to any.
func Topics(topics ...string) Option {
	return func(o *options) { o.Topics = append(o.Topics, topics...) }
}

// In chooses the environment; production unless told.
func In(e Environment) Option { return func(o *options) { o.Environment = e } }

// WithKey adds a signing key; without any, one is made.
func WithKey(k Key) Option { return func(o *options) { o.Keys = append(o.Keys, k) } }

// Set sets a switch, as --set does; Rules lists them.
func Set(name, value string) Option {
	return func(o *options) { o.Set = append(o.Set, name+"="+value) }
}

// Seed varies what is left open, as --seed does.
func Seed(seed uint64) Option { return func(o *options) { o.Seed = seed } }

// Control serves the control API as well, on a free loopback port (ControlAddr).
func Control() Option { return func(o *options) { o.Control = "127.0.0.1:0" } }

// Files writes ca.pem, the signing key and the client certificates into dir, for senders that want files.
func Files(dir string) Option { return func(o *options) { o.CertDir = dir } }

// Faulty sets a fault from the start.
func Faulty(f Fault) Option { return func(o *options) { o.faults = append(o.faults, f) } }

// Drop cuts the connection on each of the first n requests, before they are taken.
func Drop(n int) Option { return Faulty(Fault{Do: simkit.Close, Count: &n}) }

// Answer refuses the first n requests with this reason and its status.
func Answer(n int, reason Reason) Option {
	text := string(reason)
	return Faulty(Fault{Do: simkit.Answer, Status: statusOf[reason], Reason: &text, Count: &n})
}

// New starts a simulator on a free loopback port for the length of a test. A test that has failed prints the timeline of
// requests.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	o := options{Config: Config{Listen: "127.0.0.1:0"}}
	for _, opt := range opts {
		opt(&o)
	}
	s, err := Start(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	simulator.CloseWith(t, s.Server)
	for _, f := range o.faults {
		if _, err := s.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// describe returns a request in the words of the timeline.
func describe(r Request) string {
	text := shortPath(r.Path)
	for _, name := range []string{"apns-topic", "apns-push-type", "apns-priority"} {
		if v := r.Headers[name]; v != "" {
			text += fmt.Sprintf(" %.60s", v)
		}
	}
	return text
}

// shortPath keeps both ends of a path: tokens differ at either.
func shortPath(p string) string {
	if len(p) > 40 {
		p = p[:20] + "…" + p[len(p)-12:]
	}
	return strings.ToValidUTF8(p, "?")
}
