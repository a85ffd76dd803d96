package rest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schemas derives schemas from Go types. A struct becomes a component of the document under its type's name, and other schemas
// refer to it; so does each closed set of words.
type Schemas struct {
	Inline    bool // structs do not become components: each is written where it is used
	NullIsNil bool // null for a pointer means absent

	sets       []Set
	components map[string]*Schema
	types      map[string]reflect.Type // the components that are structs
}

// NewSchemas returns an empty collection in which the types of sets are enums.
func NewSchemas(sets ...Set) *Schemas {
	return &Schemas{sets: sets, components: map[string]*Schema{}, types: map[string]reflect.Type{}}
}

// Set is a named string type with a closed list of values.
type Set struct {
	Name, About string // in the document
	of          reflect.Type
	words       []string
}

// Closed returns the set of a type whose values are listed beside its constants.
func Closed[T ~string](words []T, name, about string) Set {
	set := Set{Name: name, About: about, of: reflect.TypeFor[T]()}
	for _, w := range words {
		set.words = append(set.words, string(w))
	}
	return set
}

// Describer is a type that provides its own schema.
type Describer interface{ Describe(*Schemas) *Schema }

const componentPrefix = "#/components/schemas/"

var (
	describerType = reflect.TypeFor[Describer]()
	textType      = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType      = reflect.TypeFor[time.Time]()
	rawType       = reflect.TypeFor[json.RawMessage]()
)

// SchemaFor returns the schema of a type: a reference if it is a component.
func SchemaFor[T any](s *Schemas) *Schema { return s.Of(reflect.TypeFor[T]()) }

// Of returns the schema of a type that is known only at run time. It panics for a type that JSON cannot be decoded into, such as
// a channel.
func (s *Schemas) Of(t reflect.Type) *Schema {
	pointer := t.Kind() == reflect.Pointer
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	made := s.of(t)
	made.Nullable = made.Nullable || pointer && s.NullIsNil && made.Type != ""
	return made
}

func (s *Schemas) of(t reflect.Type) *Schema {
	if set := s.set(t); set != nil {
		return s.Component(set.Name, &Schema{Type: String, Description: set.About, Enum: set.words})
	}
	switch {
	case t.Implements(describerType):
		return reflect.New(t).Elem().Interface().(Describer).Describe(s)
	case t == timeType:
		return &Schema{Type: String, Format: "date-time"}
	case t == rawType || t.Kind() == reflect.Interface:
		return &Schema{}
	case reflect.PointerTo(t).Implements(textType):
		return &Schema{Type: String}
	case t.Kind() != reflect.Struct:
		return s.ofKind(t)
	case s.Inline:
		return s.object(t, &Schema{})
	}
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if known, ok := s.types[name]; ok {
		if known != t {
			panic(fmt.Sprintf("rest: two types are called %s in the document: %s and %s", name, known, t))
		}
		return s.Refer(name)
	}
	whole := &Schema{}
	s.types[name] = t
	ref := s.Component(name, whole) // before its fields, which may refer to it
	s.object(t, whole)
	return ref
}

func (s *Schemas) ofKind(t reflect.Type) *Schema {
	switch t.Kind() {
	case reflect.String:
		return &Schema{Type: String}
	case reflect.Bool:
		return &Schema{Type: Boolean}
	case reflect.Float32, reflect.Float64:
		return &Schema{Type: Number, Format: "double"}
	case reflect.Int, reflect.Int64:
		return &Schema{Type: Integer, Format: "int64"}
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return &Schema{Type: Integer, Format: "int32"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &Schema{Type: Integer, Format: "int64", Minimum: new(float64)}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &Schema{Type: String, ContentEncoding: "base64"}
		}
		return &Schema{Type: Array, Items: s.Of(t.Elem())}
	case reflect.Map:
		made := &Schema{Type: Object, Values: s.Of(t.Elem())}
		if s.set(t.Key()) != nil {
			made.PropertyNames = s.Of(t.Key())
		}
		return made
	}
	panic("rest: there is no schema for " + t.String())
}

// Component adds a schema to the components, or replaces one, and returns a reference to it.
func (s *Schemas) Component(name string, whole *Schema) *Schema {
	s.components[name] = whole
	return s.Refer(name)
}

// Refer returns a reference to a component; nil if there is none of that name.
func (s *Schemas) Refer(name string) *Schema {
	whole, ok := s.components[name]
	if !ok {
		return nil
	}
	return &Schema{Ref: componentPrefix + name, target: whole}
}

// Name returns the name of the component that a schema refers to; "" if it is not a reference.
func (s *Schema) Name() string { return strings.TrimPrefix(s.Ref, componentPrefix) }

// MarshalJSON writes the components.
func (s *Schemas) MarshalJSON() ([]byte, error) { return json.Marshal(s.components) }

func (s *Schemas) set(t reflect.Type) *Set {
	i := slices.IndexFunc(s.sets, func(set Set) bool { return set.of == t })
	if i < 0 {
		return nil
	}
	return &s.sets[i]
}

// object fills in the schema of a struct.
func (s *Schemas) object(t reflect.Type, whole *Schema) *Schema {
	whole.Type, whole.Closed, whole.Properties = Object, true, map[string]*Schema{}
	s.fields(t, whole)
	return whole
}

// fields adds a struct's fields by the rules of encoding/json: fields of embedded structs count, unless a shallower field has the
// same name.
func (s *Schemas) fields(t reflect.Type, whole *Schema) {
	var embedded []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && name == "":
			embedded = append(embedded, f.Type)
			continue
		case name == "-" || !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		if whole.Properties[name] != nil {
			continue
		}
		whole.Properties[name] = s.Field(f)
		if isRequired(f, options) {
			whole.Required = append(whole.Required, name)
		}
	}
	for _, t := range embedded {
		s.fields(t, whole)
	}
	if len(whole.Required) > 64 {
		panic(fmt.Sprintf("rest: %s has %d required fields; want at most 64", t, len(whole.Required)))
	}
}

// isRequired reports whether a field must be present. The tag required decides; without it, fields tagged omitempty or omitzero
// are optional.
func isRequired(f reflect.StructField, options string) bool {
	if said, ok := f.Tag.Lookup("required"); ok {
		return said == "true"
	}
	return !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
}

// Field returns the schema of a struct's field with what its tags say: doc, format, enum ("a,b"), default, example, minimum,
// exclusiveMinimum, maximum, minLength, maxLength, minItems, maxItems. The tag required is read by isRequired.
func (s *Schemas) Field(f reflect.StructField) *Schema {
	made := s.Of(f.Type)
	tag := func(name string, to *string) {
		if v, ok := f.Tag.Lookup(name); ok {
			*to = v
		}
	}
	tag("doc", &made.Description)
	tag("format", &made.Format)
	if words := f.Tag.Get("enum"); words != "" {
		made.Enum = strings.Split(words, ",")
	}
	if v, ok := f.Tag.Lookup("default"); ok {
		made.Default = valueOf(made, v)
	}
	if v, ok := f.Tag.Lookup("example"); ok {
		made.Examples = []any{valueOf(made, v)}
	}
	made.ExclusiveMinimum = number(f.Tag.Get("exclusiveMinimum"))
	if n := number(f.Tag.Get("minimum")); n != nil {
		made.Minimum = n
	}
	made.Maximum = number(f.Tag.Get("maximum"))
	made.MinLength, made.MaxLength = count(f.Tag.Get("minLength")), count(f.Tag.Get("maxLength"))
	made.MinItems, made.MaxItems = count(f.Tag.Get("minItems")), count(f.Tag.Get("maxItems"))
	return made
}

// valueOf returns a tag's text as a value of the schema's type.
func valueOf(s *Schema, text string) any {
	if s.Type == Integer {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return text
}
