package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

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
	refuse       func(location, name string) string
	example      any // of the body

	stream       string         // media type of a stream: of the answer, and of the body where it is one; "": no stream
	streamBody   any            // what a body's stream is made of; nil: the body is none
	streamAnswer any            // what the answer's stream is made of; nil: events
	streamEvents map[string]any // what server-sent events have as data, by their names
}

// call is what is known of a request once it has passed authorization and the walk over its body.
type call struct {
	caller
	faults   faults      // found so far; for routes with checks
	bodyHash []byte      // SHA-256 of the body as it came
	header   http.Header // of the answer
	claim    *claim      // what the request holds of the bodies' budget, until it is answered
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// register adds a route to the API and to the document. I has the parameters and the Body, O the Status, headers and Body of
// the answer, as Huma reads them.
func register[I, O any](a *API, r route, handle func(ctx context.Context, c *call, in *I) (*O, error)) {
	op := r.operation()
	var check *requestCheck
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		a.serve(ctx, r, check, next)
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		c := callOf(ctx)
		if err := c.faults.err(); err != nil && !r.checks {
			return nil, a.answerTo(ctx, r.id, err)
		}
		out, err := handle(ctx, c, in)
		if err != nil {
			return nil, a.answerTo(ctx, r.id, err)
		}
		return out, nil
	})
	registered := operationOf(a.huma.OpenAPI(), r.method, r.path)
	check = newRequestCheck(registered, a.huma.OpenAPI().Components.Schemas, r)
	document(registered, r, check.body != nil, a.huma.OpenAPI().Components.Schemas)
}

func (r route) operation() huma.Operation {
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	return huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Description: r.about, Tags: []string{r.tag},
		DefaultStatus: status, Security: r.needs.security(),
		SkipValidateParams: true, SkipValidateBody: true, MaxBodyBytes: -1, BodyReadTimeout: noTimeout,
		// Any other response than success, so that Huma adds none of its own; document adds the others.
		Responses: map[string]*huma.Response{"431": headTooLarge()},
	}
}

// noTimeout leaves Huma's own limit of 5 s out; serve sets ours before it reads the body.
const noTimeout = -1

// serve takes a request to its handler: who asks, then the body, then the walk.
func (a *API) serve(ctx huma.Context, r route, check *requestCheck, next func(huma.Context)) {
	request, w := humago.Unwrap(ctx)
	restoreSlashes(request, check.params)
	track := trailOf(ctx.Context())
	track.begin(ctx, r)
	asking, answered := a.withinStoreWait(ctx.Context())
	who, err := a.authorize(huma.WithContext(ctx, asking), r.needs)
	answered()
	if err == nil {
		err = a.withinRates(w.Header(), who)
	}
	if err != nil {
		p := a.judge(w, request, a.answerTo(ctx.Context(), r.id, err))
		discardUnread(w, request)
		writeProblem(w, p)
		return
	}
	track.knows(who)
	if r.needs != (need{}) {
		a.Front.Known(request.Context())
	}
	c := &call{caller: who, header: w.Header(), claim: a.bodies.claim(who)}
	defer c.claim.release()
	checked := &checkedContext{below: ctx, ctx: context.WithValue(ctx.Context(), callKey{}, c)}
	inParameters := check.parameters(ctx)
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
	if check.body != nil {
		if c.faults, err = a.takeBody(w, request, &r, check, checked, c.claim); err != nil {
			writeProblem(w, problemOf(err))
			return
		}
		hash := sha256.Sum256(checked.body)
		c.bodyHash = hash[:]
	}
	// Without good parameters a handler has nothing to go by; with them it may find more that is wrong with the body.
	if len(inParameters) > 0 {
		writeProblem(w, problemOf(append(inParameters, c.faults...).err()))
		return
	}
	if r.stream != "" {
		release := a.lean(checked, w, who, ctx.Param("app"))
		defer release()
	} else {
		checked.ctx, answered = a.withinStoreWait(checked.ctx)
		defer answered()
	}
	if checked.quick != nil {
		a.answerQuickly(checked, w, request, c, r.id)
		return
	}
	next(checked)
}

// errStoreWait is why an operation was put off: the store has answered nothing, not even an error.
var errStoreWait = fmt.Errorf("api: the store did not answer in time: %w", push.ErrUnavailable)

// judge is the answer to who may not ask. Of an address that has shown many bad secrets, the next one is 429 and no more is
// told. An expired token was good once, and is not counted.
func (a *API) judge(w http.ResponseWriter, request *http.Request, p *refusal) *refusal {
	switch {
	case p.Status == http.StatusForbidden, p.Code == codeTokenExpired, p.Code == codeRateLimited:
		a.Front.Known(request.Context())
	case p.Status == http.StatusUnauthorized:
		fields, wait := a.Front.Refused(request.RemoteAddr)
		maps.Copy(w.Header(), fields)
		if wait > 0 {
			return newProblem(http.StatusTooManyRequests, codeRateLimited,
				"many requests from this address had no good secret; come back later, or with a good one").after(wait)
		}
	}
	return p
}

// takeBody reads the body into checked and walks it, unless it is for the quick way.
func (a *API) takeBody(w http.ResponseWriter, request *http.Request, r *route, check *requestCheck, checked *checkedContext, held *claim) (faults, error) {
	body, err := a.readBody(w, request, *r, held)
	if err != nil {
		return nil, err
	}
	checked.body = body
	if len(body) == 0 && r.optionalBody {
		return nil, nil
	}
	if r.quick != nil {
		if checked.quick = r.quick(body); checked.quick != nil {
			return nil, nil
		}
	}
	return checkBody(body, "body", check.body, check.registry, r.refuse)
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

// answer is a body with a status.
type answer[T any] struct {
	Status int
	Body   T
}

// nothing is an answer without a body.
type nothing struct{}

// AppPath is the parameter of routes under an app. It and its like are exported only because Huma reads no other embedded
// types.
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
