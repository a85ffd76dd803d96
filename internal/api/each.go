package api

import (
	"errors"
	"io"

	"github.com/danielgtaylor/huma/v2"
)

// each is one item of a list whose items are checked each by itself, such as a push of a batch: its bytes as they came. In
// the OpenAPI document it is a T.
type each[T any] []byte

// UnmarshalJSON keeps the bytes.
func (e *each[T]) UnmarshalJSON(b []byte) error {
	*e = append((*e)[:0], b...)
	return nil
}

// aloneKey marks a schema whose values are checked by their handler.
const aloneKey = "x-hush-checked-alone"

// Schema is T's, marked so that the walk over the body leaves it to the handler.
func (e each[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{
		AllOf:      []*huma.Schema{schemaOf[T](r)},
		Extensions: map[string]any{aloneKey: true},
	}
}

func checkedAlone(s *huma.Schema) bool { return s.Extensions[aloneKey] == true }

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// standaloneSchema checks values of one type that come alone: items of a list, lines of a stream.
type standaloneSchema struct {
	registry huma.Registry
	schema   *huma.Schema
}

func newStandaloneSchema[T any]() *standaloneSchema {
	registry := newRegistry()
	return &standaloneSchema{registry: registry, schema: schemaOf[T](registry)}
}

// read walks a value, decodes what is right of it, and gives what is wrong by locations from "body".
func (s *standaloneSchema) read(value []byte, into any) (faults, error) {
	found, err := checkBody(value, "body", s.schema, s.registry, nil)
	if err != nil {
		return nil, err
	}
	return found, decode(value, into)
}
