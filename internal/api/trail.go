package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/internal/rest"
)

// trail collects what the audit record of a request will say. It is used only on the request's own goroutine.
type trail struct {
	what   string // the change, such as key.create, or else the operation's id
	change bool   // the call is an administrative change
	who    string // "" while unknown
	role   string // role of a server key
	app    string
	target string      // what was, or would have been, changed
	failed bool        // the call ended early, whatever the status says
	more   []slog.Attr // such as an import's counts
}

type trailKey struct{}

// trailOf returns the request's trail, or an unused one if the request has none.
func trailOf(ctx context.Context) *trail {
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		return t
	}
	return &trail{}
}

// begin records what the route and its path say.
func (t *trail) begin(request *http.Request, r route) {
	t.what, t.change, t.target, t.app = r.id, r.audit != "", r.target, short(rest.PathValue(request, "app"))
	if t.change {
		t.what = r.audit
	}
	for _, name := range []string{"key_id", "kid", "resource_id", "device"} {
		if value := rest.PathValue(request, name); value != "" {
			t.target = short(value)
		}
	}
}

// setCaller records who asks.
func (t *trail) setCaller(c caller) {
	switch {
	case c.key.ID != "":
		t.who, t.role = "key "+c.key.ID, string(c.key.Role)
	case c.device.ID != "":
		t.who, t.app = "device "+c.device.ID, c.device.App
	case c.claims.User != "":
		t.who = "user " + c.claims.User
	}
	if t.app == "" {
		t.app = c.app
	}
}

// short cuts what a stranger wrote, so that records stay small.
func short(s string) string {
	const longest = 128
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}

// Outcomes in audit records.
const (
	outcomeOK      = "ok"
	outcomeRefused = "refused" // the caller failed authorization
	outcomeFailed  = "failed"  // the server did not complete the call: some of it may have taken effect
)

// outcome returns what the audit record says of a request; "" if it gets none because it changed nothing. refused reports whether
// its caller failed authorization.
func (t *trail) outcome(status int, refused bool) string {
	switch {
	case refused:
		return outcomeRefused
	case !t.change:
		return ""
	case t.failed || status >= http.StatusInternalServerError:
		return outcomeFailed
	case status < http.StatusBadRequest:
		return outcomeOK
	}
	return ""
}

// audit adds the record of an answered request, if it gets one.
func (a *API) audit(r *http.Request, out *recorder, t *trail) {
	outcome := t.outcome(out.status(), out.refused())
	if outcome == "" {
		return
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	if t.what == "" {
		t.what = "connect" // the only route with authorization that register does not add
	}
	a.auditLog.add(auditRecord{
		what: t.what, outcome: outcome, status: out.status(), code: out.problem, who: t.who, role: t.role,
		app: t.app, target: t.target, from: from, more: t.more,
	})
}

// refused reports whether the caller failed authorization. That includes 429 for an address that has shown too many bad secrets;
// the name of its policy distinguishes it from the 429 of a valid caller that sends too much.
func (r *recorder) refused() bool {
	switch r.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusTooManyRequests:
		return strings.HasPrefix(r.Header().Get("RateLimit-Policy"), `"`+bucket.Unauthenticated+`"`)
	}
	return false
}
