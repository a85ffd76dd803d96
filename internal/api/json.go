package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// maxDepth is how deep a body may nest; what Hush takes needs less than ten.
const maxDepth = 64

// bodyCheck walks a JSON body once, token by token, before it is decoded: Go's decoder mends or ignores wrong UTF-8, lone
// surrogates and doubled names silently. On the way it compares the body with the schema of the handler's type.
type bodyCheck struct {
	body     []byte
	dec      *jsontext.Decoder
	registry huma.Registry
	faults   faults
	// refuse says why a field of this name is refused for what it means, wherever it stands, as in a resource; "": it is
	// only unknown. Nil: nothing is.
	refuse func(location, name string) string
	names  int  // seen so far, of all objects
	heavy  bool // it holds more than may be decoded; a fault says what
}

// decoders are used again, for the room that each has made for the names of objects: a batch is walked item by item.
var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(noBody) }}

var noBody = strings.NewReader("")

// checkBody compares a body with a schema and gives all that is wrong with it. The error is the problem bad_json for what
// is no JSON as Hush takes it, or invalid for what must not be decoded, for what would come of it.
func checkBody(body []byte, at string, schema *huma.Schema, registry huma.Registry, refuse func(location, name string) string) (faults, error) {
	dec := decoders.Get().(*jsontext.Decoder)
	dec.Reset(bytes.NewBuffer(body)) // no copy of the body
	defer func() {
		dec.Reset(noBody) // lets the body go
		decoders.Put(dec)
	}()
	c := &bodyCheck{body: body, dec: dec, registry: registry, refuse: refuse}
	if err := c.value(at, schema); err != nil {
		return nil, badJSON(err)
	}
	if _, err := c.dec.ReadToken(); err == nil {
		return nil, newProblem(http.StatusBadRequest, codeBadJSON, fmt.Sprintf("something follows the JSON value, before byte %d; want one value", c.dec.InputOffset()))
	} else if !isEOF(err) {
		return nil, badJSON(err)
	}
	if c.heavy {
		return nil, c.faults.err()
	}
	return c.faults, nil
}

var (
	errTooDeep = fmt.Errorf("it nests deeper than %d levels", maxDepth)
	errTooWide = fmt.Errorf("its objects have more than %d names", maxNames)
)

// badJSON tells what is wrong and where, without showing the body.
func badJSON(err error) error {
	what := "it is no JSON, or not UTF-8, or has a lone surrogate"
	at := ""
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		at = fmt.Sprintf(" (at byte %d)", syntax.ByteOffset)
		switch text := syntax.Err.Error(); {
		case errors.Is(err, jsontext.ErrDuplicateName):
			what = "an object has the same name twice; want each once"
		case strings.HasPrefix(text, "invalid surrogate"):
			what = `a string has a lone surrogate, half of a UTF-16 pair such as \ud83d without \ude00; want both halves, or none`
		case strings.Contains(text, "UTF-8"):
			what = "it is not UTF-8, or has a lone surrogate; want UTF-8"
		case strings.Contains(text, "escape"):
			what = "a string has a wrong escape"
		case strings.Contains(text, "EOF"):
			what = "it ends in the middle; want a whole JSON value"
		default:
			what = "it is no JSON"
		}
	}
	for _, limit := range []error{errTooDeep, errTooWide} {
		if errors.Is(err, limit) {
			what = limit.Error()
		}
	}
	if isEOF(err) && at == "" {
		what = "it is empty; want a JSON value"
	}
	return newProblem(http.StatusBadRequest, codeBadJSON, "the body cannot be read: "+what+at)
}

func (c *bodyCheck) value(at string, schema *huma.Schema) error {
	if schema != nil && schema.Ref != "" {
		schema = c.registry.SchemaFromRef(schema.Ref)
	}
	if c.dec.StackDepth() > maxDepth {
		return errTooDeep
	}
	kind := c.dec.PeekKind()
	if schema == nil || schema.Type == "" || checkedAlone(schema) {
		return c.free(at, kind)
	}
	if want := schema.Type; !fits(kind, want) {
		if kind == jsontext.KindInvalid {
			_, err := c.dec.ReadToken()
			return err
		}
		c.faults.add(at, push.CodeWrongType, "is %s; want %s", article(kind), articleOf(want))
		return c.free(at, kind)
	}
	switch kind {
	case jsontext.KindBeginObject:
		return c.object(at, schema)
	case jsontext.KindBeginArray:
		return c.array(at, schema)
	}
	token, err := c.dec.ReadToken()
	if err != nil {
		return err
	}
	c.scalar(at, schema, token)
	return nil
}

// object walks an object of known fields, or a map.
func (c *bodyCheck) object(at string, schema *huma.Schema) error {
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	start := c.dec.InputOffset() - 1
	seen := make([]string, 0, 8)
	for c.dec.PeekKind() != jsontext.KindEndObject {
		if err := c.wide(); err != nil {
			return err
		}
		token, err := c.dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		field := join(at, name)
		if why := c.refused(field, name); why != "" {
			c.loud(field, why)
			err = c.free(field, c.dec.PeekKind())
		} else if sub, known := schema.Properties[name]; known {
			seen = append(seen, name)
			err = c.value(field, sub)
		} else {
			err = c.unknown(field, name, schema)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range schema.Required {
		if !slices.Contains(seen, name) {
			c.faults.add(join(at, name), push.CodeRequired, "is missing; want %s", c.described(schema.Properties[name]))
		}
	}
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	if isFree(schema) {
		c.facts(at, c.body[start:c.dec.InputOffset()])
	}
	return nil
}

// wide counts a name, and refuses the body when it has too many: to find doubled ones, the decoder keeps them.
func (c *bodyCheck) wide() error {
	if c.names++; c.names > maxNames {
		return errTooWide
	}
	return nil
}

// isFree reports whether an object has no fields that we know: it is what a device says of itself.
func isFree(schema *huma.Schema) bool {
	return len(schema.Properties) == 0 && schema.AdditionalProperties != false
}

// facts bounds what a device says of itself before any of it is decoded.
func (c *bodyCheck) facts(at string, raw []byte) {
	if n := protocol.FactsBytes(raw); n > protocol.MaxFactsBytes {
		c.faults.add(at, push.CodeOutOfRange, "has %d bytes as JSON; want at most %d", n, protocol.MaxFactsBytes)
		c.heavy = true
	}
}

// unknown walks a field that the schema does not name: a map's entry, or a fault.
func (c *bodyCheck) unknown(at, name string, schema *huma.Schema) error {
	switch extra := schema.AdditionalProperties.(type) {
	case *huma.Schema:
		return c.value(at, extra)
	case bool:
		if extra {
			return c.free(at, c.dec.PeekKind())
		}
	case nil:
		return c.free(at, c.dec.PeekKind())
	}
	known := make([]string, 0, len(schema.Properties))
	for property := range schema.Properties {
		known = append(known, property)
	}
	slices.Sort(known)
	want := "one of " + strings.Join(known, ", ")
	if len(known) == 0 {
		want = "no fields"
	}
	c.faults.add(at, push.CodeUnknownField, "is not known here; want %s", want)
	return c.free(at, c.dec.PeekKind())
}

func (c *bodyCheck) array(at string, schema *huma.Schema) error {
	if _, err := c.dec.ReadToken(); err != nil {
		return err
	}
	n := 0
	for ; c.dec.PeekKind() != jsontext.KindEndArray; n++ {
		if err := c.value(at+"["+strconv.Itoa(n)+"]", schema.Items); err != nil {
			return err
		}
	}
	most := maxItems
	if schema.MaxItems != nil {
		most = *schema.MaxItems
	}
	if n > most {
		c.faults.add(at, push.CodeTooMany, "has %d items; want at most %d", n, most)
		c.heavy = true
	}
	if schema.MinItems != nil && n < *schema.MinItems {
		c.faults.add(at, push.CodeOutOfRange, "has %d items; want %d or more", n, *schema.MinItems)
	}
	_, err := c.dec.ReadToken()
	return err
}

// free walks a value of which nothing is known, or whose place is wrong; in a resource, what is not silent is looked for in
// there too. Numbers must be such that Go's decoder takes them.
func (c *bodyCheck) free(at string, kind jsontext.Kind) error {
	if c.dec.StackDepth() > maxDepth {
		return errTooDeep
	}
	token, err := c.dec.ReadToken()
	if err != nil {
		return err
	}
	switch kind {
	case jsontext.KindNumber:
		if _, err := strconv.ParseFloat(token.String(), 64); err != nil {
			c.faults.add(at, push.CodeOutOfRange, "is a number that no 64 bits hold; want a smaller one")
		}
	case jsontext.KindBeginArray:
		for i := 0; c.dec.PeekKind() != jsontext.KindEndArray; i++ {
			if err := c.free(at+"["+strconv.Itoa(i)+"]", c.dec.PeekKind()); err != nil {
				return err
			}
		}
		_, err = c.dec.ReadToken()
	case jsontext.KindBeginObject:
		for c.dec.PeekKind() != jsontext.KindEndObject {
			if err := c.wide(); err != nil {
				return err
			}
			name, err := c.dec.ReadToken()
			if err != nil {
				return err
			}
			field := join(at, name.String())
			if why := c.refused(field, name.String()); why != "" {
				c.loud(field, why)
			}
			if err := c.free(field, c.dec.PeekKind()); err != nil {
				return err
			}
		}
		_, err = c.dec.ReadToken()
	}
	return err
}

func (c *bodyCheck) scalar(at string, schema *huma.Schema, token jsontext.Token) {
	text := token.String()
	switch {
	case schema.Type == huma.TypeInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil && strings.ContainsAny(text, ".eE"):
			c.faults.add(at, push.CodeWrongType, "is a number with a fraction or an exponent; want an integer")
		case err != nil:
			c.faults.add(at, push.CodeOutOfRange, "is an integer that no 64 bits hold; want a smaller one")
		case schema.Minimum != nil && float64(n) < *schema.Minimum, schema.Maximum != nil && float64(n) > *schema.Maximum:
			c.faults.add(at, push.CodeOutOfRange, "is %d; want %s", n, bounds(schema))
		}
	case text == "" && schema.MinLength != nil && *schema.MinLength > 0:
		c.faults.add(at, push.CodeBadValue, "is empty; want %s", c.described(schema))
	case text != "" && len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(text)):
		c.faults.add(at, push.CodeBadValue, "is %s; want one of %s", quoted(text), enumOf(schema))
	}
}

// loud tells of a field that is not silent, also inside of what is wrong anyway: it is never to be overlooked.
func (c *bodyCheck) loud(at, why string) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, push.FieldError{Location: at, Code: push.CodeNotSilent, Message: "is refused: " + why + "; leave it out"})
	}
}

func (c *bodyCheck) refused(at, name string) string {
	if c.refuse == nil {
		return ""
	}
	return c.refuse(at, name)
}

func (c *bodyCheck) described(schema *huma.Schema) string {
	if schema == nil {
		return "a value"
	}
	if schema.Description != "" {
		return schema.Description
	}
	if schema.Ref != "" {
		schema = c.registry.SchemaFromRef(schema.Ref)
	}
	if len(schema.Enum) > 0 {
		return "one of " + enumOf(schema)
	}
	return articleOf(schema.Type)
}

// join is the location of a field. A name that no field of ours could have is cut short, so that an answer stays small.
func join(at, name string) string {
	const longest = 64
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return at + "." + name
}

// fits tells whether a JSON value is of the schema's type. null is of none: what is not given is left out.
func fits(kind jsontext.Kind, want string) bool {
	switch want {
	case huma.TypeObject:
		return kind == jsontext.KindBeginObject
	case huma.TypeArray:
		return kind == jsontext.KindBeginArray
	case huma.TypeString:
		return kind == jsontext.KindString
	case huma.TypeBoolean:
		return kind == jsontext.KindTrue || kind == jsontext.KindFalse
	case huma.TypeInteger, huma.TypeNumber:
		return kind == jsontext.KindNumber
	}
	return true
}

func article(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "a list"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	}
	return "true or false"
}

func articleOf(schemaType string) string {
	switch schemaType {
	case huma.TypeObject:
		return "an object"
	case huma.TypeArray:
		return "a list"
	case huma.TypeBoolean:
		return "true or false"
	case huma.TypeInteger:
		return "an integer"
	case "":
		return "a value"
	}
	return "a " + schemaType
}

func bounds(schema *huma.Schema) string {
	switch {
	case schema.Minimum == nil:
		return fmt.Sprintf("at most %.0f", *schema.Maximum)
	case schema.Maximum == nil:
		return fmt.Sprintf("%.0f or more", *schema.Minimum)
	}
	return fmt.Sprintf("%.0f to %.0f", *schema.Minimum, *schema.Maximum)
}

func enumOf(schema *huma.Schema) string {
	parts := make([]string, len(schema.Enum))
	for i, v := range schema.Enum {
		parts[i] = fmt.Sprint(v)
	}
	return strings.Join(parts, ", ")
}

// quoted shows a value of the request, cut short so that an answer stays small.
func quoted(s string) string {
	const longest = 64
	if len(s) > longest {
		return strconv.Quote(strings.ToValidUTF8(s[:longest], "")) + "…"
	}
	return strconv.Quote(s)
}
