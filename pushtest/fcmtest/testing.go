package fcmtest

import (
	"fmt"
	"io"
	"strings"
	"testing"
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
	t.Cleanup(func() {
		s.Close()
		if t.Failed() {
			var b strings.Builder
			s.WriteTimeline(&b)
			t.Logf("what the FCM simulator saw:\n%s", b.String())
		}
	})
	return s
}

// WriteTimeline prints the latest 200 requests for a person, a line each: when, what was asked, for whom, the answer, what
// became of it and why. Payloads are left out.
func (s *Server) WriteTimeline(w io.Writer) {
	all := s.Requests()
	if len(all) == 0 {
		fmt.Fprintln(w, "no request")
	}
	if more := len(all) - 200; more > 0 {
		fmt.Fprintf(w, "… %d earlier\n", more)
		all = all[more:]
	}
	for _, r := range all {
		fmt.Fprintf(w, "%s #%s conn %d %s %s", r.At.Format("15:04:05.000"), r.ID, r.Connection, r.Method, clip(r.Path))
		if r.Token != "" {
			fmt.Fprintf(w, " to %s", shortToken(r.Token))
		}
		if r.Status == 0 {
			fmt.Fprint(w, " → no answer")
		} else {
			fmt.Fprintf(w, " → %d", r.Status)
		}
		for _, word := range []string{string(r.Outcome), r.Reason} {
			if word != "" {
				fmt.Fprint(w, " ", word)
			}
		}
		if r.Fault != "" {
			fmt.Fprintf(w, " (fault %s)", r.Fault)
		}
		fmt.Fprintln(w)
	}
}

func shortToken(t string) string {
	if len(t) > 20 {
		return t[:8] + "…" + t[len(t)-8:]
	}
	return t
}
