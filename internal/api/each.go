package api

import (
	"github.com/hushpush/hush/internal/rest"
)

// each is one item of a list whose items the handler checks separately, such as a push of a batch. It holds the item's bytes. The
// OpenAPI document shows a T.
type each[T any] []byte

// UnmarshalJSON copies the bytes.
func (e *each[T]) UnmarshalJSON(b []byte) error {
	*e = append((*e)[:0], b...)
	return nil
}

// Describe returns T's schema, marked so that Strict.Check skips the value.
func (each[T]) Describe(s *rest.Schemas) *rest.Schema {
	return &rest.Schema{AllOf: []*rest.Schema{rest.SchemaFor[T](s)}, CheckedByHandler: true}
}

// readItem checks one item of a list or one line of a stream, decodes its valid fields, and returns its faults with locations
// below "body".
func readItem(value []byte, schema *rest.Schema, into any) (faults, error) {
	found, err := checkBody(value, schema, nil)
	if err != nil {
		return nil, err
	}
	return found, rest.Decode(value, into)
}
