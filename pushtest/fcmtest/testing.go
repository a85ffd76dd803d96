package fcmtest

import (
	"testing"

	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// Option changes what New starts.
type Option func(*Config)

// Project names the project.
func Project(id string) Option { return func(c *Config) { c.Project = id } }

// Set sets a switch, as --set does; Rules lists them.
func Set(name, value string) Option {
	return func(c *Config) { c.Set = append(c.Set, name+"="+value) }
}

// Seed varies what is left open, as --seed does.
func Seed(seed uint64) Option { return func(c *Config) { c.Seed = seed } }

// Control serves the control API as well, on a free loopback port (ControlAddr).
func Control() Option { return func(c *Config) { c.Control = "127.0.0.1:0" } }

// Files writes ca.pem and service-account.json into dir, for senders that want files.
func Files(dir string) Option {
	return func(c *Config) { c.CertDir, c.ServiceAccount = dir, dir+"/service-account.json" }
}

// New starts a simulator on a free loopback port for the length of a test. A test that has failed prints the timeline of
// requests.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	cfg := Config{Listen: "127.0.0.1:0"}
	for _, o := range opts {
		o(&cfg)
	}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	simulator.CloseWith(t, s.Server)
	return s
}

// describe returns a request in the words of the timeline.
func describe(r Request) string {
	if r.Token == "" {
		return clip(r.Path)
	}
	return clip(r.Path) + " to " + shortToken(r.Token)
}

func shortToken(t string) string {
	if len(t) > 20 {
		return t[:8] + "…" + t[len(t)-8:]
	}
	return t
}
