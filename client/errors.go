package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hushpush/hush/protocol"
)

// ErrUnreachable says that no answer came: the server is down, its name or certificate is wrong, the connection was lost, or
// ctx ended. Whether the server processed the request is unknown.
var ErrUnreachable = errors.New("server not reached")

// Error is a refusal by the server, or an answer of somebody else in its place: see Code. Callers branch on Code, which is
// stable; the text is for people.
type Error struct {
	Status     int                     // HTTP
	Code       string                  // such as not_found; "" if something other than Hush answered, with whatever status
	Detail     string                  // for people
	Fields     []protocol.ProblemField // which fields are at fault, what is wrong, what would be right
	RetryAfter time.Duration           // the wait that the server asked for; 0 if it did not
	Redirect   string                  // the server address that a redirect names: scheme, host, and a path if there is one; "" for none
}

// Error returns everything that the server said, each fault once: a single fault on the same line, several on a line each.
func (e *Error) Error() string {
	var b strings.Builder
	code := e.Code
	if code == "" {
		code = http.StatusText(e.Status)
	}
	fmt.Fprintf(&b, "%d %s", e.Status, code)
	if e.Detail != "" && !e.sumsUp() {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	before := "\n  "
	if len(e.Fields) == 1 && e.sumsUp() {
		before = ": "
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "%s%s: %s (%s)", before, f.Location, f.Message, f.Code)
	}
	return b.String()
}

// sumsUp reports whether Detail says nothing that Fields do not say.
func (e *Error) sumsUp() bool { return e.Detail == "" || e.Detail == protocol.Summary(e.Fields) }

// HasCode reports whether err is a refusal by the server with this code.
func HasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
