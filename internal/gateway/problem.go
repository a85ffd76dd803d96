package gateway

import (
	"errors"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// refusal is the answer to a device that is refused. The codes are those of the HTTP API.
type refusal struct {
	status int
	code   protocol.ProblemCode
	detail string
}

var (
	refuseMethod   = refusal{http.StatusMethodNotAllowed, protocol.ProblemMethod, "want GET with an upgrade to a WebSocket"}
	refuseUpgrade  = refusal{http.StatusUpgradeRequired, protocol.ProblemUpgradeRequired, "want an upgrade to a WebSocket, version 13"}
	refuseProtocol = refusal{http.StatusBadRequest, protocol.ProblemBadSubprotocol, "the subprotocols offered do not include " + protocol.Subprotocol}
	refuseToken    = refusal{http.StatusUnauthorized, protocol.ProblemUnauthenticated, "the user token is missing or invalid; want it as Authorization: Bearer …"}
	refuseDevice   = refusal{http.StatusUnauthorized, protocol.ProblemUnauthenticated, "the device's credential is missing; want it as " + protocol.HeaderDevice}
	refuseExpired  = refusal{http.StatusUnauthorized, protocol.ProblemTokenExpired, "the user token has expired; connect again with a new one"}
	refuseAgain    = refusal{http.StatusUnauthorized, protocol.ProblemRegisterAgain, "the device's credential is unknown or void; register again"}
	refuseUser     = refusal{http.StatusForbidden, protocol.ProblemForbidden, "the user token is not of the device's owner"}
	refuseTooFast  = refusal{http.StatusTooManyRequests, protocol.ProblemRateLimited, "many requests from this address had no valid secret; try again later, or with a valid one"}
	refuseStopping = refusal{http.StatusServiceUnavailable, protocol.ProblemUnavailable, "the server is stopping; try again"}
	refuseFailed   = refusal{http.StatusServiceUnavailable, protocol.ProblemUnavailable, "the device could not be looked up; try again"}
)

// refusalOf returns the refusal for an error of Auth.
func refusalOf(err error, unauthenticated refusal) refusal {
	switch {
	case errors.Is(err, push.ErrTokenExpired):
		return refuseExpired
	case errors.Is(err, push.ErrRegisterAgain):
		return refuseAgain
	case errors.Is(err, push.ErrForbidden):
		return refuseUser
	case errors.Is(err, push.ErrUnauthenticated):
		return unauthenticated
	}
	return refuseFailed
}

// write answers with a problem (RFC 9457).
func (r refusal) write(w http.ResponseWriter) {
	h := w.Header()
	switch r.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="hush"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	case http.StatusUpgradeRequired:
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	}
	rest.WriteProblem(w, r.status, string(r.code), protocol.Problem{
		Title: http.StatusText(r.status), Status: r.status, Code: r.code, Detail: r.detail,
	})
}
