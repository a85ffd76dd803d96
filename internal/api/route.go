package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// route is one call of the API.
type route struct {
	id      string // operationId
	method  string
	path    string
	summary string
	about   string // in the document, below the summary
	tag     string // the document's chapter
	needs   need
	status  int         // of success, in the document; 0: 200
	also    int         // another status of success, such as 201 for what is new; 0: none
	answers map[int]any // bodies by status, where there are several

	audit  string // of an administrative change: what the audit record calls it, such as key.create; "": none is made
	target string // what it changes, where the path does not say

	limit        int64 // of the body, in bytes; 0: maxBody
	optionalBody bool
	refuses      []protocol.ProblemCode // what only its handler refuses with; see refusals
	makesApp     bool                   // the app that the path names need not be there
	streams      bool                   // the handler reads the body itself
	checks       bool                   // the handler looks at call.faults itself, and adds to them
	quick        quickRead              // nil: there is only the long way
	refuse       rest.Refuse            // what is refused for what it means; nil: nothing is
	example      any                    // of the body

	stream       string         // media type of a stream: of the answer, and of the body where it is one; "": no stream
	streamBody   any            // what a body's stream is made of; nil: the body is none
	streamAnswer any            // what the answer's stream is made of; nil: events
	streamEvents map[string]any // what server-sent events have as data, by their names
}

// call is what is known of a request once it has passed authorization and the walk over its body.
type call struct {
	caller
	faults   faults      // found so far; for routes with checks
	body     []byte      // as it came; nil for routes that read it themselves
	bodyHash []byte      // SHA-256 of it
	quick    quickCall   // nil: it goes the long way
	header   http.Header // of the answer
	claim    *claim      // what the request holds of the bodies' budget, until it is answered
}

// handling is what a route does with a request that has passed all that comes before its handler.
type handling func(ctx context.Context, c *call) (rest.Reply, error)

// register adds a route to the API and to the document. I has the parameters and the Body, O is the answer, as package rest
// reads them.
func register[I any, O rest.Reply](a *API, r route, handle func(ctx context.Context, c *call, in *I) (O, error)) {
	e := rest.Add[I, O](a.document, r.declaration())
	document(e.Operation, r, r.reads(e.Input), a.document.Components.Schemas)
	a.mux.Handle(r.method, r.path, func(w http.ResponseWriter, req *http.Request) {
		a.serve(w, req, r, e.Input, func(ctx context.Context, c *call) (rest.Reply, error) {
			if err := c.faults.err(); err != nil && !r.checks {
				return nil, err
			}
			in := new(I)
			if e.Input.Fill(in, req, c.body) != nil {
				return nil, newProblem(http.StatusBadRequest, codeBadJSON, "the body cannot be read")
			}
			return handle(ctx, c, in)
		})
	})
}

func (r route) declaration() rest.Route {
	return rest.Route{
		ID: r.id, Method: r.method, Path: r.path, Summary: r.summary, About: r.about, Tag: r.tag,
		Status: r.status, Also: r.also, OptionalBody: r.optionalBody,
	}
}

// reads reports whether serve reads the body.
func (r route) reads(in *rest.Input) bool { return in.Body != nil && !r.streams }

// serve takes a request to its handler: who asks, then the body, then the walk.
func (a *API) serve(w http.ResponseWriter, request *http.Request, r route, in *rest.Input, handle handling) {
	ctx := request.Context()
	track := trailOf(ctx)
	track.begin(request, r)
	asking, answered := a.withinStoreWait(ctx)
	who, err := a.authorize(asking, request, r.needs)
	answered()
	if err == nil {
		err = a.withinRates(w.Header(), who)
	}
	if err != nil {
		p := a.refuseCaller(w, request, a.answerTo(ctx, r.id, err))
		discardUnread(w, request)
		writeProblem(w, p)
		return
	}
	track.setCaller(who)
	if r.needs != (need{}) {
		a.Front.Known(ctx)
	}
	c := &call{caller: who, header: w.Header(), claim: a.bodies.claim(who)}
	defer c.claim.release()
	// The query is not held against the route where whoever looks after a load balancer may ask.
	inParameters := faults(in.Check(request, formats, r.needs != (need{})))
	if err := tooLong(request, r); err != nil {
		refuseUnread(w, request, problemOf(err))
		return
	}
	if r.streams {
		if err := c.claim.grow(importMemory); err != nil {
			refuseUnread(w, request, problemOf(err))
			return
		}
	}
	if r.reads(in) {
		if err := a.receiveBody(w, request, &r, in.Body, c); err != nil {
			writeProblem(w, problemOf(err))
			return
		}
	}
	// Without good parameters a handler has nothing to go by; with them it may find more that is wrong with the body.
	if len(inParameters) > 0 {
		writeProblem(w, problemOf(append(inParameters, c.faults...).err()))
		return
	}
	if r.stream != "" {
		var release func()
		ctx, release = a.lean(ctx, w, who, rest.PathValue(request, "app"))
		defer release()
	} else {
		ctx, answered = a.withinStoreWait(ctx)
		defer answered()
	}
	if c.quick != nil {
		a.answerQuickly(ctx, w, request, c, r.id)
		return
	}
	reply, err := handle(ctx, c)
	if err != nil {
		writeProblem(w, a.answerTo(ctx, r.id, err))
		return
	}
	reply.Send(w, request, r.declaration().Success())
}

// errStoreWait is why an operation was put off: the store has answered nothing, not even an error.
var errStoreWait = fmt.Errorf("api: the store did not answer in time: %w", push.ErrUnavailable)

// refuseCaller is the answer to who may not ask. Of an address that has shown many bad secrets, the next one is 429 and no more is
// told. An expired token was good once, and is not counted.
func (a *API) refuseCaller(w http.ResponseWriter, request *http.Request, p *refusal) *refusal {
	switch {
	case p.Status == http.StatusForbidden, p.Code == codeTokenExpired, p.Code == codeRateLimited:
		a.Front.Known(request.Context())
	case p.Status == http.StatusUnauthorized:
		fields, wait := a.Front.Refused(request.RemoteAddr)
		maps.Copy(w.Header(), fields)
		if wait > 0 {
			return newProblem(http.StatusTooManyRequests, codeRateLimited,
				"many requests from this address had no valid secret; try again later, or with a valid one").after(wait)
		}
	}
	return p
}

// receiveBody reads the body and walks it, unless it is for the quick way.
func (a *API) receiveBody(w http.ResponseWriter, request *http.Request, r *route, shape *rest.Schema, c *call) error {
	body, err := a.readBody(w, request, *r, c.claim)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(body)
	c.body, c.bodyHash = body, hash[:]
	if len(body) == 0 && r.optionalBody {
		return nil
	}
	if r.quick != nil {
		if c.quick = r.quick(body); c.quick != nil {
			return nil
		}
	}
	c.faults, err = checkBody(body, shape, r.refuse)
	return err
}

// answerTo makes the problem of an error, and logs one that nobody foresaw, or that says why the store cannot be asked.
func (a *API) answerTo(ctx context.Context, id string, err error) *refusal {
	p := problemOf(err)
	switch {
	case errors.Is(err, context.Canceled):
	case p.Status == http.StatusInternalServerError:
		a.calm.LogAttrs(ctx, slog.LevelError, "a request failed", slog.String("operation", id), slog.String("error", err.Error()))
	case errors.Is(err, push.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		a.calm.LogAttrs(ctx, slog.LevelWarn, "a request was put off", slog.String("operation", id), slog.String("error", err.Error()))
	}
	return p
}

// created is the status of a PUT.
func created(isNew bool) int {
	if isNew {
		return http.StatusCreated
	}
	return http.StatusOK
}

// AppPath is the parameter of routes under an app.
type AppPath struct {
	App string `path:"app" format:"name" doc:"the app's name" example:"notes"`
}

// Page is the parameters of lists.
type Page struct {
	Cursor string `query:"cursor" format:"cursor" doc:"of the Page, from the answer before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many, at most"`
}

// appPage is the parameters of lists under an app.
type appPage struct {
	AppPath
	Page
}

// device names a device of the app.
func (p AppPath) device(id string) push.DeviceKey { return push.DeviceKey{App: p.App, Device: id} }
