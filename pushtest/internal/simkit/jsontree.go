package simkit

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hushpush/hush/internal/rest"
)

// Kind is what a JSON value is.
type Kind string

// The kinds, as JSON Schema spells them.
const (
	Null    Kind = "null"
	Boolean Kind = "boolean"
	Number  Kind = "number"
	String  Kind = "string"
	Object  Kind = "object"
	Array   Kind = "array"
)

// Node is one JSON value with its members in the order in which they were written.
type Node struct {
	Kind    Kind
	Text    string   // of a string: its value; of a number: as it was written; of a boolean: "true" or "false"
	Members []Member // of an object
	Items   []*Node  // of an array
}

// Member is one name of an object with its value.
type Member struct {
	Name  string
	Value *Node
}

// Get returns the value of an object's member, nil if there is none or if n is no object.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Name == name {
			return n.Members[i].Value
		}
	}
	return nil
}

// ParseJSON reads one JSON value and nothing after it: a body of a provider's own protocol, whose rules are the simulators'. Invalid
// UTF-8, lone surrogates, doubled names and nesting beyond depth are a *rest.Malformed. Memory is bounded by the body's own size: the
// reader never recurses beyond depth.
func ParseJSON(b []byte, depth int) (*Node, error) {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	n, err := parseValue(d, depth)
	if err != nil {
		return nil, rest.MalformedBy(b, err)
	}
	if _, err := d.ReadToken(); err == nil {
		return nil, &rest.Malformed{Why: rest.Followed, At: d.InputOffset()}
	} else if !errors.Is(err, io.EOF) {
		return nil, rest.MalformedBy(b, err)
	}
	return n, nil
}

func parseValue(d *jsontext.Decoder, depth int) (*Node, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case 'n':
		return &Node{Kind: Null}, nil
	case 't', 'f':
		return &Node{Kind: Boolean, Text: t.String()}, nil
	case '"':
		return &Node{Kind: String, Text: t.String()}, nil
	case '0':
		return &Node{Kind: Number, Text: t.String()}, nil
	case '{':
		return parseObject(d, depth)
	case '[':
		return parseArray(d, depth)
	}
	return nil, fmt.Errorf("unexpected %v", t.Kind())
}

func parseObject(d *jsontext.Decoder, depth int) (*Node, error) {
	if d.StackDepth() > depth {
		return nil, &rest.Malformed{Why: rest.TooDeep, Most: depth}
	}
	n := &Node{Kind: Object}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String() // before the next read: the token's memory is the decoder's
		v, err := parseValue(d, depth)
		if err != nil {
			return nil, err
		}
		n.Members = append(n.Members, Member{key, v})
	}
	_, err := d.ReadToken()
	return n, err
}

func parseArray(d *jsontext.Decoder, depth int) (*Node, error) {
	if d.StackDepth() > depth {
		return nil, &rest.Malformed{Why: rest.TooDeep, Most: depth}
	}
	n := &Node{Kind: Array}
	for d.PeekKind() != ']' {
		v, err := parseValue(d, depth)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, v)
	}
	_, err := d.ReadToken()
	return n, err
}
