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
	about   string // shown in the document below the summary
	tag     string // the document's chapter
	needs   need
	status  int         // status of success, in the document; 0: 200
	also    int         // another status of success, such as 201 for something new; 0: none
	answers map[int]any // bodies by status, if there are several

	audit  string // name of an administrative change in the audit log, such as key.create; "": not audited
	target string // what the call changes, if the path does not say

	limit        int64 // most bytes of the body; 0: maxBody
	optionalBody bool
	refuses      []protocol.ProblemCode // codes that only the handler answers with; see refusals
	makesApp     bool                   // the app in the path need not exist
	streams      bool                   // the handler reads the body itself
	checks       bool                   // the handler reports call.faults itself, after adding to them
	quick        quickRead              // the fast path; nil: none
	refuse       rest.Refuse            // refuses fields for their meaning; nil: none
	example      any                    // example of the body

	stream       string         // media type of a streamed answer, and of a streamed body; "": no stream
	streamBody   any            // item of a streamed body; nil: the body is not streamed
	streamAnswer any            // item of a streamed answer; nil: server-sent events
	streamEvents map[string]any // data of server-sent events, by their names
}

// call is what is known of a request after authorization and the walk over its body.
type call struct {
	caller
	faults   faults      // faults found so far; for routes with checks
	body     []byte      // the raw body; nil for routes that read it themselves
	bodyHash []byte      // SHA-256 of the body
	quick    quickCall   // nil: the request takes the slow path
	header   http.Header // header of the answer
	claim    *claim      // the request's part of the bodies' budget, until it is answered
}

// handling runs a handler, once everything before it has let the request pass.
type handling func(ctx context.Context, c *call) (rest.Reply, error)

// register adds a route to the API and to the document. I has the parameters and the Body, and O is the answer, as package rest
// defines them.
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

// serve takes a request to its handler: it authorizes the caller, reads the body, and checks it.
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
	// Routes without authorization ignore unknown query parameters, because load balancers add their own.
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
	// A handler needs valid parameters. If they are valid, it may find further faults in the body.
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

// errStoreWait says that an operation was given up because the store has not answered, not even with an error.
var errStoreWait = fmt.Errorf("api: the store did not answer in time: %w", push.ErrUnavailable)

// refuseCaller makes the answer for a caller that failed authorization. Once an address has shown many bad secrets, it gets 429
// without detail. Expired tokens are not counted.
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

// receiveBody reads the body and checks it, unless it takes the fast path.
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

// answerTo turns an error into a problem, and logs an unexpected one, or why the store is unavailable.
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

// created returns the status of a PUT.
func created(isNew bool) int {
	if isNew {
		return http.StatusCreated
	}
	return http.StatusOK
}

// AppPath has the parameter of routes under an app.
type AppPath struct {
	App string `path:"app" format:"name" doc:"the app's name" example:"notes"`
}

// Page has the parameters of lists.
type Page struct {
	Cursor string `query:"cursor" format:"cursor" doc:"of the Page, from the answer before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many, at most"`
}

// appPage has the parameters of lists under an app.
type appPage struct {
	AppPath
	Page
}

// device returns the key of a device of the app.
func (p AppPath) device(id string) push.DeviceKey { return push.DeviceKey{App: p.App, Device: id} }
