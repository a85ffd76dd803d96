package simulator

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

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
		fmt.Fprintf(w, "%s #%s conn %d %s %s", r.At.Format("15:04:05.000"), r.ID, r.Connection, r.Method, s.cfg.Describe(r))
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

// CloseWith closes a simulator at the end of a test. A test that has failed prints the timeline of requests.
func CloseWith(t testing.TB, s *Server) {
	t.Cleanup(func() {
		s.Close()
		if t.Failed() {
			var b strings.Builder
			s.WriteTimeline(&b)
			t.Logf("what the simulator of package %s saw:\n%s", s.cfg.Package, &b)
		}
	})
}
