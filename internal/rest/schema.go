package rest

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Schema describes a JSON value. Bodies and parameters are checked against it, and the OpenAPI document shows it (JSON Schema
// 2020-12). Schemas derives both from the Go types, so that they cannot differ.
type Schema struct {
	Ref              string             `json:"$ref,omitempty"`
	Type             string             `json:"type,omitempty"` // "" for any type
	Description      string             `json:"description,omitempty"`
	Format           string             `json:"format,omitempty"`
	Enum             []string           `json:"enum,omitempty"`
	Default          any                `json:"default,omitempty"`
	Examples         []any              `json:"examples,omitempty"`
	Minimum          *float64           `json:"minimum,omitempty"`
	ExclusiveMinimum *float64           `json:"exclusiveMinimum,omitempty"`
	Maximum          *float64           `json:"maximum,omitempty"`
	MinLength        *int               `json:"minLength,omitempty"` // in bytes, as MaxLength
	MaxLength        *int               `json:"maxLength,omitempty"`
	Items            *Schema            `json:"items,omitempty"`
	MinItems         *int               `json:"minItems,omitempty"`
	MaxItems         *int               `json:"maxItems,omitempty"`
	Properties       map[string]*Schema `json:"properties,omitempty"`
	Required         []string           `json:"required,omitempty"`
	PropertyNames    *Schema            `json:"propertyNames,omitempty"`
	AllOf            []*Schema          `json:"allOf,omitempty"`
	OneOf            []*Schema          `json:"oneOf,omitempty"`
	ContentEncoding  string             `json:"contentEncoding,omitempty"`
	ContentMediaType string             `json:"contentMediaType,omitempty"`
	ContentSchema    *Schema            `json:"contentSchema,omitempty"`

	Values           *Schema `json:"-"` // the values of an object that is a map
	Closed           bool    `json:"-"` // an object may have no fields but Properties
	Nullable         bool    `json:"-"` // null means absent
	CheckedByHandler bool    `json:"-"` // Check skips the value: the handler checks it, for instance item by item

	target *Schema // the schema that Ref refers to
}

// The types of JSON values, as JSON Schema spells them.
const (
	Object  = "object"
	Array   = "array"
	String  = "string"
	Boolean = "boolean"
	Integer = "integer"
	Number  = "number"
)

// Target returns the schema itself or, for a reference, the schema that it refers to.
func (s *Schema) Target() *Schema {
	if s != nil && s.target != nil {
		return s.target
	}
	return s
}

// MarshalJSON writes the schema. A nullable one also has the type null; additionalProperties follows from Values or Closed.
func (s *Schema) MarshalJSON() ([]byte, error) {
	type plain Schema
	out := struct {
		*plain
		Type  any `json:"type,omitempty"`
		Other any `json:"additionalProperties,omitempty"`
	}{plain: (*plain)(s)}
	if s.Type != "" {
		out.Type = s.Type
		if s.Nullable {
			out.Type = []string{s.Type, "null"}
		}
	}
	switch {
	case s.Values != nil:
		out.Other = s.Values
	case s.Closed:
		out.Other = false
	}
	return json.Marshal(out)
}

// described describes in words what a value must be.
func (s *Schema) described() string {
	if s == nil {
		return "a value"
	}
	if s.Description != "" {
		return s.Description
	}
	if s = s.Target(); len(s.Enum) > 0 {
		return "one of " + s.words()
	}
	return ofType(s.Type)
}

// words lists the enum.
func (s *Schema) words() string { return strings.Join(s.Enum, ", ") }

// inBounds reports whether a number is between the bounds.
func (s *Schema) inBounds(n float64) bool {
	return (s.Minimum == nil || n >= *s.Minimum) && (s.ExclusiveMinimum == nil || n > *s.ExclusiveMinimum) && (s.Maximum == nil || n <= *s.Maximum)
}

// bounds describes which numbers are in bounds.
func (s *Schema) bounds() string {
	text := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case s.ExclusiveMinimum != nil && s.Maximum != nil:
		return "more than " + text(s.ExclusiveMinimum) + ", at most " + text(s.Maximum)
	case s.ExclusiveMinimum != nil:
		return "more than " + text(s.ExclusiveMinimum)
	case s.Minimum != nil && s.Maximum != nil:
		return text(s.Minimum) + " to " + text(s.Maximum)
	case s.Minimum != nil:
		return text(s.Minimum) + " or more"
	case s.Maximum != nil:
		return "at most " + text(s.Maximum)
	}
	return "a smaller one"
}

// ofType returns a schema's type with its article.
func ofType(name string) string {
	switch name {
	case Object, Integer:
		return "an " + name
	case Array:
		return "a list"
	case Boolean:
		return "true or false"
	case "":
		return "a value"
	}
	return "a " + name
}

func number(text string) *float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) {
		return nil
	}
	return &f
}

func count(text string) *int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return &n
}
