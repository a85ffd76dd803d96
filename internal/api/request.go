package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hushpush/hush/push"
)

// below is an embedded context under another name than that of its method Context.
type below = huma.Context

// checkedContext is Huma's context of a request whose body is read and checked: Huma decodes those bytes, whatever content
// type the client named (curl's -d says form).
type checkedContext struct {
	below
	ctx   context.Context
	body  []byte
	quick quickCall // nil: it goes the long way
}

// Unwrap is the context below.
func (c *checkedContext) Unwrap() huma.Context { return c.below }

// Context carries the call.
func (c *checkedContext) Context() context.Context { return c.ctx }

// BodyReader gives the bytes that were checked.
func (c *checkedContext) BodyReader() io.Reader { return bytes.NewReader(c.body) }

// Header hides the content type, and what the client would rather accept than JSON.
func (c *checkedContext) Header(name string) string {
	switch {
	case strings.EqualFold(name, "Content-Type"):
		return "application/json"
	case strings.EqualFold(name, "Accept"):
		return ""
	}
	return c.below.Header(name)
}

// SetReadDeadline keeps Huma from changing the deadline: the body has been read.
func (c *checkedContext) SetReadDeadline(time.Time) error { return nil }

// bodyLimit is how many bytes a body of the route may have.
func (r route) bodyLimit() int64 {
	if r.limit == 0 {
		return maxBody
	}
	return r.limit
}

func bodyTooLarge(r route) error {
	return newProblem(http.StatusRequestEntityTooLarge, codeBodyTooLarge, fmt.Sprintf("the body is longer than %s; want at most that", sizeOf(r.bodyLimit())))
}

// tooLong refuses a body whose length is told, and more than the route takes. A stream has any length.
func tooLong(request *http.Request, r route) error {
	if r.streams || request.ContentLength <= r.bodyLimit() {
		return nil
	}
	return bodyTooLarge(r)
}

// firstPiece is how much room a body gets before any of it has come.
const firstPiece = 16 << 10

// readBody reads a request's body within the time and size that it may have, and holds what has come of it in the budget:
// a length that is only told costs nothing. A body that is cut off, or too slow, ends the connection: there is nobody to
// answer to, and nothing has happened.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, route route, held *claim) ([]byte, error) {
	limit := route.bodyLimit()
	body := []byte{}
	for {
		if len(body) == cap(body) {
			room := max(firstPiece, 2*int64(cap(body)))
			if r.ContentLength >= 0 {
				room = min(room, r.ContentLength+1) // one more, so that the end is seen
			}
			room = min(room, limit+1)
			if err := held.grow(room); err != nil {
				a.metrics.bodies.WithLabelValues("no room").Inc()
				endUnread(w, r)
				return nil, err
			}
			body = append(make([]byte, 0, room), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			endUnread(w, r)
			return nil, bodyTooLarge(route)
		}
		if errors.Is(err, io.EOF) {
			// What comes after the body has a time of its own; a deadline that stays would end a long answer.
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
			return body, nil
		}
		if err != nil {
			a.hangUp(w, err)
		}
	}
}

// endUnread gives up a body of which some has been read: the rest is read and dropped for a while.
func endUnread(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardWait))
	_, _ = io.CopyN(io.Discard, r.Body, maxDiscard) // who is cut off, or too slow, gets the answer all the same
}

// refuseUnread answers a request whose body is not read, and ends the connection.
func refuseUnread(w http.ResponseWriter, r *http.Request, p *refusal) {
	w.Header().Set("Connection", "close")
	discardUnread(w, r)
	writeProblem(w, p)
}

// How much of a body that is refused unread is read all the same, in bytes, and for how long.
const (
	maxDiscard  = 64 << 20
	discardWait = 10 * time.Second
)

// discardUnread reads a body that is refused unread: many clients send all of it before they look for an answer, and the
// connection's end would overtake ours. It spares clients that ask first (Expect: 100-continue) the sending, and us what is
// too long.
func discardUnread(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.Header.Get("Expect") != "" || r.ContentLength > maxDiscard {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardWait))
	_, _ = io.CopyN(io.Discard, r.Body, maxDiscard) // who is cut off, or too slow, gets the answer all the same
}

// hangUp ends the connection (HTTP/2: the stream) without an answer.
func (a *API) hangUp(w http.ResponseWriter, err error) {
	reason := "cut off"
	if errors.Is(err, os.ErrDeadlineExceeded) {
		reason = "too slow"
	}
	a.metrics.bodies.WithLabelValues(reason).Inc()
	w.Header().Set("Connection", "close")
	panic(http.ErrAbortHandler)
}

// requestCheck compares a request's parameters and body with the operation as the document has it.
type requestCheck struct {
	params   []*huma.Param
	body     *huma.Schema // nil: the operation has none
	registry huma.Registry
	strict   bool // the query is held against the operation; not where whoever looks after a load balancer may ask
}

func newRequestCheck(op *huma.Operation, registry huma.Registry, r route) *requestCheck {
	c := &requestCheck{params: op.Parameters, registry: registry, strict: r.needs != (need{})}
	if op.RequestBody != nil && !r.streams {
		c.body = op.RequestBody.Content["application/json"].Schema
	}
	return c
}

// parameters gives all that is wrong with the parameters.
func (c *requestCheck) parameters(ctx huma.Context) faults {
	var f faults
	for _, p := range c.params {
		location, schema := p.In+"."+p.Name, p.Schema
		if schema.Ref != "" {
			schema = c.registry.SchemaFromRef(schema.Ref)
		}
		switch p.In {
		case "path":
			checkText(&f, location, ctx.Param(p.Name), schema)
		case "query":
			if value := ctx.Query(p.Name); value != "" {
				checkText(&f, location, value, schema)
			}
		case "header":
			r := headerValues(ctx, p.Name)
			if len(r) > 1 {
				f.add(location, push.CodeTooMany, "is given %d times; want it once", len(r))
			} else if len(r) == 1 {
				checkText(&f, location, r[0], schema)
			}
		}
	}
	if u := ctx.URL(); c.strict && u.RawQuery != "" {
		c.query(&f, u.RawQuery)
	}
	return f
}

// query refuses what would let everything through without a word: parameters that the operation does not have, one that is given
// twice where only the first would count, and what cannot be decoded.
func (c *requestCheck) query(f *faults, raw string) {
	given := map[string]int{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			f.add("query", push.CodeBadValue, "cannot be decoded: %v; want a percent sign as %%25", err)
			continue
		}
		if _, err := url.QueryUnescape(value); err != nil {
			f.add(join("query", name), push.CodeBadValue, "cannot be decoded: %v; want a percent sign as %%25", err)
		}
		given[name]++
	}
	known := map[string]*huma.Schema{}
	for _, p := range c.params {
		if p.In == "query" {
			known[p.Name] = p.Schema
		}
	}
	want := "one of " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	if len(known) == 0 {
		want = "no parameters"
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch schema := known[name]; {
		case schema == nil:
			f.add(join("query", name), push.CodeUnknownField, "is not known here; want %s", want)
		case given[name] > 1 && schema.Type != huma.TypeArray:
			f.add(join("query", name), push.CodeTooMany, "is given %d times; want it once", given[name])
		}
	}
}

func headerValues(ctx huma.Context, name string) []string {
	var values []string
	ctx.EachHeader(func(n, v string) {
		if strings.EqualFold(n, name) {
			values = append(values, v)
		}
	})
	return values
}

// checkText checks one parameter by its schema: integers by their bounds, strings by their words, or by the format, which names
// a rule.
func checkText(f *faults, location, value string, schema *huma.Schema) {
	if schema.Type == huma.TypeInteger {
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			f.add(location, push.CodeOutOfRange, "is %s; want %s", quoted(value), bounds(schema))
		case err != nil:
			f.add(location, push.CodeWrongType, "is %s; want an integer, %s", quoted(value), bounds(schema))
		case float64(n) < *schema.Minimum || float64(n) > *schema.Maximum:
			f.add(location, push.CodeOutOfRange, "is %d; want %s", n, bounds(schema))
		}
		return
	}
	if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(value)) {
		f.add(location, push.CodeBadValue, "is %s; want one of %s", quoted(value), enumOf(schema))
	}
	if rule, ok := formats[schema.Format]; ok {
		if err := rule.check(value); err != nil {
			f.add(location, rule.code, "%s", err.Error())
		}
	}
}

// formats are the rules of string parameters, by the name that the schema gives as their format.
var formats = map[string]struct {
	code  push.Code
	check func(string) error
}{
	"name":            {push.CodeBadID, push.CheckName},
	"id":              {push.CodeBadID, push.CheckID},
	"resource-id":     {push.CodeBadID, push.CheckResourceID},
	"cursor":          {push.CodeBadValue, checkCursor},
	"date-time":       {push.CodeBadValue, checkTime},
	"idempotency-key": {push.CodeBadValue, checkIdempotencyKey},
}

// checkCursor refuses what cannot be a cursor of the store, which makes them of base64; whether it is one of this list, the
// store says.
func checkCursor(cursor string) error {
	const longest = 4 << 10
	inside, err := base64.RawURLEncoding.DecodeString(cursor)
	// What names U+0000 is of no store: PostgreSQL's text could not be asked for it.
	if err != nil || len(cursor) > longest || bytes.ContainsRune(inside, 0) || bytes.Contains(inside, []byte(`\u0000`)) {
		return errors.New("is no cursor; want one as an answer gave it, or none for the first page")
	}
	return nil
}

const maxIdempotencyKey = 255

// checkIdempotencyKey says what is wrong with an Idempotency-Key.
func checkIdempotencyKey(key string) error {
	if len(key) < 1 || len(key) > maxIdempotencyKey {
		return fmt.Errorf("has %d characters; want 1 to %d", len(key), maxIdempotencyKey)
	}
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return errors.New("has a character that does not print; want ASCII letters, digits, signs and spaces")
		}
	}
	return nil
}
