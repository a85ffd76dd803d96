package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
)

// problems gives, for each code, the status and the text of the document.
var problems = map[protocol.ProblemCode]struct {
	status int
	when   string
	detail string // the detail of the example
}{
	codeBadJSON:         {400, "the body is no JSON, or has doubled names, wrong UTF-8 or a lone surrogate", "the body cannot be read: it ends in the middle; want a whole JSON value (at byte 17)"},
	codeUnauthenticated: {401, "the secret is missing, unknown or of the wrong kind", "the secret is missing, unknown, or of another kind; want a server key or a user token in Authorization: Bearer, a device's credential in Hush-Device"},
	codeTokenExpired:    {401, "the user token has expired: come back with a new one", "the user token has expired; want a new one"},
	codeRegisterAgain:   {401, "the device's credential is unknown or void: register again", "the device credential is unknown or void; register again"},
	codeForbidden:       {403, "the secret is good, but not for this: a key of another app or of a lesser role, a token of another app or user", "this key has the role read; want send"},
	codeDeviceTaken:     {403, "the device is registered, and its credential was not given, or another phone uses it too: take another device id", "the device is registered, and its credential was not given; want its credential, or another device id"},
	codeNotFound:        {404, "there is no such app, or nothing in it that the path names", `there is no app "notes"`},
	codeConflict:        {409, "what is there does not allow it", "this Idempotency-Key came with another body before; want the same body, or another key"},
	codeBodyTooLarge:    {413, "the body is longer than it may be", "the body is longer than 64 KiB; want at most that"},
	codeInvalid:         {422, "a parameter or a field is at fault; errors names each", "body.to.users[3] is empty; want 1 to 128 bytes"},
	codeRateLimited:     {429, "the caller asks too fast or for too much at once, or its address has shown many bad secrets: come back after Retry-After", "this key asks too fast; come back later"},
	codeInternal:        {500, "the server failed; its log says why", "the server could not answer; its log says why"},
	codeUnavailable:     {503, "the server is starting, stopping, busy, or cannot reach its store: come back after Retry-After", "the server cannot answer now; try again"},
	codeBacklogFull:     {503, "as much is due and not worked off as `limits.backlog` allows, and nothing was accepted: come back after Retry-After", "the backlog is full: 50017 devices and pushes are due and not worked off, limits.backlog is 50000; nothing was accepted, come back after Retry-After"},

	protocol.ProblemBadSubprotocol:  {400, "the subprotocols offered do not include " + protocol.Subprotocol, "the subprotocols offered do not include " + protocol.Subprotocol},
	protocol.ProblemUpgradeRequired: {426, "the request asks for no WebSocket of version 13", "want an upgrade to a WebSocket, version 13"},
}

// refusals lists the problem codes of a route: those that serve can answer before the handler, and the handler's own.
func (r route) refusals(params, body bool) []protocol.ProblemCode {
	codes := slices.Clone(r.refuses)
	if r.needs != (need{}) {
		codes = append(codes, codeUnauthenticated, codeRateLimited, codeInternal, codeUnavailable)
	}
	if r.needs.role != "" {
		codes = append(codes, codeForbidden)
	}
	if r.needs.device != noDevice {
		codes = append(codes, codeRegisterAgain)
	}
	if r.needs.device == withEither {
		codes = append(codes, codeTokenExpired, codeForbidden)
	}
	if strings.Contains(r.path, "{") && !r.makesApp {
		codes = append(codes, codeNotFound)
	}
	if body {
		codes = append(codes, codeBadJSON)
	}
	if !r.streams {
		codes = append(codes, codeBodyTooLarge) // also on routes that read no body
	}
	if body || params || r.needs != (need{}) { // unknown parameters are faults, too
		codes = append(codes, codeInvalid)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// documentRefusals adds a response for each status of the codes.
func documentRefusals(op *rest.Operation, codes []protocol.ProblemCode, schemas *rest.Schemas) {
	byStatus := map[int][]protocol.ProblemCode{}
	for _, code := range codes {
		status := problems[code].status
		byStatus[status] = append(byStatus[status], code)
	}
	for status, codes := range byStatus {
		op.Responses[strconv.Itoa(status)] = refusalResponse(status, codes, schemas)
	}
	op.Responses["431"] = headTooLarge()
}

func refusalResponse(status int, codes []protocol.ProblemCode, schemas *rest.Schemas) *rest.Response {
	examples := map[string]rest.Example{}
	said := make([]string, len(codes))
	for i, code := range codes {
		said[i] = fmt.Sprintf("`%s`: %s", code, problems[code].when)
		examples[string(code)] = rest.Example{Value: exampleProblem(code)}
	}
	out := &rest.Response{
		Description: http.StatusText(status) + ". " + strings.Join(said, "; ") + ".",
		Content:     rest.Problems(refusalSchema(codes, schemas)),
	}
	out.Content[rest.ProblemType].Examples = examples
	header := func(name, about string) map[string]*rest.Header {
		return map[string]*rest.Header{name: {Description: about, Schema: &rest.Schema{Type: rest.String}}}
	}
	switch status {
	case http.StatusUnauthorized:
		out.Headers = header("WWW-Authenticate", "Bearer, with the realm hush.")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		out.Headers = header("Retry-After", "In how many seconds to come back.")
	}
	return out
}

// refusalSchema returns the schema of a problem with one of the codes, named after them.
func refusalSchema(codes []protocol.ProblemCode, schemas *rest.Schemas) *rest.Schema {
	name := "Problem"
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = string(code)
		for word := range strings.SplitSeq(string(code), "_") {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	narrow := *rest.SchemaFor[protocol.Problem](schemas).Target()
	narrow.Properties = maps.Clone(narrow.Properties)
	narrow.Properties["code"] = &rest.Schema{Type: rest.String, Enum: words}
	return schemas.Component(name, &narrow)
}

func exampleProblem(code protocol.ProblemCode) protocol.Problem {
	p := newProblem(problems[code].status, code, problems[code].detail).Problem
	if code == codeInvalid {
		p.Errors = []protocol.ProblemField{{Location: "body.to.users[3]", Code: "bad_id", Message: "is empty; want 1 to 128 bytes"}}
	}
	return p
}

// headTooLarge describes net/http's own answer, which comes before any of our code. Its text is not described, so that problems
// are the only errors in generated clients.
func headTooLarge() *rest.Response {
	return &rest.Response{Description: "The request's head is longer than " + sizeOf(maxHead) + ". The connection ends; the body is plain text."}
}
