package simkit

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
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
// *Problem; found is false for a token that is not known.
type Tokens[T, R any] interface {
	PutToken(T) (token string, created bool, err error)
	TokenState(token string) (s TokenState, found bool)
	RetireToken(token string, r R) (found bool, err error)
	UninstallToken(token string) (found bool)
	ForgetToken(token string) (found bool)
}

func unknownToken() *Problem { return NotFound("this token is not known here") }

// TokenRoutes mounts the routes of device tokens.
func TokenRoutes[T, R any](c *Control, ts Tokens[T, R]) {
	Handle(c, Route{Method: "POST", Path: "/_sim/tokens", Summary: "Make a device token known, or change it.", Status: []int{201, 200}},
		func(call *Call[T]) (int, *TokenResult, error) {
			token, created, err := ts.PutToken(*call.Body)
			if err != nil {
				return 0, nil, err
			}
			status := http.StatusOK
			if created {
				status = http.StatusCreated
			}
			return status, &TokenResult{token}, nil
		})
	Handle(c, Route{Method: "GET", Path: "/_sim/tokens/{token}", Summary: "What waits for a device, and what it got.", Status: []int{200}},
		func(call *Call[None]) (int, *TokenState, error) {
			s, found := ts.TokenState(call.Path("token"))
			if !found {
				return 0, nil, unknownToken()
			}
			return http.StatusOK, &s, nil
		})
	state := func(token string, found bool, err error) (int, *TokenState, error) {
		if err != nil {
			return 0, nil, err
		}
		s, still := ts.TokenState(token)
		if !found || !still {
			return 0, nil, unknownToken()
		}
		return http.StatusOK, &s, nil
	}
	Handle(c, Route{Method: "POST", Path: "/_sim/tokens/{token}/retire", Summary: "End a token: sends to it are refused from now on.", Status: []int{200}},
		func(call *Call[R]) (int, *TokenState, error) {
			found, err := ts.RetireToken(call.Path("token"), *call.Body)
			return state(call.Path("token"), found, err)
		})
	Handle(c, Route{Method: "POST", Path: "/_sim/tokens/{token}/uninstall", Summary: "Remove the app from the device: the next push is taken and finds that out.", Status: []int{200}},
		func(call *Call[struct{}]) (int, *TokenState, error) {
			return state(call.Path("token"), ts.UninstallToken(call.Path("token")), nil)
		})
	Handle(c, Route{Method: "DELETE", Path: "/_sim/tokens/{token}", Summary: "Forget a token, as if it had never been known.", Status: []int{204}},
		func(call *Call[None]) (int, *None, error) {
			if !ts.ForgetToken(call.Path("token")) {
				return 0, nil, unknownToken()
			}
			return http.StatusNoContent, nil, nil
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
	Advance Duration `json:"advance" required:"true" doc:"How far to move simulated time ahead, such as 1h."`
}

// Validate refuses spans that no clock can take.
func (a *ClockAdvance) Validate() []FieldError {
	const most = 100 * 365 * 24 * time.Hour
	if a.Advance < 0 || time.Duration(a.Advance) > most {
		return []FieldError{{"body.advance", "out_of_range", fmt.Sprintf("is %s; want 0s to %s: time does not run backwards", time.Duration(a.Advance), most)}}
	}
	return nil
}

// ClockState is the answer of POST /_sim/clock.
type ClockState struct {
	Now time.Time `json:"now"`
}

// pageLimit is both the usual and the largest page of requests.
const pageLimit = 1000

// CommonRoutes mounts the routes that every simulator has: requests, faults, clock, reset. reset puts the simulator's own
// state, and what is passed here, back as at the start.
func CommonRoutes(c *Control, clock *Clock, ledger *Ledger, faults *Faults, reset func()) {
	Handle(c, Route{Method: "GET", Path: "/_sim/requests", Summary: "What clients have asked, oldest first.", Status: []int{200},
		Query: []QueryParam{{"token", "only requests for this device token"}, {"cursor", "from a former page"}, {"limit", "at most this many; 1000 unless told"}}},
		func(call *Call[None]) (int, *RequestPage, error) { return requestPage(call, ledger) })
	Handle(c, Route{Method: "POST", Path: "/_sim/faults", Summary: "Spoil requests on purpose.", Status: []int{201}},
		func(call *Call[Fault]) (int, *FaultResult, error) {
			id, err := faults.Add(*call.Body)
			return http.StatusCreated, &FaultResult{id}, err
		})
	Handle(c, Route{Method: "DELETE", Path: "/_sim/faults", Summary: "Take all faults away.", Status: []int{204}},
		func(*Call[None]) (int, *None, error) { faults.DeleteAll(); return http.StatusNoContent, nil, nil })
	Handle(c, Route{Method: "DELETE", Path: "/_sim/faults/{id}", Summary: "Take a fault away.", Status: []int{204}},
		func(call *Call[None]) (int, *None, error) {
			if !faults.Delete(call.Path("id")) {
				return 0, nil, NotFound("no fault has this id")
			}
			return http.StatusNoContent, nil, nil
		})
	Handle(c, Route{Method: "POST", Path: "/_sim/clock", Summary: "Advance simulated time; storage, expiry, pacing and quotas follow before the answer. Senders keep their own time, and what they hold back.", Status: []int{200}},
		func(call *Call[ClockAdvance]) (int, *ClockState, error) {
			return http.StatusOK, &ClockState{clock.Advance(time.Duration(call.Body.Advance))}, nil
		})
	Handle(c, Route{Method: "POST", Path: "/_sim/reset", Summary: "Tokens, requests, faults, storage and time as at the start.", Status: []int{204}},
		func(*Call[struct{}]) (int, *None, error) { reset(); return http.StatusNoContent, nil, nil })
}

func requestPage(call *Call[None], ledger *Ledger) (int, *RequestPage, error) {
	limit := pageLimit
	if v := call.Query("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > pageLimit {
			return 0, nil, Invalid(FieldError{"query.limit", "out_of_range", fmt.Sprintf("is %q; want 1 to %d", clip(v), pageLimit)})
		}
		limit = n
	}
	page, next, ok := ledger.Page(call.Query("token"), call.Query("cursor"), limit)
	if !ok {
		return 0, nil, InvalidField("query.cursor", "was not given by this simulator since its last reset")
	}
	return http.StatusOK, &RequestPage{page, next}, nil
}
