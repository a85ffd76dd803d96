package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/api"
)

func TestTheDocumentHasEveryCall(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.request("GET", "/openapi.json", "")
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]operation
		Components struct {
			Schemas         map[string]json.RawMessage
			SecuritySchemes map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Fatalf("/openapi.json: version %q, %v; want 3.1", doc.OpenAPI, err)
	}
	known := map[string]string{"/notes": "/{app}", "/keys/k": "/keys/{key_id}", "/k1": "/{kid}", "/resources/r": "/resources/{resource_id}",
		"/alice": "/{user}", "/devices/d": "/devices/{device}", "/pushes/p": "/pushes/{push_id}"}
	ids := map[string]bool{}
	for _, c := range calls {
		path := c.path
		for from, to := range known {
			path = strings.ReplaceAll(path, from, to)
		}
		path = strings.ReplaceAll(path, "{device}evices", "devices")
		path = strings.ReplaceAll(path, "{push_id}ushes", "pushes")
		op, ok := doc.Paths[path][strings.ToLower(c.method)]
		if !ok {
			t.Errorf("the document lacks %s %s", c.method, path)
			continue
		}
		if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Tags) != 1 || len(op.Security) == 0 {
			t.Errorf("%s %s: %+v; want an id of its own, a summary, a chapter and who may", c.method, path, op)
		}
		ids[op.OperationID] = true
		if _, ok := op.Responses["401"].Content["application/problem+json"]; !ok {
			t.Errorf("%s %s: no problem among the answers", c.method, path)
		}
		if op.Responses["204"].Description == "" && len(op.Responses["200"].Content)+len(op.Responses["201"].Content)+len(op.Responses["202"].Content) == 0 {
			t.Errorf("%s %s: no answer of success with a body, nor 204", c.method, path)
		}
	}
	for path, needs := range map[string]int{"/healthz": 0, "/readyz": 0, "/metrics": 0, "/v1/connect": 2} {
		op, ok := doc.Paths[path]["get"]
		if !ok || op.OperationID == "" || ids[op.OperationID] || op.Summary == "" {
			t.Errorf("GET %s: %+v; want it in the document with an id of its own and a summary", path, op)
			continue
		}
		ids[op.OperationID] = true
		if needs == 0 && len(op.Security) != 0 || needs > 0 && (len(op.Security) != 1 || len(op.Security[0]) != needs) {
			t.Errorf("GET %s needs %v; want %d ways to show who one is, together", path, op.Security, needs)
		}
	}
	refs := regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(a.body, -1)
	for _, ref := range refs {
		if _, ok := doc.Components.Schemas[ref[1]]; !ok {
			t.Errorf("the document refers to the schema %s, which it lacks", ref[1])
		}
	}
	if len(refs) < 20 || len(doc.Components.SecuritySchemes) != 3 {
		t.Errorf("%d references and %d ways to show who one is; want many and 3", len(refs), len(doc.Components.SecuritySchemes))
	}
	if again := setup(t).request("GET", "/openapi.json", ""); again.body != a.body {
		t.Error("two servers have two documents; want the same")
	}
}

func TestTheDocumentSaysWhichTextsAreTimes(t *testing.T) {
	t.Parallel()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Format string }
			}
		}
	}
	if err := json.Unmarshal([]byte(setup(t).request("GET", "/openapi.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	for schema, property := range map[string]string{"KeyRequest": "expires_at", "SigningKeyRequest": "expires_at", "PushRequest": "deliver_at", "Receipt": "at"} {
		if got := doc.Components.Schemas[schema].Properties[property].Format; got != "date-time" {
			t.Errorf("%s.%s has the format %q; want date-time", schema, property, got)
		}
	}
}

type operation struct {
	OperationID string
	Summary     string
	Tags        []string
	Security    []map[string][]string
	Responses   map[string]struct {
		Description string
		Content     map[string]json.RawMessage
	}
}

func TestTheDocsLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	page := w.request("GET", "/docs", "")
	if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Fatalf("/docs: %d %s; want a page", page.status, page.header.Get("Content-Type"))
	}
	policy := page.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy is %q; want %s in it", policy, want)
		}
	}
	if inline := regexp.MustCompile(`<style|<script>|style=|\son[a-z]+=`).FindString(page.body); inline != "" {
		t.Errorf("/docs has %q inline, which its policy forbids", inline)
	}
	loads := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(loads) < 3 || !strings.Contains(page.body, "/openapi.json") {
		t.Fatalf("/docs loads %q; want its script, its style and the document", loads)
	}
	for _, load := range loads {
		if strings.Contains(load[1], "//") {
			t.Errorf("/docs loads %s; want nothing from other hosts", load[1])
			continue
		}
		path := load[1]
		if !strings.HasPrefix(path, "/") {
			path = "/docs/" + path
		}
		if a := w.request("GET", path, ""); a.status != 200 || strings.HasPrefix(path, "/docs") && a.header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s, which /docs loads: %d %v; want 200 and the same policy", path, a.status, a.header)
		}
	}
}

func TestHealthReadinessAndMetrics(t *testing.T) {
	t.Parallel()
	notYet := errors.New("the store is not there")
	w := setup(t, func(c *api.Config) { c.Ready = func(context.Context) error { return notYet } })
	if a := w.request("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("/healthz: %d %s; want 200", a.status, a.body)
	}
	a := w.request("GET", "/readyz", "")
	a.is(t, "/readyz", 503, "unavailable")
	if a.header.Get("Retry-After") == "" || strings.Contains(a.body, notYet.Error()) {
		t.Errorf("/readyz: %v %s; want Retry-After, and nothing of the error", a.header, a.body)
	}
	if a := setup(t).request("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("/readyz of a server that is ready: %d; want 200", a.status)
	}
	w.root("GET", "/v1/apps/secret-app-name", "")
	w.root("GET", "/nowhere", "")
	m := w.request("GET", "/metrics", "")
	for _, want := range []string{
		`hush_http_requests_total{method="GET",route="/v1/apps/{app}",status="404"} 1`,
		`hush_http_requests_total{method="GET",route="none",status="404"} 1`,
		`hush_http_request_seconds_count{method="GET",route="/v1/apps/{app}"} 1`,
	} {
		if !strings.Contains(m.body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if strings.Contains(m.body, "secret-app-name") {
		t.Error("/metrics shows an id; want only patterns of routes")
	}
}

func TestTheSocketsRouteIsHandedOn(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) {
		c.Connect = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Errorf("Hijack: %v", err)
				return
			}
			conn.Write([]byte("HTTP/1.1 299 Hijacked\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			conn.Close()
		})
	})
	if a := w.request("GET", "/v1/connect", ""); a.status != 299 {
		t.Errorf("/v1/connect: %d; want what its handler wrote on the connection", a.status)
	}
}
