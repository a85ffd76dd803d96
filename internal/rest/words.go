package rest

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hushpush/hush/internal/nearest"
)

// unknown says that a name is not known, which one may be meant, and which are known.
func unknown[V any](name string, known map[string]V) string {
	names := slices.Sorted(maps.Keys(known))
	if len(names) == 0 {
		return "is not known here; want no fields"
	}
	meant := ""
	if near := nearest.Of(Clip(name), names); near != "" {
		meant = "did you mean " + near + "? "
	}
	return "is not known here; " + meant + "want one of " + strings.Join(names, ", ")
}

// fits reports whether a JSON value has a schema's type. null has none: absent values are left out.
func fits(kind jsontext.Kind, want string) bool {
	switch want {
	case Object:
		return kind == jsontext.KindBeginObject
	case Array:
		return kind == jsontext.KindBeginArray
	case String:
		return kind == jsontext.KindString
	case Boolean:
		return kind == jsontext.KindTrue || kind == jsontext.KindFalse
	case Integer, Number:
		return kind == jsontext.KindNumber
	}
	return true
}

// ofKind returns the kind of a JSON value with its article.
func ofKind(kind jsontext.Kind) string {
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
