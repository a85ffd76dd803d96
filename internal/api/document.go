package api

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
)

// The chapters of the document.
const (
	chapterApps      = "Apps and keys"
	chapterPolicy    = "Providers and resources"
	chapterUsers     = "Users and devices"
	chapterPushes    = "Pushes"
	chapterDevice    = "A device's own calls"
	chapterOperation = "Operation"
)

// newDocument returns the OpenAPI document before its operations.
func newDocument(version string) *rest.Document {
	doc := rest.NewDocument(rest.Info{
		Title: "Hush", Version: version,
		Description: "Silent push for iOS and Android. Backends ask with a server key, devices with a user token or their own credential. " +
			"Times are RFC 3339, durations are written as Go writes them (`90s`, `24h`). Unknown fields and parameters are refused. " +
			"Every answer has the header `" + protocol.HeaderAPI + "`, but for 431 and what is refused before a request is read whole: 400 for a broken head, 417 for an `Expect` other than `100-continue`. " +
			"Errors are `application/problem+json` with a stable `code`; where fields are at fault, `errors` names each. " +
			"A path or a method that is not here is answered 404 `not_found` or 405 `method_not_allowed`.",
		License: &rest.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
		Contact: &rest.Contact{Name: "Hush", URL: "https://github.com/hushpush/hush"},
	}, newSchemas())
	doc.Servers = []rest.Server{{URL: "/", Description: "The server that serves this document."}}
	doc.Tags = []rest.Tag{
		{Name: chapterApps, Description: "Tenants, the keys of their backends, and the keys that sign their users' tokens."},
		{Name: chapterPolicy, Description: "What an app is known by at Apple and Google, and the policies under which it pushes."},
		{Name: chapterUsers, Description: "What a backend sees of its users' devices, and may do for them."},
		{Name: chapterPushes, Description: "Send, follow, read and cancel pushes."},
		{Name: chapterDevice, Description: "What the SDK asks, with a user token or the device's own credential."},
		{Name: chapterOperation, Description: "The server itself: health, metrics and its own keys."},
	}
	doc.Components.SecuritySchemes = map[string]rest.SecurityScheme{
		serverKeyScheme:  {Type: "http", Scheme: "bearer", Description: "A server key, or the root key."},
		userTokenScheme:  {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A user token: HS256 or ES256 with kid, sub (the user), aud (the app) and exp."},
		credentialScheme: {Type: "apiKey", In: "header", Name: protocol.HeaderDevice, Description: "A device's own credential, as its registration gave it."},
	}
	return doc
}

// metricsOperation describes the answer of Prometheus' own handler.
func metricsOperation() *rest.Operation {
	return &rest.Operation{
		ID: "metrics", Tags: []string{chapterOperation}, Summary: "Read the server's metrics", Security: need{}.security(),
		Responses: map[string]*rest.Response{
			"200": {Description: "Prometheus' text format", Content: rest.Text("# TYPE hush_http_requests_total counter\nhush_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n")},
			"431": headTooLarge(),
			"500": {Description: "A metric could not be read", Content: rest.Text("An error has occurred while serving metrics")},
		},
	}
}

// connectOperation describes the WebSocket, which the gateway serves.
func connectOperation(schemas *rest.Schemas) *rest.Operation {
	op := &rest.Operation{
		ID: "connect", Tags: []string{chapterDevice}, Summary: "Open this device's session",
		Description: "A WebSocket (RFC 6455) with the subprotocol `" + protocol.Subprotocol + "`. It needs the device's credential and a user token of its owner. " +
			"The newest connection of a device wins. Each text message is one JSON object; OpenAPI has no words for that, so their schemas are in `x-frames`.",
		Frames: map[string]*rest.Schema{
			"fromServer": frameSchema[protocol.ServerFrame](protocol.ServerFrameTypes()),
			"fromDevice": frameSchema[protocol.DeviceFrame](protocol.DeviceFrameTypes()),
		},
		Security:  []map[string][]string{{userTokenScheme: {}, credentialScheme: {}}},
		Responses: map[string]*rest.Response{"101": {Description: "The session is open."}},
	}
	documentRefusals(op, []protocol.ProblemCode{
		protocol.ProblemBadSubprotocol, codeUnauthenticated, codeTokenExpired, codeRegisterAgain, codeForbidden,
		protocol.ProblemUpgradeRequired, codeRateLimited, codeUnavailable,
	}, schemas)
	op.Responses["default"] = &rest.Response{Description: "What nobody foresaw.", Content: rest.Problems(rest.SchemaFor[protocol.Problem](schemas))}
	return op
}

// frameSchema returns a frame's schema with the types that one side sends. It is not a component, because no body refers to it.
func frameSchema[T any](types []protocol.FrameType) *rest.Schema {
	frame := rest.SchemaFor[T](newSchemas()).Target()
	words := &rest.Schema{Type: rest.String}
	for _, t := range types {
		words.Enum = append(words.Enum, string(t))
	}
	frame.Properties["type"] = words
	return frame
}

// document adds to an operation what its Go types do not say. body reports whether serve reads one.
func document(op *rest.Operation, r route, body bool, schemas *rest.Schemas) {
	op.Security = r.needs.security()
	for status, body := range r.answers {
		op.Responses[strconv.Itoa(status)] = &rest.Response{
			Description: http.StatusText(status), Content: rest.JSON(schemas.Of(reflect.TypeOf(body))),
		}
	}
	if r.stream != "" {
		documentStream(op, r, schemas)
	}
	documentRefusals(op, r.refusals(len(op.Parameters) > 0, body), schemas)
	documentExamples(op, r)
}

// documentStream describes a stream by its items.
func documentStream(op *rest.Operation, r route, schemas *rest.Schemas) {
	ofType := func(v any) *rest.Schema { return schemas.Of(reflect.TypeOf(v)) }
	answer := &rest.Response{Description: "A stream: " + r.stream + "."}
	op.Responses[strconv.Itoa(r.declaration().Success())] = answer
	if r.streamBody != nil {
		op.RequestBody = &rest.RequestBody{Required: !r.optionalBody, Content: rest.StreamOf(r.stream, ofType(r.streamBody))}
	}
	if r.streamAnswer != nil {
		answer.Content = rest.StreamOf(r.stream, ofType(r.streamAnswer))
		return
	}
	events := &rest.Schema{}
	for _, name := range slices.Sorted(maps.Keys(r.streamEvents)) {
		events.OneOf = append(events.OneOf, &rest.Schema{Type: rest.Object, Required: []string{"event", "data"}, Properties: map[string]*rest.Schema{
			"event": {Type: rest.String, Enum: []string{name}},
			"data":  rest.Containing("application/json", ofType(r.streamEvents[name])),
		}})
	}
	answer.Content = rest.StreamOf(r.stream, events)
}
