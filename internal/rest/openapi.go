package rest

import "strings"

// Document is an OpenAPI 3.1 document. Its parts are named as the specification names them.
type Document struct {
	OpenAPI    string                           `json:"openapi"`
	Info       Info                             `json:"info"`
	Servers    []Server                         `json:"servers,omitempty"`
	Tags       []Tag                            `json:"tags,omitempty"`
	Paths      map[string]map[string]*Operation `json:"paths"` // by path, then method in lower case
	Components Components                       `json:"components"`
}

// Info heads a document.
type Info struct {
	Title       string   `json:"title"`
	Version     string   `json:"version"`
	Description string   `json:"description,omitempty"`
	Contact     *Contact `json:"contact,omitempty"`
	License     *License `json:"license,omitempty"`
}

// Contact is who made what is described.
type Contact struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// License is the terms under which it may be used.
type License struct {
	Name       string `json:"name"`
	Identifier string `json:"identifier"` // as SPDX spells it
}

// Server is where it is found.
type Server struct {
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
}

// Tag is a chapter.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Components are what operations refer to.
type Components struct {
	Schemas         *Schemas                  `json:"schemas"`
	SecuritySchemes map[string]SecurityScheme `json:"securitySchemes,omitempty"`
}

// SecurityScheme is a way for callers to show who they are.
type SecurityScheme struct {
	Type         string `json:"type"`
	Scheme       string `json:"scheme,omitempty"`
	BearerFormat string `json:"bearerFormat,omitempty"`
	In           string `json:"in,omitempty"`
	Name         string `json:"name,omitempty"`
	Description  string `json:"description,omitempty"`
}

// Operation is a route as the document has it.
type Operation struct {
	ID          string                `json:"operationId,omitempty"`
	Summary     string                `json:"summary,omitempty"`
	Description string                `json:"description,omitempty"`
	Tags        []string              `json:"tags,omitempty"`
	Security    []map[string][]string `json:"security,omitzero"` // not nil and empty: anybody may
	Parameters  []Parameter           `json:"parameters,omitempty"`
	RequestBody *RequestBody          `json:"requestBody,omitempty"`
	Responses   map[string]*Response  `json:"responses"`
	Frames      map[string]*Schema    `json:"x-frames,omitempty"` // of a WebSocket, by who sends them
}

// RequestBody is what an operation takes.
type RequestBody struct {
	Required bool                  `json:"required,omitempty"`
	Content  map[string]*MediaType `json:"content"`
}

// Response is what it answers with one status.
type Response struct {
	Description string                `json:"description"`
	Headers     map[string]*Header    `json:"headers,omitempty"`
	Content     map[string]*MediaType `json:"content,omitempty"`
}

// Header is a header of a response.
type Header struct {
	Description string  `json:"description"`
	Schema      *Schema `json:"schema"`
}

// MediaType is a body of one media type.
type MediaType struct {
	Schema   *Schema            `json:"schema"`
	Example  any                `json:"example,omitempty"`
	Examples map[string]Example `json:"examples,omitempty"`
}

// Example is one of several examples.
type Example struct {
	Value any `json:"value"`
}

// NewDocument makes a document without operations.
func NewDocument(info Info, schemas *Schemas) *Document {
	return &Document{OpenAPI: "3.1.0", Info: info, Paths: map[string]map[string]*Operation{}, Components: Components{Schemas: schemas}}
}

// Put puts an operation into the document.
func (d *Document) Put(method, path string, op *Operation) {
	if d.Paths[path] == nil {
		d.Paths[path] = map[string]*Operation{}
	}
	d.Paths[path][strings.ToLower(method)] = op
}

// JSON is the content of a body of a schema.
func JSON(schema *Schema) map[string]*MediaType {
	return map[string]*MediaType{"application/json": {Schema: schema}}
}

// Problems is the content of an answer that is a problem of a schema.
func Problems(schema *Schema) map[string]*MediaType {
	return map[string]*MediaType{ProblemType: {Schema: schema}}
}

// Text is the content of a plain text, with an example.
func Text(example string) map[string]*MediaType {
	return map[string]*MediaType{"text/plain": {Schema: &Schema{Type: String}, Example: example}}
}

// StreamOf is the content of a stream of items. To OpenAPI 3.1 a stream is one long text, and the schema of that text's content, as
// in OpenAPI 3.2, the list of what comes.
func StreamOf(mediaType string, item *Schema) map[string]*MediaType {
	return map[string]*MediaType{mediaType: {Schema: Containing(mediaType, &Schema{Type: Array, Items: item})}}
}

// Containing is a text whose content has a media type and a schema.
func Containing(mediaType string, content *Schema) *Schema {
	return &Schema{Type: String, ContentMediaType: mediaType, ContentSchema: content}
}
