package api

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

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

// newDocument is the OpenAPI 3.1 document before its operations.
func newDocument(version string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Hush", Version: version,
			Description: "Silent push for iOS and Android. Backends ask with a server key, devices with a user token or their own credential. " +
				"Times are RFC 3339, durations are written as Go writes them (`90s`, `24h`). Unknown fields and parameters are refused. " +
				"Every answer has the header `" + protocol.HeaderAPI + "`, but for 431 and what is refused before a request is read whole: 400 for a broken head, 417 for an `Expect` other than `100-continue`. " +
				"Errors are `application/problem+json` with a stable `code`; where fields are at fault, `errors` names each. " +
				"A path or a method that is not here is answered 404 `not_found` or 405 `method_not_allowed`.",
			License: &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
			Contact: &huma.Contact{Name: "Hush", URL: "https://github.com/hushpush/hush"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "The server that serves this document."}},
		Tags: []*huma.Tag{
			{Name: chapterApps, Description: "Tenants, the keys of their backends, and the keys that sign their users' tokens."},
			{Name: chapterPolicy, Description: "What an app is known by at Apple and Google, and the policies under which it pushes."},
			{Name: chapterUsers, Description: "What a backend sees of its users' devices, and may do for them."},
			{Name: chapterPushes, Description: "Send, follow, read and cancel pushes."},
			{Name: chapterDevice, Description: "What the SDK asks, with a user token or the device's own credential."},
			{Name: chapterOperation, Description: "The server itself: health, metrics and its own keys."},
		},
		Components: &huma.Components{
			Schemas: newRegistry(),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				serverKeyScheme:  {Type: "http", Scheme: "bearer", Description: "A server key, or the root key."},
				userTokenScheme:  {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A user token: HS256 or ES256 with kid, sub (the user), aud (the app) and exp."},
				credentialScheme: {Type: "apiKey", In: "header", Name: protocol.HeaderDevice, Description: "A device's own credential, as its registration gave it."},
			},
		},
	}
}

// schemaOf is the schema of a type, by reference where it has a name.
func schemaOf[T any](r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// metricsOperation describes what Prometheus' own handler answers.
func metricsOperation() *huma.Operation {
	return &huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Tags: []string{chapterOperation},
		Summary:  "Read the server's metrics",
		Security: need{}.security(),
		Responses: map[string]*huma.Response{
			"200": textResponse("Prometheus' text format", "# TYPE hush_http_requests_total counter\nhush_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n"),
			"431": headTooLarge(),
			"500": textResponse("A metric could not be read", "An error has occurred while serving metrics"),
		},
	}
}

// connectOperation describes the WebSocket, which the gateway answers.
func connectOperation(schemas huma.Registry) *huma.Operation {
	op := &huma.Operation{
		OperationID: "connect", Method: http.MethodGet, Path: "/v1/connect", Tags: []string{chapterDevice},
		Summary: "Open this device's session",
		Description: "A WebSocket (RFC 6455) with the subprotocol `" + protocol.Subprotocol + "`. It needs the device's credential and a user token of its owner. " +
			"The newest connection of a device wins. Each text message is one JSON object; OpenAPI has no words for that, so their schemas are in `x-frames`.",
		Extensions: map[string]any{"x-frames": map[string]*huma.Schema{
			"fromServer": frameSchema[protocol.ServerFrame](protocol.ServerFrameTypes()),
			"fromDevice": frameSchema[protocol.DeviceFrame](protocol.DeviceFrameTypes()),
		}},
		Security:  []map[string][]string{{userTokenScheme: {}, credentialScheme: {}}},
		Responses: map[string]*huma.Response{"101": {Description: "The session is open."}},
	}
	documentRefusals(op, []protocol.ProblemCode{
		protocol.ProblemBadSubprotocol, codeUnauthenticated, codeTokenExpired, codeRegisterAgain, codeForbidden,
		protocol.ProblemUpgradeRequired, codeRateLimited, codeUnavailable,
	}, schemas)
	op.Responses["default"] = &huma.Response{
		Description: "What nobody foresaw.", Content: map[string]*huma.MediaType{problemType: {Schema: schemaOf[protocol.Problem](schemas)}},
	}
	return op
}

// frameSchema is a frame's schema with the types that one side sends. It is no component, since no body refers to it.
func frameSchema[T any](types []protocol.FrameType) *huma.Schema {
	frame := newRegistry().Schema(reflect.TypeFor[T](), false, "")
	frame.Properties["type"] = &huma.Schema{Type: huma.TypeString}
	for _, t := range types {
		frame.Properties["type"].Enum = append(frame.Properties["type"].Enum, string(t))
	}
	return frame
}

func operationOf(doc *huma.OpenAPI, method, path string) *huma.Operation {
	item := doc.Paths[path]
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPut:
		return item.Put
	case http.MethodPost:
		return item.Post
	}
	return item.Delete
}

// document adds to an operation what its types do not tell. body says that serve reads one.
func document(op *huma.Operation, r route, body bool, schemas huma.Registry) {
	if r.also != 0 {
		success := op.Responses[strconv.Itoa(op.DefaultStatus)]
		also := &huma.Response{Description: http.StatusText(r.also)}
		if r.also != http.StatusNoContent {
			also.Content = success.Content
		}
		op.Responses[strconv.Itoa(r.also)] = also
	}
	for status, body := range r.answers {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content: map[string]*huma.MediaType{"application/json": {
				Schema: schemas.Schema(reflect.TypeOf(body), true, ""),
			}},
		}
	}
	if r.stream != "" {
		documentStream(op, r, schemas)
	}
	documentRefusals(op, r.refusals(len(op.Parameters) > 0, body), schemas)
	if op.RequestBody != nil {
		op.RequestBody.Required = !r.optionalBody
	}
	documentExamples(op, r)
}

// documentStream describes a stream by what it is made of. To OpenAPI 3.1 a stream is one long text, and the schema of that
// text's content, as in OpenAPI 3.2, the list of what comes.
func documentStream(op *huma.Operation, r route, schemas huma.Registry) {
	of := func(item *huma.Schema) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{r.stream: {Schema: contentOf(r.stream, &huma.Schema{Type: huma.TypeArray, Items: item})}}
	}
	ofType := func(v any) *huma.Schema { return schemas.Schema(reflect.TypeOf(v), true, "") }
	answer := &huma.Response{Description: "A stream: " + r.stream + "."}
	op.Responses[strconv.Itoa(op.DefaultStatus)] = answer
	if r.streamBody != nil {
		op.RequestBody = &huma.RequestBody{Content: of(ofType(r.streamBody))}
	}
	if r.streamAnswer != nil {
		answer.Content = of(ofType(r.streamAnswer))
		return
	}
	events := &huma.Schema{}
	for _, name := range slices.Sorted(maps.Keys(r.streamEvents)) {
		events.OneOf = append(events.OneOf, &huma.Schema{Type: huma.TypeObject, Required: []string{"event", "data"}, Properties: map[string]*huma.Schema{
			"event": {Type: huma.TypeString, Enum: []any{name}},
			"data":  contentOf("application/json", ofType(r.streamEvents[name])),
		}})
	}
	answer.Content = of(events)
}

// contentOf is a text whose content has a media type and a schema.
func contentOf(media string, schema *huma.Schema) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Extensions: map[string]any{"contentMediaType": media, "contentSchema": schema}}
}

func textResponse(about, example string) *huma.Response {
	return &huma.Response{Description: about, Content: map[string]*huma.MediaType{"text/plain": {
		Schema: &huma.Schema{Type: huma.TypeString}, Example: example,
	}}}
}
