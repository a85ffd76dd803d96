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

// trail is what the audit record of one request will say. Whoever finds something out writes it down; all of it happens on
// the request's own goroutine.
type trail struct {
	what   string // the change, such as key.create; else the operation's id
	change bool   // what is an administrative change
	who    string // "" while nobody knows
	role   string // of a server key
	app    string
	target string      // what was changed, or was to be
	failed bool        // it ended early, whatever the status says
	more   []slog.Attr // such as an import's counts
}

type trailKey struct{}

// trailOf is the request's trail; one that nobody reads where there is none.
func trailOf(ctx context.Context) *trail {
	if t, ok := ctx.Value(trailKey{}).(*trail); ok {
		return t
	}
	return &trail{}
}

// begin notes what the route and its path say.
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

// short cuts what a stranger wrote, so that a record stays small.
func short(s string) string {
	const longest = 128
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}

// outcomes of audit records.
const (
	outcomeOK      = "ok"
	outcomeRefused = "refused" // nobody was let in, or somebody who may not do this
	outcomeFailed  = "failed"  // the server could not, or not to the end: some of it may have happened
)

// outcome is what a record says of a request; "" for one that none is made for: it changed nothing, as one with a bad body.
// refused says that its caller was not let in, or may not do this.
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

// audit makes the record of a request that was answered.
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
		t.what = "connect" // the one route that lets in, and is not made by register
	}
	a.auditLog.add(auditRecord{
		what: t.what, outcome: outcome, status: out.status(), code: out.problem, who: t.who, role: t.role,
		app: t.app, target: t.target, from: from, more: t.more,
	})
}

// refused reports whether the caller was not let in, or may not do this. 429 is such an answer where an address has shown too
// many bad secrets; its policy's name tells it from that of a good caller who asks too often.
func (r *recorder) refused() bool {
	switch r.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusTooManyRequests:
		return strings.HasPrefix(r.Header().Get("RateLimit-Policy"), `"`+bucket.Unauthenticated+`"`)
	}
	return false
}
