package simkit

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// operation is one route as OpenAPI 3.1 writes it.
type operation struct {
	Summary     string              `json:"summary"`
	Parameters  []parameter         `json:"parameters,omitempty"`
	RequestBody *requestBody        `json:"requestBody,omitempty"`
	Responses   map[string]response `json:"responses"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Required    bool    `json:"required"`
	Description string  `json:"description,omitempty"`
	Schema      *Schema `json:"schema"`
}

type requestBody struct {
	Required bool               `json:"required"`
	Content  map[string]content `json:"content"`
}

type response struct {
	Description string             `json:"description"`
	Content     map[string]content `json:"content,omitempty"`
}

type content struct {
	Schema any `json:"schema"`
}

var pathNames = regexp.MustCompile(`\{(\w+)\}`)

func describeRoute(r Route, in, out reflect.Type) operation {
	op := operation{Summary: r.Summary, Responses: map[string]response{}}
	for _, m := range pathNames.FindAllStringSubmatch(r.Path, -1) {
		op.Parameters = append(op.Parameters, parameter{Name: m[1], In: "path", Required: true, Schema: &Schema{Type: String}})
	}
	for _, q := range r.Query {
		op.Parameters = append(op.Parameters, parameter{Name: q.Name, In: "query", Description: q.Doc, Schema: &Schema{Type: String}})
	}
	if in != reflect.TypeFor[None]() {
		s := SchemaOf(in)
		op.RequestBody = &requestBody{Required: len(s.Required) > 0, Content: map[string]content{"application/json": {s}}}
	}
	for _, status := range r.Status {
		res := response{Description: http.StatusText(status)}
		if out != reflect.TypeFor[None]() && status != http.StatusNoContent {
			res.Content = map[string]content{"application/json": {SchemaOf(out)}}
		}
		op.Responses[strconv.Itoa(status)] = res
	}
	problem := problemContent()
	op.Responses["422"] = response{"The request is wrong, and has changed nothing.", problem}
	if len(op.Parameters) > 0 && op.Parameters[0].In == "path" {
		op.Responses["404"] = response{"What the path names is not known.", problem}
	}
	return op
}

func problemContent() map[string]content {
	return map[string]content{"application/problem+json": {map[string]string{"$ref": "#/components/schemas/Problem"}}}
}

// describe answers the OpenAPI document, made from the very types that the routes decode.
func (c *Control) describe(w http.ResponseWriter, _ *http.Request) {
	paths := map[string]map[string]operation{}
	for path, methods := range c.paths {
		paths[path] = map[string]operation{}
		for m, op := range methods {
			paths[path][strings.ToLower(m)] = op
		}
	}
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	e.Encode(map[string]any{ //nolint:errcheck // the client has gone
		"openapi":    "3.1.0",
		"info":       map[string]string{"title": c.title, "version": "1"},
		"paths":      paths,
		"components": map[string]any{"schemas": map[string]any{"Problem": SchemaOf(reflect.TypeFor[Problem]())}},
	})
}
