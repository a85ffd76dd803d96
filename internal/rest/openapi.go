package rest

import "strings"

// Document is an OpenAPI 3.1 document. Its parts have the names of the specification.
type Document struct {
	OpenAPI    string                           `json:"openapi"`
	Info       Info                             `json:"info"`
	Servers    []Server                         `json:"servers,omitempty"`
	Tags       []Tag                            `json:"tags,omitempty"`
	Paths      map[string]map[string]*Operation `json:"paths"` // by path, then method in lower case
	Components Components                       `json:"components"`
}

// Info is the head of a document.
type Info struct {
	Title       string   `json:"title"`
	Version     string   `json:"version"`
	Description string   `json:"description,omitempty"`
	Contact     *Contact `json:"contact,omitempty"`
	License     *License `json:"license,omitempty"`
}

// Contact is the publisher of the API.
type Contact struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// License names the terms of use.
type License struct {
	Name       string `json:"name"`
	Identifier string `json:"identifier"` // from the SPDX list
}

// Server is a base address of the API.
type Server struct {
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
}

// Tag is a chapter of the document.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Components holds what operations refer to.
type Components struct {
	Schemas         *Schemas                  `json:"schemas"`
	SecuritySchemes map[string]SecurityScheme `json:"securitySchemes,omitempty"`
}

// SecurityScheme is a way for callers to authenticate.
type SecurityScheme struct {
	Type         string `json:"type"`
	Scheme       string `json:"scheme,omitempty"`
	BearerFormat string `json:"bearerFormat,omitempty"`
	In           string `json:"in,omitempty"`
	Name         string `json:"name,omitempty"`
	Description  string `json:"description,omitempty"`
}

// Operation describes a route.
type Operation struct {
	ID          string                `json:"operationId,omitempty"`
	Summary     string                `json:"summary,omitempty"`
	Description string                `json:"description,omitempty"`
	Tags        []string              `json:"tags,omitempty"`
	Security    []map[string][]string `json:"security,omitzero"` // empty but not nil: no authentication
	Parameters  []Parameter           `json:"parameters,omitempty"`
	RequestBody *RequestBody          `json:"requestBody,omitempty"`
	Responses   map[string]*Response  `json:"responses"`
	Frames      map[string]*Schema    `json:"x-frames,omitempty"` // for a WebSocket: the frames, by sender
}

// RequestBody describes the body of a request.
type RequestBody struct {
	Required bool                  `json:"required,omitempty"`
	Content  map[string]*MediaType `json:"content"`
}

// Response describes the answer with one status.
type Response struct {
	Description string                `json:"description"`
	Headers     map[string]*Header    `json:"headers,omitempty"`
	Content     map[string]*MediaType `json:"content,omitempty"`
}

// Header describes a header of a response.
type Header struct {
	Description string  `json:"description"`
	Schema      *Schema `json:"schema"`
}

// MediaType describes a body in one media type.
type MediaType struct {
	Schema   *Schema            `json:"schema"`
	Example  any                `json:"example,omitempty"`
	Examples map[string]Example `json:"examples,omitempty"`
}

// Example is one of several examples.
type Example struct {
	Value any `json:"value"`
}

// NewDocument returns a document without operations.
func NewDocument(info Info, schemas *Schemas) *Document {
	return &Document{OpenAPI: "3.1.0", Info: info, Paths: map[string]map[string]*Operation{}, Components: Components{Schemas: schemas}}
}

// Put adds an operation to the document.
func (d *Document) Put(method, path string, op *Operation) {
	if d.Paths[path] == nil {
		d.Paths[path] = map[string]*Operation{}
	}
	d.Paths[path][strings.ToLower(method)] = op
}

// JSON returns the content of a JSON body with a schema.
func JSON(schema *Schema) map[string]*MediaType {
	return map[string]*MediaType{"application/json": {Schema: schema}}
}

// Problems returns the content of a problem+json answer with a schema.
func Problems(schema *Schema) map[string]*MediaType {
	return map[string]*MediaType{ProblemType: {Schema: schema}}
}

// Text returns the content of a plain-text answer with an example.
func Text(example string) map[string]*MediaType {
	return map[string]*MediaType{"text/plain": {Schema: &Schema{Type: String}, Example: example}}
}

// StreamOf returns the content of a stream of items. In OpenAPI 3.1 a stream is one long string; its contentSchema is the list of
// its items, as in OpenAPI 3.2.
func StreamOf(mediaType string, item *Schema) map[string]*MediaType {
	return map[string]*MediaType{mediaType: {Schema: Containing(mediaType, &Schema{Type: Array, Items: item})}}
}

// Containing returns the schema of a string whose content has a media type and a schema.
func Containing(mediaType string, content *Schema) *Schema {
	return &Schema{Type: String, ContentMediaType: mediaType, ContentSchema: content}
}
