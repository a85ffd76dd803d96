package simkit

import (
	"encoding/json"
	"errors"
	"reflect"
)

// Validator is a control body that can say what its schema cannot, such as two fields that exclude each other.
type Validator interface{ Validate() []FieldError }

// controlDepth is how deep a control body may nest.
const controlDepth = 32

// Decode reads a control body into T and refuses with a *Problem that names each field at fault: no JSON, doubled or unknown
// names, wrong types, values out of range. An empty body is read as {}.
func Decode[T any](body []byte) (*T, error) {
	if len(body) == 0 {
		body = []byte("{}")
	}
	tree, err := ParseJSON(body, controlDepth)
	if err != nil {
		message := "is not readable as JSON: " + err.Error()
		if errors.Is(err, ErrTooDeep) {
			message = "is nested too deeply"
		}
		return nil, Invalid(FieldError{Location: "body", Code: "bad_json", Message: message})
	}
	if errs := SchemaOf(reflect.TypeFor[T]()).Check(tree, "body"); len(errs) > 0 {
		return nil, Invalid(errs...)
	}
	v := new(T)
	if err := json.Unmarshal(body, v); err != nil {
		return nil, Invalid(FieldError{Location: "body", Code: "wrong_type", Message: err.Error()})
	}
	if c, ok := any(v).(Validator); ok {
		if errs := c.Validate(); len(errs) > 0 {
			return nil, Invalid(errs...)
		}
	}
	return v, nil
}
