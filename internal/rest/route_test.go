package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hushpush/hush/internal/rest"
)

type ofThing struct {
	ID string `path:"id" format:"lower" doc:"the thing's id" example:"chair"`
}

type change struct {
	ofThing
	Colours []colour `query:"colour" doc:"may be repeated"`
	Limit   int      `query:"limit" minimum:"1" maximum:"10" default:"5"`
	Key     string   `header:"Idempotency-Key"`
	Body    thing
}

// service returns a service with one route, which answers with its input.
func service() (http.Handler, *rest.Document) {
	document := rest.NewDocument(rest.Info{Title: "Things", Version: "1"}, rest.NewSchemas(colours))
	mux := rest.NewMux(rest.Refusals{
		Path: func(w http.ResponseWriter, _ *http.Request, detail string) {
			rest.WriteProblem(w, http.StatusNotFound, "not_found", rest.NotFound(detail))
		},
		Method: func(w http.ResponseWriter, _ *http.Request, _, detail string) {
			rest.WriteProblem(w, http.StatusMethodNotAllowed, "method_not_allowed", rest.NewProblem(http.StatusMethodNotAllowed, "method_not_allowed", detail))
		},
	})
	e := rest.Add[change, *rest.Answer[change]](document, rest.Route{
		ID: "changeThing", Method: http.MethodPut, Path: "/things/{id}", Summary: "Change a thing", About: "At once.", Tag: "Things", Status: http.StatusAccepted, Also: http.StatusNoContent,
	})
	mux.Handle(e.Method, e.Path, func(w http.ResponseWriter, r *http.Request) {
		faults := e.Input.Check(r, strict.Formats, true)
		in := new(change)
		body := []byte(r.Header.Get("X-Body"))
		if len(faults) == 0 {
			if err := e.Input.Fill(in, r, body); err != nil {
				panic(err)
			}
			rest.NewAnswer(0, *in).Send(w, r, e.Success())
			return
		}
		rest.WriteProblem(w, http.StatusUnprocessableEntity, "invalid", rest.Invalid(faults...))
	})
	return mux, document
}

func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAHandlerGetsWhatItsTypeSays(t *testing.T) {
	t.Parallel()
	h, _ := service()
	for _, test := range []struct {
		target, body string
		want         change
	}{
		{"/things/chair", `{"name": "a", "size": 3}`, change{ofThing: ofThing{"chair"}, Colours: []colour{}, Limit: 5, Body: thing{Name: "a", Size: 3}}},
		{"/things/a%2Fb?limit=7&colour=red&colour=blue", "", change{ofThing: ofThing{"a/b"}, Colours: []colour{"red", "blue"}, Limit: 7}},
		{"/things/%2F?limit=", "", change{ofThing: ofThing{"/"}, Colours: []colour{}, Limit: 5}},
		{"/things/..", "", change{ofThing: ofThing{".."}, Colours: []colour{}, Limit: 5}},
		{"/things/%2e%2e%2fx", "", change{ofThing: ofThing{"../x"}, Colours: []colour{}, Limit: 5}},
		{"/things/x", `{"name": 5, "size": 3}`, change{ofThing: ofThing{"x"}, Colours: []colour{}, Limit: 5, Body: thing{Size: 3}}}, // the rest is decoded
	} {
		test.want.Key = "k"
		w := ask(h, "PUT", test.target, "X-Body", test.body, "Idempotency-Key", "k")
		want, _ := json.Marshal(test.want)
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusAccepted || got != string(want) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("PUT %s: %d %s, want 202 %s", test.target, w.Code, got, want)
		}
	}
}

func TestAllThatIsWrongWithParametersIsReported(t *testing.T) {
	t.Parallel()
	h, _ := service()
	for target, want := range map[string]string{
		"/things/CHAIR?limit=11&colors=red":          "path.id bad_id has capitals; want none | query.limit out_of_range is 11; want 1 to 10 | query.colors unknown_field is not known here; did you mean colour? want one of colour, limit",
		"/things/x?limit=many":                       `query.limit wrong_type is "many"; want an integer, 1 to 10`,
		"/things/x?limit=" + strings.Repeat("9", 30): `query.limit out_of_range is "` + strings.Repeat("9", 30) + `"; want 1 to 10`,
		"/things/x?limit=1&limit=2":                  "query.limit too_many is given 2 times; want it once",
		"/things/x?limit=%zz":                        `query.limit bad_value cannot be decoded: invalid URL escape "%zz"; want a percent sign as %25`,
		"/things/x?%zz=1":                            `query bad_value cannot be decoded: invalid URL escape "%zz"; want a percent sign as %25`,
	} {
		w := ask(h, "PUT", target)
		var p rest.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 422 || p.Code != "invalid" || p.Type != "about:blank" || w.Header().Get("Content-Type") != rest.ProblemType {
			t.Errorf("PUT %s: %d %s", target, w.Code, w.Body)
		}
		if got := text(p.Errors); got != want {
			t.Errorf("PUT %s:\n got %s\nwant %s", target, got, want)
		}
	}
	w := ask(h, "PUT", "/things/x", "Idempotency-Key", "a", "Idempotency-Key", "b")
	if w.Code != 422 || !strings.Contains(w.Body.String(), "header.Idempotency-Key is given 2 times") {
		t.Errorf("a header twice: %d %s", w.Code, w.Body)
	}
}

func TestWhatHasNoRouteIsRefused(t *testing.T) {
	t.Parallel()
	h, _ := service()
	for _, test := range []struct {
		method, target string
		status         int
		says           string
	}{
		{"PUT", "/", 404, "there is no such path"},
		{"PUT", "/things", 404, "there is no such path"},
		{"PUT", "/things/a/b", 404, "there is no such path"},
		{"PUT", "/things//", 404, "an empty part"},
		{"PUT", "//things/a", 404, "an empty part"},
		{"GET", "/things/a", 405, "GET is not for this path; want PUT"},
	} {
		w := ask(h, test.method, test.target)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s %s: %d %s, want %d and %q", test.method, test.target, w.Code, w.Body, test.status, test.says)
		}
		if allow := w.Header().Get("Allow"); (allow == "PUT") != (test.status == 405) {
			t.Errorf("%s %s: Allow is %q", test.method, test.target, allow)
		}
	}
}

func TestTheDocumentSaysWhatTheTypesSay(t *testing.T) {
	t.Parallel()
	_, document := service()
	written, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(written, &doc); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"openapi":                           `"3.1.0"`,
		"paths/things~{id}/put/summary":     `"Change a thing"`,
		"paths/things~{id}/put/tags":        `["Things"]`,
		"paths/things~{id}/put/responses":   `{"202":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Change"}}},"description":"Accepted"},"204":{"description":"No Content"}}`,
		"paths/things~{id}/put/requestBody": `{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}},"required":true}`,
		"paths/things~{id}/put/parameters": `[{"description":"the thing's id","in":"path","name":"id","required":true,"schema":{"description":"the thing's id","examples":["chair"],"format":"lower","type":"string"}},` +
			`{"description":"may be repeated","explode":true,"in":"query","name":"colour","schema":{"description":"may be repeated","items":{"$ref":"#/components/schemas/Colour"},"type":"array"}},` +
			`{"explode":false,"in":"query","name":"limit","schema":{"default":5,"format":"int64","maximum":10,"minimum":1,"type":"integer"}},` +
			`{"in":"header","name":"Idempotency-Key","schema":{"type":"string"}}]`,
		"components/schemas/Colour":                 `{"description":"A colour.","enum":["red","blue"],"type":"string"}`,
		"components/schemas/Part":                   `{"additionalProperties":false,"properties":{"id":{"format":"lower","type":"string"}},"required":["id"],"type":"object"}`,
		"components/schemas/Thing/properties/facts": `{"additionalProperties":{},"type":"object"}`,
		"components/schemas/Thing/properties/share": `{"exclusiveMinimum":0,"format":"double","maximum":1,"type":"number"}`,
		"components/schemas/Thing/required":         `["name"]`,
	} {
		var at any = doc
		for step := range strings.SplitSeq(path, "/") {
			if step == "things~{id}" {
				step = "/things/{id}"
			}
			at, _ = at.(map[string]any)[step]
		}
		if got, _ := json.Marshal(at); string(got) != want {
			t.Errorf("%s:\n got %s\nwant %s", path, got, want)
		}
	}
}

func TestASchemaIsThatOfItsType(t *testing.T) {
	t.Parallel()
	type inner struct {
		Near string `json:"near"`
		Twin string `json:"twin" doc:"of the inner one"`
	}
	type whole struct {
		inner
		Twin    int               `json:"twin"`
		Maybe   *int              `json:"maybe"`
		Bytes   []byte            `json:"bytes"`
		ByWord  map[colour]int    `json:"by_word"`
		Raw     json.RawMessage   `json:"raw,omitempty"`
		Self    []*whole          `json:"self,omitzero"`
		Loose   string            `json:"loose" required:"false"`
		Not     string            `json:"-"`
		Count   uint              `json:"count"`
		Strings map[string]string `json:"strings"`
	}
	schemas := rest.NewSchemas(colours)
	ref := rest.SchemaFor[whole](schemas)
	got, err := json.Marshal(ref.Target())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"properties":{"by_word":{"propertyNames":{"$ref":"#/components/schemas/Colour"},"type":"object","additionalProperties":{"format":"int64","type":"integer"}},` +
		`"bytes":{"contentEncoding":"base64","type":"string"},"count":{"format":"int64","minimum":0,"type":"integer"},"loose":{"type":"string"},` +
		`"maybe":{"format":"int64","type":"integer"},"near":{"type":"string"},"raw":{},"self":{"items":{"$ref":"#/components/schemas/Whole"},"type":"array"},` +
		`"strings":{"type":"object","additionalProperties":{"type":"string"}},"twin":{"format":"int64","type":"integer"}},` +
		`"required":["twin","maybe","bytes","by_word","count","strings","near"],"type":"object","additionalProperties":false}`
	if ref.Name() != "Whole" || string(got) != want {
		t.Errorf("%s:\n got %s\nwant %s", ref.Name(), got, want)
	}
}

func TestTwoTypesOfOneNameAreSeen(t *testing.T) {
	t.Parallel()
	schemas := rest.NewSchemas()
	rest.SchemaFor[thing](schemas)
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "two types are called Thing") {
			t.Errorf("a second type thing: %s", got)
		}
	}()
	type thing struct{}
	rest.SchemaFor[thing](schemas)
}

// problemRecorder is a writer that records the code of a problem.
type problemRecorder struct {
	*httptest.ResponseRecorder
	code string
}

func (n *problemRecorder) RecordProblem(code string) { n.code = code }

func TestAWriterThatKeepsRecordsHearsOfAProblem(t *testing.T) {
	t.Parallel()
	n := &problemRecorder{ResponseRecorder: httptest.NewRecorder()}
	p := rest.InvalidField("body.name", "is taken")
	rest.WriteProblem(n, p.Status, p.Code, p)
	if n.code != "invalid" || n.Code != 422 {
		t.Errorf("recorded %q with %d, want invalid with 422", n.code, n.Code)
	}
	var as *rest.Problem
	if err := fmt.Errorf("wrapped: %w", p); !errors.As(err, &as) || as.Error() != "invalid: body.name is taken" {
		t.Errorf("as an error: %v", as)
	}
}

func TestRepliesSendThemselves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reply  rest.Reply
		status int
		body   string
	}{
		"an answer":      {rest.NewAnswer(0, "<a>"), 202, "\"<a>\"\n"},
		"with a status":  {rest.NewAnswer(201, 1), 201, "1\n"},
		"without a body": {&rest.Answer[*int]{Status: 204}, 204, ""},
		"none":           {&rest.None{}, 202, ""},
		"piece by piece": {rest.Stream(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a b") }), 200, "a b"},
	} {
		w := httptest.NewRecorder()
		test.reply.Send(w, httptest.NewRequestWithContext(context.Background(), "GET", "/", nil), 202)
		if w.Code != test.status || w.Body.String() != test.body {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, test.status, test.body)
		}
	}
}

// FuzzRequest sends arbitrary requests: the parameters must arrive unchanged, and nothing may panic.
func FuzzRequest(f *testing.F) {
	f.Add("chair", "limit=7&colour=red")
	f.Add("/", "limit=%zz;&&=")
	f.Add("..", "limit=1&limit=2")
	f.Add("a/../b\x00", "%")
	h, _ := service()
	f.Fuzz(func(t *testing.T, id, query string) {
		r := httptest.NewRequest("PUT", "/things/x", nil)
		r.URL.Path, r.URL.RawPath = "/things/"+id, "/things/"+strings.ReplaceAll(strings.ReplaceAll(id, "%", "%25"), "/", "%2F")
		r.URL.RawQuery = query
		plain := utf8.ValidString(id) && r.URL.EscapedPath() == r.URL.RawPath // otherwise net/http would send another path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var got change
		switch w.Code {
		case http.StatusAccepted:
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || plain && got.ID != id || got.Limit < 1 || got.Limit > 10 {
				t.Errorf("%q, %q: %s, %v", id, query, w.Body, err)
			}
		case 404, 422:
		default:
			t.Errorf("%q, %q: %d %s", id, query, w.Code, w.Body)
		}
	})
}
