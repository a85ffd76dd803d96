package api

import (
	"net/http"
	"reflect"
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
				"Times are RFC 3339, durations are written as Go writes them (`90s`, `24h`). Unknown fields are refused. " +
				"Every answer has the header `" + protocol.HeaderAPI + "`. " +
				"Errors are `application/problem+json` with a stable `code`; where fields are at fault, `errors` names each.",
		},
		Tags: []*huma.Tag{
			{Name: chapterApps}, {Name: chapterPolicy}, {Name: chapterUsers}, {Name: chapterPushes}, {Name: chapterDevice}, {Name: chapterOperation},
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

func problemResponse() *huma.Response {
	return &huma.Response{
		Description: "A problem (RFC 9457)",
		Content: map[string]*huma.MediaType{problemType: {
			Schema: &huma.Schema{Ref: "#/components/schemas/Problem"},
			Example: protocol.Problem{Title: http.StatusText(422), Status: 422, Code: codeInvalid,
				Detail: "body.to.users[3] is empty; want 1 to 128 bytes",
				Errors: []protocol.ProblemField{{Location: "body.to.users[3]", Code: "bad_id", Message: "is empty; want 1 to 128 bytes"}}},
		}},
	}
}

func unauthenticatedResponse() *huma.Response {
	r := problemResponse()
	r.Description = "The secret is missing, unknown or of the wrong kind"
	r.Content[problemType].Example = protocol.Problem{Title: http.StatusText(401), Status: 401, Code: codeUnauthenticated}
	return r
}

// metricsOperation describes what Prometheus' own handler answers.
func metricsOperation() *huma.Operation {
	return &huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Tags: []string{chapterOperation},
		Summary:  "Read the server's metrics",
		Security: need{}.security(),
		Responses: map[string]*huma.Response{"200": {
			Description: "Prometheus' text format",
			Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}
}

// connectOperation describes the WebSocket, which the gateway answers.
func connectOperation(schemas huma.Registry) *huma.Operation {
	return &huma.Operation{
		OperationID: "connect", Method: http.MethodGet, Path: "/v1/connect", Tags: []string{chapterDevice},
		Summary: "Open this device's session",
		Description: "A WebSocket (RFC 6455) with the subprotocol `" + protocol.Subprotocol + "`. It needs the device's credential and a user token of its owner. " +
			"The newest connection of a device wins. Each text message is one JSON object; OpenAPI has no words for that, so `x-frames` names the schemas.",
		Extensions: map[string]any{"x-frames": map[string]*huma.Schema{
			"fromServer": schemaOf[protocol.ServerFrame](schemas),
			"fromDevice": schemaOf[protocol.DeviceFrame](schemas),
		}},
		Security: []map[string][]string{{userTokenScheme: {}, credentialScheme: {}}},
		Responses: map[string]*huma.Response{
			"101":     {Description: http.StatusText(http.StatusSwitchingProtocols)},
			"401":     unauthenticatedResponse(),
			"default": problemResponse(),
		},
	}
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

// document adds to an operation what its types do not tell.
func document(op *huma.Operation, r route, schemas huma.Registry) {
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
	if r.needs == (need{}) {
		delete(op.Responses, "401")
	}
	if op.RequestBody == nil {
		return
	}
	op.RequestBody.Required = !r.optionalBody
	if r.example != nil {
		for _, media := range op.RequestBody.Content {
			media.Example = r.example
		}
	}
}

// documentStream describes a stream by what it is made of.
func documentStream(op *huma.Operation, r route, schemas huma.Registry) {
	of := func(v any) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{r.stream: {Schema: schemas.Schema(reflect.TypeOf(v), true, "")}}
	}
	op.Responses[strconv.Itoa(op.DefaultStatus)] = &huma.Response{Description: "A stream", Content: of(r.streamAnswer)}
	if r.streamBody != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: of(r.streamBody)}
	}
}
