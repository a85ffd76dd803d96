package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Input describes what a route takes, derived from its handler's type: fields with the tag path, query or header are parameters,
// and the field Body is the body. Fields of embedded structs count as well. A parameter is a string, an int or, in the query, a
// list of strings.
type Input struct {
	Parameters []Parameter
	Body       *Schema // nil: no body

	body []int // the index of the field Body
}

// Parameter is one parameter of a route, as the OpenAPI document describes it.
type Parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"` // path, query or header
	Required    bool    `json:"required,omitempty"`
	Description string  `json:"description,omitempty"`
	Explode     *bool   `json:"explode,omitempty"` // for query parameters: whether it may be repeated
	Schema      *Schema `json:"schema"`

	field []int
}

// Formats maps the formats of schemas to the rules of their strings.
type Formats map[string]Format

// Format is a rule for strings.
type Format struct {
	Code  Code
	Check func(string) error // the error is the message of the fault
}

// inputOf derives the input from a handler's type. It panics if a request cannot be read into that type.
func inputOf(t reflect.Type, schemas *Schemas) *Input {
	in := &Input{}
	if t.Kind() == reflect.Struct {
		in.add(t, nil, schemas)
	}
	return in
}

func (in *Input) add(t reflect.Type, above []int, schemas *Schemas) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(above), i)
		switch {
		case f.Anonymous:
			in.add(f.Type, at, schemas)
		case f.Name == "Body":
			in.body, in.Body = at, schemas.Of(f.Type)
		default:
			in.addParameter(f, at, schemas)
		}
	}
}

func (in *Input) addParameter(f reflect.StructField, at []int, schemas *Schemas) {
	for _, place := range []string{"path", "query", "header"} {
		name, ok := f.Tag.Lookup(place)
		if !ok {
			continue
		}
		p := Parameter{Name: name, In: place, Required: place == "path", Schema: schemas.Field(f), field: at}
		p.Description = p.Schema.Description
		switch f.Type.Kind() {
		case reflect.String, reflect.Int:
		case reflect.Slice:
			if place != "query" || f.Type.Elem().Kind() != reflect.String {
				panic(fmt.Sprintf("rest: the parameter %s is a %s; want a list of strings in the query alone", name, f.Type))
			}
		default:
			panic(fmt.Sprintf("rest: the parameter %s is a %s; want a string, an int or a list of strings", name, f.Type))
		}
		if place == "query" {
			explode := f.Type.Kind() == reflect.Slice
			p.Explode = &explode
		}
		in.Parameters = append(in.Parameters, p)
	}
}

// Check returns every fault of the parameters. An empty query parameter counts as absent. If exact, unknown query parameters are
// faults.
func (in *Input) Check(r *http.Request, formats Formats, exact bool) Faults {
	var f Faults
	query := queryOf(r)
	for _, p := range in.Parameters {
		at := p.In + "." + p.Name
		switch p.In {
		case "path":
			p.check(&f, at, PathValue(r, p.Name), formats)
		case "query":
			if value := query.Get(p.Name); value != "" {
				p.check(&f, at, value, formats)
			}
		case "header":
			if values := r.Header.Values(p.Name); len(values) > 1 {
				f.Add(at, TooMany, "is given %d times; want it once", len(values))
			} else if len(values) == 1 {
				p.check(&f, at, values[0], formats)
			}
		}
	}
	if exact && r.URL.RawQuery != "" {
		in.checkQuery(&f, r.URL.RawQuery)
	}
	return f
}

// queryOf returns the query of a request; nil if it has none.
func queryOf(r *http.Request) url.Values {
	if r.URL.RawQuery == "" {
		return nil
	}
	return r.URL.Query()
}

// check checks a parameter's text: an integer against its bounds, a string against its enum and the rule of its format.
func (p *Parameter) check(f *Faults, at, value string, formats Formats) {
	schema := p.Schema.Target()
	if schema.Type == Integer {
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			f.Add(at, OutOfRange, "is %s; want %s", Quoted(value), schema.bounds())
		case err != nil:
			f.Add(at, WrongType, "is %s; want an integer, %s", Quoted(value), schema.bounds())
		case !schema.inBounds(float64(n)):
			f.Add(at, OutOfRange, "is %d; want %s", n, schema.bounds())
		}
		return
	}
	if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, value) {
		f.Add(at, BadValue, "is %s; want one of %s", Quoted(value), schema.words())
	}
	if rule, ok := formats[schema.Format]; ok {
		if err := rule.Check(value); err != nil {
			f.Add(at, rule.Code, "%s", err)
		}
	}
}

// checkQuery adds the faults that would otherwise go unnoticed: unknown parameters, repeated ones of which only the first would
// count, and bad percent-encoding.
func (in *Input) checkQuery(f *Faults, raw string) {
	given := map[string]int{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			f.Add("query", BadValue, "cannot be decoded: %v; want a percent sign as %%25", err)
			continue
		}
		if _, err := url.QueryUnescape(value); err != nil {
			f.Add(join("query", name), BadValue, "cannot be decoded: %v; want a percent sign as %%25", err)
		}
		given[name]++
	}
	known := map[string]bool{} // whether a parameter may be repeated, by name
	for _, p := range in.Parameters {
		if p.In == "query" {
			known[p.Name] = *p.Explode
		}
	}
	for name, times := range given {
		repeated, ok := known[name]
		switch {
		case !ok:
			f.Add(join("query", name), UnknownField, "%s", unknown(name, known))
		case times > 1 && !repeated:
			f.Add(join("query", name), TooMany, "is given %d times; want it once", times)
		}
	}
}

// Fill fills into, which points to a value of the handler's type, from a request and its body. Invalid parameters get their
// defaults; of the body, all valid fields are decoded.
func (in *Input) Fill(into any, r *http.Request, body []byte) error {
	v := reflect.ValueOf(into).Elem()
	query := queryOf(r)
	for i := range in.Parameters {
		p := &in.Parameters[i]
		p.fill(v.FieldByIndex(p.field), r, query)
	}
	if in.Body == nil || len(body) == 0 {
		return nil
	}
	return Decode(body, in.BodyOf(into))
}

// BodyOf returns a pointer to the body inside into; nil if the route has no body.
func (in *Input) BodyOf(into any) any {
	if in.Body == nil {
		return nil
	}
	return reflect.ValueOf(into).Elem().FieldByIndex(in.body).Addr().Interface()
}

func (p *Parameter) fill(field reflect.Value, r *http.Request, query url.Values) {
	var text string
	switch p.In {
	case "path":
		text = PathValue(r, p.Name)
	case "query":
		if field.Kind() == reflect.Slice {
			fillList(field, query[p.Name])
			return
		}
		text = query.Get(p.Name)
	case "header":
		text = r.Header.Get(p.Name)
	}
	if text == "" && p.Schema.Default != nil {
		text = fmt.Sprint(p.Schema.Default)
	}
	if field.Kind() == reflect.String {
		field.SetString(text)
		return
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		field.SetInt(n)
	}
}

func fillList(field reflect.Value, values []string) {
	list := reflect.MakeSlice(field.Type(), len(values), len(values))
	for i, v := range values {
		list.Index(i).SetString(v)
	}
	field.Set(list)
}

// Decode decodes JSON for which Strict.Check returned no error. It ignores values of the wrong type, which Check has reported as
// faults, and decodes the rest, so that the handler can report further faults.
func Decode(value []byte, into any) error {
	err := json.Unmarshal(value, into)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return nil
	}
	return err
}
