package api_test

import (
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the OpenAPI document as a promise. Every answer in the tests of this package is checked against it; see request.
type contract struct {
	document map[string]any
	compiler *jsonschema.Compiler

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema // guarded by mu; by pointer
}

var theContract struct {
	once sync.Once
	*contract
}

// contractOf reads the document once, because all servers have the same.
func contractOf(t *testing.T, w *world) *contract {
	t.Helper()
	theContract.once.Do(func() {
		parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(w.send("GET", "/openapi.json", "").body))
		if err != nil {
			t.Fatalf("/openapi.json: %v", err)
		}
		c := &contract{document: parsed.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
		c.compiler.AssertFormat()
		if err := c.compiler.AddResource("http://hush.test/openapi.json", parsed); err != nil {
			t.Fatalf("/openapi.json: %v", err)
		}
		theContract.contract = c
	})
	if theContract.contract == nil {
		t.Fatal("/openapi.json could not be read")
	}
	return theContract.contract
}

// promise is one operation of the document.
type promise struct {
	contract *contract
	method   string
	path     string
	op       map[string]any
}

func (p promise) String() string { return p.method + " " + p.path }

// operations returns all operations of the document except the WebSocket's, which is not a call.
func (c *contract) operations() []promise {
	var all []promise
	for path, item := range c.document["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if path != "/v1/connect" {
				all = append(all, promise{c, strings.ToUpper(method), path, op.(map[string]any)})
			}
		}
	}
	slices.SortFunc(all, func(a, b promise) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// find returns the operation of a request; false if the document has none.
func (c *contract) find(method, target string) (promise, bool) {
	u, err := url.Parse(target)
	if err != nil {
		return promise{}, false
	}
	parts := strings.Split(u.EscapedPath(), "/")
	best, found := promise{}, false
	for _, p := range c.operations() {
		if p.method == method && p.covers(parts) && (!found || strings.Count(p.path, "{") < strings.Count(best.path, "{")) {
			best, found = p, true
		}
	}
	return best, found
}

func (p promise) covers(parts []string) bool {
	own := strings.Split(p.path, "/")
	if len(own) != len(parts) {
		return false
	}
	for i, part := range own {
		if part != parts[i] && (!strings.HasPrefix(part, "{") || parts[i] == "") {
			return false
		}
	}
	return true
}

// media returns the media types of an answer, by name; nil for one without a body. ok reports whether the document has an answer
// with the status.
func (p promise) media(status int) (media map[string]any, ok bool) {
	response, ok := p.op["responses"].(map[string]any)[strconv.Itoa(status)].(map[string]any)
	if !ok {
		return nil, false
	}
	media, _ = response["content"].(map[string]any)
	return media, true
}

// pointer returns a JSON pointer into an operation.
func (p promise) pointer(parts ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	out := "http://hush.test/openapi.json#/paths/" + escape.Replace(p.path) + "/" + strings.ToLower(p.method)
	for _, part := range parts {
		out += "/" + url.PathEscape(escape.Replace(part))
	}
	return strings.ReplaceAll(strings.ReplaceAll(out, "{", "%7B"), "}", "%7D")
}

// validate compares JSON with the schema at a pointer.
func (c *contract) validate(pointer, body string) error {
	c.mu.Lock()
	schema := c.schemas[pointer]
	var err error
	if schema == nil {
		if schema, err = c.compiler.Compile(pointer); err == nil {
			c.schemas[pointer] = schema
		}
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// hold compares an answer with what the document promises for its request.
func (c *contract) hold(t *testing.T, method, path string, a answer) {
	t.Helper()
	p, ok := c.find(method, path)
	if !ok {
		return
	}
	media, ok := p.media(a.status)
	if !ok {
		t.Errorf("%s answers %d %s, which the document does not have; want the status among the route's answers, or its code in refuses (internal/api/refusals.go)", p, a.status, a.body)
		return
	}
	if len(media) == 0 {
		if a.body != "" {
			t.Errorf("%s answers %d with the body %s; the document has none", p, a.status, a.body)
		}
		return
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if _, ok := media[kind]; !ok {
		t.Errorf("%s answers %d with the type %q, which the document does not have: %s", p, a.status, kind, a.body)
		return
	}
	if !strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "ndjson") {
		return
	}
	if err := c.validate(p.pointer("responses", strconv.Itoa(a.status), "content", kind, "schema"), a.body); err != nil {
		t.Errorf("%s answers %d %s, which is not as the document has it (a new code belongs into the route's refuses, an empty word into maybeNone): %v", p, a.status, a.body, err)
	}
}
