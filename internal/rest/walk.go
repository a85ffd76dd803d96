package rest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// walk is the state of walking one value.
type walk struct {
	Strict
	value  []byte
	dec    *jsontext.Decoder
	refuse Refuse
	root   string
	path   []step // from the root to the present place
	faults Faults
	names  int  // seen so far in all objects
	heavy  bool // the value must not be decoded; a fault says why
}

// step is one step down into a value: into a field or, if name is nil, into an item.
type step struct {
	name []byte // aliases the value; nil: an item
	item int
}

// at returns the location of the present place. It is built only for faults.
func (w *walk) at() string {
	at := w.root
	for _, s := range w.path {
		if s.name != nil {
			at = join(at, string(s.name))
		} else {
			at += "[" + strconv.Itoa(s.item) + "]"
		}
	}
	return at
}

func (w *walk) enterField(name []byte) { w.path = append(w.path, step{name: name}) }
func (w *walk) enterItem(n int)        { w.path = append(w.path, step{item: n}) }
func (w *walk) leave()                 { w.path = w.path[:len(w.path)-1] }

func (w *walk) fault(code Code, format string, args ...any) {
	if len(w.faults) < MaxFaults {
		w.faults.Add(w.at(), code, format, args...)
	}
}

// tooDeep reports whether the next value would nest too deep.
func (w *walk) tooDeep(kind jsontext.Kind) bool {
	return (kind == jsontext.KindBeginObject || kind == jsontext.KindBeginArray) && w.dec.StackDepth() >= w.Depth
}

// any walks a value of any kind.
func (w *walk) any(schema *Schema) error {
	schema = schema.Target()
	kind := w.dec.PeekKind()
	if w.tooDeep(kind) {
		return &Malformed{Why: TooDeep, Most: w.Depth}
	}
	if schema == nil || schema.Type == "" || schema.CheckedByHandler || schema.Nullable && kind == jsontext.KindNull {
		return w.free(kind)
	}
	if !fits(kind, schema.Type) {
		if kind == jsontext.KindInvalid {
			_, err := w.dec.ReadToken()
			return err
		}
		w.fault(WrongType, "is %s; want %s", ofKind(kind), ofType(schema.Type))
		return w.free(kind)
	}
	switch kind {
	case jsontext.KindBeginObject:
		return w.object(schema)
	case jsontext.KindBeginArray:
		return w.array(schema)
	}
	token, err := w.dec.ReadToken()
	if err != nil {
		return err
	}
	w.scalar(schema, token)
	return nil
}

// object walks an object with known fields, or a map.
func (w *walk) object(schema *Schema) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	start := w.dec.InputOffset() - 1
	var seen uint64 // one bit for each required field
	for w.dec.PeekKind() != jsontext.KindEndObject {
		name, err := w.name()
		if err != nil {
			return err
		}
		property, known := schema.Properties[string(name)]
		if i := slices.IndexFunc(schema.Required, func(r string) bool { return r == string(name) }); i >= 0 {
			seen |= 1 << i
		}
		w.enterField(name)
		switch {
		case w.refused(name):
			err = w.free(w.dec.PeekKind())
		case known:
			err = w.any(property)
		default:
			err = w.other(name, schema)
		}
		if err != nil {
			return err
		}
		w.leave()
	}
	for i, name := range schema.Required {
		if seen&(1<<i) == 0 {
			w.enterField([]byte(name))
			w.fault(Required, "is missing; want %s", schema.Properties[name].described())
			w.leave()
		}
	}
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	if len(schema.Properties) == 0 && !schema.Closed {
		w.weigh(w.value[start:w.dec.InputOffset()])
	}
	return nil
}

// name reads and counts the name of a field. (The decoder keeps all names to find duplicates.) The name aliases the value unless
// it is escaped there.
func (w *walk) name() ([]byte, error) {
	if w.names++; w.names > w.Names && w.Names > 0 {
		return nil, &Malformed{Why: TooWide, Most: w.Names}
	}
	quoted, err := w.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return jsontext.AppendUnquote([]byte{}, quoted)
	}
	end := w.dec.InputOffset() - 1
	return w.value[end-int64(len(quoted))+2 : end], nil
}

// weigh bounds an object without known fields before it is decoded.
func (w *walk) weigh(object []byte) {
	if w.FreeBytes == 0 {
		return
	}
	if n := w.FreeSize(object); n > w.FreeBytes {
		w.fault(OutOfRange, "has %d bytes as JSON; want at most %d", n, w.FreeBytes)
		w.heavy = true
	}
}

// other walks a field that the schema does not name: an entry of a map, or a fault.
func (w *walk) other(name []byte, schema *Schema) error {
	switch {
	case schema.Values != nil:
		return w.any(schema.Values)
	case schema.Closed:
		w.fault(UnknownField, "%s", unknown(string(name), schema.Properties))
	}
	return w.free(w.dec.PeekKind())
}

func (w *walk) array(schema *Schema) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	n := 0
	for ; w.dec.PeekKind() != jsontext.KindEndArray; n++ {
		w.enterItem(n)
		if err := w.any(schema.Items); err != nil {
			return err
		}
		w.leave()
	}
	most := w.Items
	if schema.MaxItems != nil {
		most = *schema.MaxItems
	}
	if n > most && most > 0 {
		w.fault(TooMany, "has %d items; want at most %d", n, most)
		w.heavy = true
	}
	if schema.MinItems != nil && n < *schema.MinItems {
		w.fault(OutOfRange, "has %d items; want %d or more", n, *schema.MinItems)
	}
	_, err := w.dec.ReadToken()
	return err
}

// free walks a value without a schema, or one whose place is already at fault, and still looks for refused fields. Numbers must
// fit Go's decoder.
func (w *walk) free(kind jsontext.Kind) error {
	if w.tooDeep(kind) {
		return &Malformed{Why: TooDeep, Most: w.Depth}
	}
	token, err := w.dec.ReadToken()
	if err != nil {
		return err
	}
	switch kind {
	case jsontext.KindNumber:
		if _, err := strconv.ParseFloat(token.String(), 64); err != nil {
			w.fault(OutOfRange, "is a number that no 64 bits hold; want a smaller one")
		}
	case jsontext.KindBeginArray:
		for i := 0; w.dec.PeekKind() != jsontext.KindEndArray; i++ {
			w.enterItem(i)
			if err := w.free(w.dec.PeekKind()); err != nil {
				return err
			}
			w.leave()
		}
		_, err = w.dec.ReadToken()
	case jsontext.KindBeginObject:
		for w.dec.PeekKind() != jsontext.KindEndObject {
			name, err := w.name()
			if err != nil {
				return err
			}
			w.enterField(name)
			w.refused(name)
			if err := w.free(w.dec.PeekKind()); err != nil {
				return err
			}
			w.leave()
		}
		_, err = w.dec.ReadToken()
	}
	return err
}

func (w *walk) scalar(schema *Schema, token jsontext.Token) {
	switch schema.Type {
	case Integer:
		w.integer(schema, token.String())
	case Number:
		if n, err := strconv.ParseFloat(token.String(), 64); err != nil || !schema.inBounds(n) {
			w.fault(OutOfRange, "is %s; want %s", Clip(token.String()), schema.bounds())
		}
	case String:
		w.text(schema, token)
	}
}

func (w *walk) integer(schema *Schema, text string) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && strings.ContainsAny(text, ".eE"):
		w.fault(WrongType, "is a number with a fraction or an exponent; want an integer")
	case err != nil:
		w.fault(OutOfRange, "is an integer that no 64 bits hold; want a smaller one")
	case !schema.inBounds(float64(n)):
		w.fault(OutOfRange, "is %d; want %s", n, schema.bounds())
	}
}

// text checks a string. The empty string stands for absence, so it need match no format and no enum.
func (w *walk) text(schema *Schema, token jsontext.Token) {
	rule, ruled := w.Formats[schema.Format]
	if schema.MinLength == nil && schema.MaxLength == nil && len(schema.Enum) == 0 && !ruled {
		return
	}
	text := token.String()
	switch {
	case text == "" && schema.MinLength != nil && *schema.MinLength > 0:
		w.fault(BadValue, "is empty; want %s", schema.described())
	case schema.MinLength != nil && len(text) < *schema.MinLength:
		w.fault(BadValue, "has %d bytes; want %d or more", len(text), *schema.MinLength)
	case schema.MaxLength != nil && len(text) > *schema.MaxLength:
		w.fault(BadValue, "has %d bytes; want at most %d", len(text), *schema.MaxLength)
	case text != "" && len(schema.Enum) > 0 && !slices.Contains(schema.Enum, text):
		w.fault(BadValue, "is %s; want one of %s", Quoted(text), schema.words())
	case ruled:
		if err := rule.Check(text); err != nil {
			w.fault(rule.Code, "%s", err)
		}
	}
}

// refused reports whether a field is refused for its meaning. Its fault is added even inside a value that is at fault already, so
// that it is never overlooked.
func (w *walk) refused(name []byte) bool {
	if w.refuse == nil {
		return false
	}
	fault := w.refuse(w.at(), string(name))
	if fault != nil && len(w.faults) < MaxFaults {
		w.faults = append(w.faults, *fault)
	}
	return fault != nil
}
