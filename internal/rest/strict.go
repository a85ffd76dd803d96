package rest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Strict is how JSON is read: what it may hold, beside what its schema says. A value is walked once, token by token, before
// it is decoded: Go's decoder mends or ignores wrong UTF-8, lone surrogates and doubled names silently, and makes up to 25 times as
// much of many small values.
type Strict struct {
	Depth int // how deep it may nest
	Names int // how many names all objects may have together; 0: as many as come
	Items int // how many items a list may have whose schema does not say; 0: as many as come

	// FreeBytes is how long an object may be whose fields nobody knows, by FreeSize; 0: as long as it comes.
	FreeBytes int
	FreeSize  func(object []byte) int

	// Formats are the rules of strings, by the formats of their schemas. Another format is for the document only.
	Formats Formats
}

// Refuse returns the fault of a field that is refused for what it means, wherever it stands; nil: it is not.
type Refuse func(location, name string) *Fault

// decoders are used again, for the room that each has made for the names of objects: a batch is walked item by item.
var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(noBody) }}

var noBody = strings.NewReader("")

// Check holds a JSON value against a schema and returns all that is wrong with it, by locations below at. refuse may be nil. The value
// must not be decoded if the error is not nil: *Malformed for what is no JSON as it is read here, *Heavy for what would become too
// much.
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

// Heavy is JSON that holds more than may be decoded.
type Heavy struct{ Faults Faults }

// Error says what there is too much of.
func (h *Heavy) Error() string { return h.Faults.Summary() }
