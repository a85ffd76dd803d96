package simkit

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/rest"
)

// TokenState is what the control API tells about a device token.
type TokenState struct {
	Token           string     `json:"token"`
	Online          bool       `json:"online"`
	RetiredAt       *time.Time `json:"retired_at" doc:"null while the token is good."`
	Stored          []string   `json:"stored" doc:"Ids of the requests whose notifications wait at the provider."`
	Delivered       []string   `json:"delivered" doc:"Ids of the requests whose notifications the device got, oldest first; the latest 1000. One that came twice is there twice."`
	DeletedMessages int        `json:"deleted_messages" doc:"How often the app was told that waiting messages were discarded."`
}

// TokenResult is the answer to a token that was put.
type TokenResult struct {
	Token string `json:"token"`
}

// Tokens is what a simulator does with device tokens. T is the body of POST /_sim/tokens, R that of retire. Errors are
// *rest.Problem; found is false for a token that is not known.
type Tokens[T, R any] interface {
	PutToken(T) (token string, created bool, err error)
	TokenState(token string) (s TokenState, found bool)
	RetireToken(token string, r R) (found bool, err error)
	UninstallToken(token string) (found bool)
	ForgetToken(token string) (found bool)
}

// WithBody is a request with a body alone.
type WithBody[T any] struct{ Body T }

// OfToken is a request about the token that its path names.
type OfToken struct {
	Token string `path:"token"`
}

// OfTokenWithBody is one with a body.
type OfTokenWithBody[T any] struct {
	OfToken
	Body T
}

// Empty is the body of a request that takes {}, or none.
type Empty struct{}

// The routes of device tokens.
var (
	PutToken       = rest.Route{Method: "POST", Path: "/_sim/tokens", Summary: "Make a device token known, or change it.", Status: http.StatusCreated, Also: http.StatusOK}
	GetToken       = rest.Route{Method: "GET", Path: "/_sim/tokens/{token}", Summary: "What waits for a device, and what it got."}
	RetireToken    = rest.Route{Method: "POST", Path: "/_sim/tokens/{token}/retire", Summary: "End a token: sends to it are refused from now on."}
	UninstallToken = rest.Route{Method: "POST", Path: "/_sim/tokens/{token}/uninstall", Summary: "Remove the app from the device: the next push is taken and finds that out."}
	ForgetToken    = rest.Route{Method: "DELETE", Path: "/_sim/tokens/{token}", Summary: "Forget a token, as if it had never been known.", Status: http.StatusNoContent}
)

func unknownToken() error { return rest.NotFound("this token is not known here") }

// TokenRoutes mounts the routes of device tokens.
func TokenRoutes[T, R any](c *Control, ts Tokens[T, R]) {
	Handle(c, PutToken, func(_ context.Context, in *WithBody[T]) (*rest.Answer[TokenResult], error) {
		token, created, err := ts.PutToken(in.Body)
		if err != nil {
			return nil, err
		}
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		return rest.NewAnswer(status, TokenResult{token}), nil
	})
	state := func(token string, found bool) (*rest.Answer[TokenState], error) {
		s, still := ts.TokenState(token)
		if !found || !still {
			return nil, unknownToken()
		}
		return rest.NewAnswer(http.StatusOK, s), nil
	}
	Handle(c, GetToken, func(_ context.Context, in *OfToken) (*rest.Answer[TokenState], error) {
		return state(in.Token, true)
	})
	Handle(c, RetireToken, func(_ context.Context, in *OfTokenWithBody[R]) (*rest.Answer[TokenState], error) {
		found, err := ts.RetireToken(in.Token, in.Body)
		if err != nil {
			return nil, err
		}
		return state(in.Token, found)
	})
	Handle(c, UninstallToken, func(_ context.Context, in *OfTokenWithBody[Empty]) (*rest.Answer[TokenState], error) {
		return state(in.Token, ts.UninstallToken(in.Token))
	})
	Handle(c, ForgetToken, func(_ context.Context, in *OfToken) (*rest.None, error) {
		if !ts.ForgetToken(in.Token) {
			return nil, unknownToken()
		}
		return &rest.None{}, nil
	})
}

// RequestPage is the answer of GET /_sim/requests.
type RequestPage struct {
	Requests []Entry `json:"requests"`
	Cursor   string  `json:"cursor" doc:"Where the next page begins; empty at the end."`
}

// FaultResult is the answer to a fault that was set.
type FaultResult struct {
	ID string `json:"id"`
}

// ClockAdvance is the body of POST /_sim/clock.
type ClockAdvance struct {
	Advance Duration `json:"advance" doc:"How far to move simulated time ahead, such as 1h."`
}

// Validate refuses spans that no clock can take.
func (a *ClockAdvance) Validate() rest.Faults {
	const most = 100 * 365 * 24 * time.Hour
	if a.Advance < 0 || time.Duration(a.Advance) > most {
		return rest.Faults{{Location: "body.advance", Code: rest.OutOfRange, Message: fmt.Sprintf("is %s; want 0s to %s: time does not run backwards", time.Duration(a.Advance), most)}}
	}
	return nil
}

// ClockState is the answer of POST /_sim/clock.
type ClockState struct {
	Now time.Time `json:"now"`
}

// Page is which part of a list is wanted.
type Page struct {
	Cursor string `query:"cursor" doc:"from a former page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"how many, at most"`
}

// RequestQuery is which requests are wanted.
type RequestQuery struct {
	Token string `query:"token" doc:"only requests for this device token"`
	Page
}

// OfFault is a request about the fault that its path names.
type OfFault struct {
	ID string `path:"id"`
}

// The routes that the simulators and their world have alike.
var (
	SetFault     = rest.Route{Method: "POST", Path: "/_sim/faults", Summary: "Spoil requests on purpose.", Status: http.StatusCreated}
	DeleteFaults = rest.Route{Method: "DELETE", Path: "/_sim/faults", Summary: "Take all faults away.", Status: http.StatusNoContent}
	DeleteFault  = rest.Route{Method: "DELETE", Path: "/_sim/faults/{id}", Summary: "Take a fault away.", Status: http.StatusNoContent}
)

// UnknownFault returns the answer where a path names a fault that was never set.
func UnknownFault() error { return rest.NotFound("no fault has this id") }

// CommonRoutes mounts the routes that every simulator has: requests, faults, clock, reset. reset puts the simulator's own
// state, and what is passed here, back as at the start.
func CommonRoutes(c *Control, clock *Clock, ledger *Ledger, faults *Faults, reset func()) {
	Handle(c, rest.Route{Method: "GET", Path: "/_sim/requests", Summary: "What clients have asked, oldest first."},
		func(_ context.Context, in *RequestQuery) (*rest.Answer[RequestPage], error) {
			page, next, ok := ledger.Page(in.Token, in.Cursor, in.Limit)
			if !ok {
				return nil, rest.InvalidField("query.cursor", "was not given by this simulator since its last reset")
			}
			return rest.NewAnswer(http.StatusOK, RequestPage{page, next}), nil
		})
	Handle(c, SetFault, func(_ context.Context, in *WithBody[Fault]) (*rest.Answer[FaultResult], error) {
		id, err := faults.Add(in.Body)
		return rest.NewAnswer(http.StatusCreated, FaultResult{id}), err
	})
	Handle(c, DeleteFaults, func(context.Context, *rest.None) (*rest.None, error) {
		faults.DeleteAll()
		return &rest.None{}, nil
	})
	Handle(c, DeleteFault, func(_ context.Context, in *OfFault) (*rest.None, error) {
		if !faults.Delete(in.ID) {
			return nil, UnknownFault()
		}
		return &rest.None{}, nil
	})
	Handle(c, rest.Route{Method: "POST", Path: "/_sim/clock", Summary: "Advance simulated time; storage, expiry, pacing and quotas follow before the answer. Senders keep their own time, and what they hold back."},
		func(_ context.Context, in *WithBody[ClockAdvance]) (*rest.Answer[ClockState], error) {
			return rest.NewAnswer(http.StatusOK, ClockState{clock.Advance(in.Body.Advance.Std())}), nil
		})
	Handle(c, rest.Route{Method: "POST", Path: "/_sim/reset", Summary: "Tokens, requests, faults, storage and time as at the start.", Status: http.StatusNoContent},
		func(context.Context, *WithBody[Empty]) (*rest.None, error) {
			reset()
			return &rest.None{}, nil
		})
}
