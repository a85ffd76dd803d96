package rest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Strict has the limits and rules for reading JSON that are not in its schema. A value is walked once, token by token, before it
// is decoded: Go's decoder silently repairs or ignores invalid UTF-8, lone surrogates and duplicate names, and many small values
// take up to 25 times their size in memory.
type Strict struct {
	Depth int // the deepest nesting
	Names int // the most names in all objects together; 0: no limit
	Items int // the most items in a list whose schema has no limit; 0: no limit

	// FreeBytes is the most bytes that an object without known fields may have, measured by FreeSize; 0: no limit.
	FreeBytes int
	FreeSize  func(object []byte) int

	// Formats are the rules for strings, by the format of the schema. A format without a rule is for the document only.
	Formats Formats
}

// Refuse returns a fault if a field must be refused for its meaning, wherever it appears; nil if not.
type Refuse func(location, name string) *Fault

// decoders are reused, because each keeps room for the names of objects: a batch is walked item by item.
var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(noBody) }}

var noBody = strings.NewReader("")

// Check validates JSON against a schema and returns all faults, with locations below at. refuse may be nil. Do not decode the
// value if err is not nil: *Malformed (invalid JSON) or *Heavy (would take too much memory).
func (s Strict) Check(value []byte, at string, schema *Schema, refuse Refuse) (Faults, error) {
	dec := decoders.Get().(*jsontext.Decoder)
	dec.Reset(bytes.NewBuffer(value)) // no copy
	defer func() {
		dec.Reset(noBody) // releases the value
		decoders.Put(dec)
	}()
	w := walk{Strict: s, value: value, dec: dec, refuse: refuse, root: at}
	if err := w.any(schema); err != nil {
		return nil, MalformedBy(value, err)
	}
	if _, err := dec.ReadToken(); err == nil {
		return nil, &Malformed{Why: Followed, At: dec.InputOffset()}
	} else if !errors.Is(err, io.EOF) {
		return nil, MalformedBy(value, err)
	}
	if w.heavy {
		return nil, &Heavy{w.faults}
	}
	return w.faults, nil
}

// Heavy is the error for JSON that would take too much memory once decoded.
type Heavy struct{ Faults Faults }

// Error says which limit was exceeded.
func (h *Heavy) Error() string { return h.Faults.Summary() }
