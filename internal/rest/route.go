package rest

import (
	"net/http"
	"reflect"
	"strconv"
)

// Route describes one call of an API.
type Route struct {
	ID           string // operationId; "": none
	Method, Path string // Path as http.ServeMux has it: /apps/{app}
	Summary      string
	About        string // in the document, below the summary
	Tag          string // the document's chapter; "": none
	Status       int    // of success; 0: 200
	Also         int    // another status of success, such as 201 for what is new; 0: none
	OptionalBody bool
}

// Success returns the status of success.
func (r Route) Success() int {
	if r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// Endpoint is a route, the input of its handler, and its operation in the document.
type Endpoint struct {
	Route
	Input     *Input
	Operation *Operation
}

// Add makes the endpoint of a route whose handler takes an I and answers with an O, and adds it to a document.
func Add[I any, O Reply](d *Document, r Route) *Endpoint {
	in := inputOf(reflect.TypeFor[I](), d.Components.Schemas)
	op := &Operation{ID: r.ID, Summary: r.Summary, Description: r.About, Parameters: in.Parameters, Responses: map[string]*Response{}}
	if r.Tag != "" {
		op.Tags = []string{r.Tag}
	}
	if in.Body != nil {
		op.RequestBody = &RequestBody{Required: !r.OptionalBody, Content: JSON(in.Body)}
	}
	var out O
	body := out.body()
	for body != nil && body.Kind() == reflect.Pointer { // never nil in an answer with a body
		body = body.Elem()
	}
	for _, status := range []int{r.Success(), r.Also} {
		if status == 0 {
			continue
		}
		response := &Response{Description: http.StatusText(status)}
		if body != nil && status != http.StatusNoContent {
			response.Content = JSON(d.Components.Schemas.Of(body))
		}
		op.Responses[strconv.Itoa(status)] = response
	}
	d.Put(r.Method, r.Path, op)
	return &Endpoint{Route: r, Input: in, Operation: op}
}
