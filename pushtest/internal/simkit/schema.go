package simkit

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schema describes a JSON value: what the control API checks bodies against, and what its OpenAPI page shows. It is made
// from a Go type by SchemaOf, so that the two cannot differ.
type Schema struct {
	Type        any                `json:"type,omitempty"` // a Kind, "integer", or a list of two with null
	Format      string             `json:"format,omitempty"`
	Description string             `json:"description,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	Above       *float64           `json:"exclusiveMinimum,omitempty"` // of a go-duration in seconds
	MinLength   *int               `json:"minLength,omitempty"`
	MaxLength   *int               `json:"maxLength,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or the schema of a map's values
	Examples    []any              `json:"examples,omitempty"`

	order    []string // properties as the type lists them
	nullable bool
	any      bool // nothing is checked
}

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
	durType  = reflect.TypeFor[Duration]()
)

// SchemaOf makes the schema of a type: structs, maps with string keys, slices, pointers, strings, booleans, numbers,
// time.Time, Duration, json.RawMessage (anything) and what reads itself from text. Fields are told about by tags: json, doc,
// enum ("a,b"), required ("true"), min, max, above (more than that), minLength, maxLength.
func SchemaOf(t reflect.Type) *Schema {
	switch {
	case t == timeType:
		return &Schema{Type: String, Format: "date-time"}
	case t == durType:
		return &Schema{Type: String, Format: "go-duration", Description: "A span in Go's form, such as 90s or 1h."}
	case t == rawType:
		return &Schema{any: true}
	}
	switch t.Kind() {
	case reflect.Pointer:
		s := SchemaOf(t.Elem())
		s.nullable = true
		return s
	case reflect.String:
		return &Schema{Type: String}
	case reflect.Bool:
		return &Schema{Type: Boolean}
	case reflect.Float32, reflect.Float64:
		return &Schema{Type: Number}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &Schema{Type: "integer"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &Schema{Type: String, Format: "byte"}
		}
		return &Schema{Type: Array, Items: SchemaOf(t.Elem())}
	case reflect.Map:
		return &Schema{Type: Object, Additional: SchemaOf(t.Elem())}
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(textType) {
			return &Schema{Type: String}
		}
		s := &Schema{Type: Object, Properties: map[string]*Schema{}, Additional: false}
		s.addFields(t)
		return s
	}
	panic("simkit: no schema for " + t.String())
}

func (s *Schema) addFields(t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			s.addFields(f.Type)
			continue
		case name == "-" || !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		p := SchemaOf(f.Type)
		p.tag(f.Tag)
		s.Properties[name] = p
		s.order = append(s.order, name)
		if f.Tag.Get("required") == "true" {
			s.Required = append(s.Required, name)
		}
	}
}

func (s *Schema) tag(tag reflect.StructTag) {
	if d := tag.Get("doc"); d != "" {
		s.Description = d
	}
	if e := tag.Get("enum"); e != "" {
		s.Enum = strings.Split(e, ",")
	}
	s.Minimum, s.Maximum, s.Above = tagNumber(tag, "min"), tagNumber(tag, "max"), tagNumber(tag, "above")
	s.MinLength, s.MaxLength = tagInt(tag, "minLength"), tagInt(tag, "maxLength")
	if s.nullable && s.Type != nil {
		s.Type = []any{s.Type, Null}
	}
}

func tagNumber(tag reflect.StructTag, name string) *float64 {
	f, err := strconv.ParseFloat(tag.Get(name), 64)
	if err != nil {
		return nil
	}
	return &f
}

func tagInt(tag reflect.StructTag, name string) *int {
	n, err := strconv.Atoi(tag.Get(name))
	if err != nil {
		return nil
	}
	return &n
}

// Check says all that is wrong with a value, each with its location below at ("body", then "body.match.token").
func (s *Schema) Check(n *Node, at string) []FieldError {
	if s.any || n.Kind == Null && s.nullable {
		return nil
	}
	want := s.Type
	if l, ok := want.([]any); ok {
		want = l[0]
	}
	wrong := func(code, format string, a ...any) []FieldError {
		return []FieldError{{Location: at, Code: code, Message: fmt.Sprintf(format, a...)}}
	}
	switch {
	case want == "integer" && n.Kind == Number:
		if _, err := strconv.ParseInt(n.Text, 10, 64); err != nil {
			return wrong("wrong_type", "%s is no whole number", clip(n.Text))
		}
	case want != n.Kind:
		return wrong("wrong_type", "is %s; want %v", n.Kind, want)
	}
	switch n.Kind {
	case Object:
		return s.checkObject(n, at)
	case Array:
		var errs []FieldError
		for i, item := range n.Items {
			errs = append(errs, s.Items.Check(item, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return errs
	case String:
		return s.checkString(n.Text, at)
	case Number:
		f, err := strconv.ParseFloat(n.Text, 64)
		if err != nil || s.Minimum != nil && f < *s.Minimum || s.Above != nil && f <= *s.Above || s.Maximum != nil && f > *s.Maximum {
			return wrong("out_of_range", "%s is out of range; want %s", clip(n.Text), s.span())
		}
	}
	return nil
}

// unknownWords says of a field that it is not known, and which are.
func (s *Schema) unknownWords() string {
	if len(s.order) == 0 {
		return "is not known here; want {}"
	}
	return "is not known here; known are " + strings.Join(s.order, ", ")
}

func (s *Schema) checkObject(n *Node, at string) (errs []FieldError) {
	for _, m := range n.Members {
		p, known := s.Properties[m.Name]
		if values, isMap := s.Additional.(*Schema); isMap {
			p, known = values, true
		}
		if !known {
			errs = append(errs, FieldError{at + "." + clip(m.Name), "unknown_field", s.unknownWords()})
			continue
		}
		errs = append(errs, p.Check(m.Value, at+"."+clip(m.Name))...)
	}
	for _, name := range s.Required {
		if n.Get(name) == nil {
			errs = append(errs, FieldError{at + "." + name, "required", "is missing"})
		}
	}
	return errs
}

func (s *Schema) checkString(v, at string) []FieldError {
	wrong := func(code, format string, a ...any) []FieldError {
		return []FieldError{{Location: at, Code: code, Message: fmt.Sprintf(format, a...)}}
	}
	switch {
	case s.Enum != nil && !slices.Contains(s.Enum, v):
		return wrong("bad_value", "%q is not one of %s", clip(v), strings.Join(s.Enum, ", "))
	case s.MinLength != nil && len(v) < *s.MinLength:
		return wrong("bad_value", "has %d bytes; want %d or more", len(v), *s.MinLength)
	case s.MaxLength != nil && len(v) > *s.MaxLength:
		return wrong("bad_value", "has %d bytes; want %d or fewer", len(v), *s.MaxLength)
	case s.Format == "date-time":
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return wrong("bad_value", "%q is no RFC 3339 time, such as 2026-01-02T15:04:05Z", clip(v))
		}
	case s.Format == "go-duration":
		d, err := time.ParseDuration(v)
		if err != nil {
			return wrong("bad_value", "%q is no duration, such as 90s or 1h", clip(v))
		}
		if s.Above != nil && d.Seconds() <= *s.Above {
			return wrong("out_of_range", "%s is out of range; want more than %gs", d, *s.Above)
		}
	}
	return nil
}

func (s *Schema) span() string {
	switch {
	case s.Above != nil && s.Maximum != nil:
		return fmt.Sprintf("more than %g, at most %g", *s.Above, *s.Maximum)
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%g to %g", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		return fmt.Sprintf("%g or more", *s.Minimum)
	case s.Maximum != nil:
		return fmt.Sprintf("%g or less", *s.Maximum)
	}
	return "a number"
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
