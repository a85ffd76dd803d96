package api

import (
	"github.com/hushpush/hush/internal/rest"
)

// each is one item of a list whose items are checked each by itself, such as a push of a batch: its bytes as they came. In
// the OpenAPI document it is a T.
type each[T any] []byte

// UnmarshalJSON keeps the bytes.
func (e *each[T]) UnmarshalJSON(b []byte) error {
	*e = append((*e)[:0], b...)
	return nil
}

// Describe is T's schema, marked so that the walk over the body leaves it to the handler.
func (each[T]) Describe(s *rest.Schemas) *rest.Schema {
	return &rest.Schema{AllOf: []*rest.Schema{rest.SchemaFor[T](s)}, CheckedByHandler: true}
}

// readItem walks a value that comes alone, such as an item of a list or a line of a stream, decodes what is right of it, and
// returns what is wrong by locations from "body".
func readItem(value []byte, schema *rest.Schema, into any) (faults, error) {
	found, err := checkBody(value, schema, nil)
	if err != nil {
		return nil, err
	}
	return found, rest.Decode(value, into)
}
