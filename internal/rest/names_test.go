package rest_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/rest"
)

func TestNamesThatTwoReadersReadDifferentlyAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ data, wrong string }{
		{`{}`, ""},
		{` {"sub": "a", "aud": ["n"], "email": "e", "nested": {"sub": 1, "SUB": 2}} `, ""},
		{`{"sub": "a", "sub": "b"}`, "the same name twice"},
		{`{"sub": "a", "s\u0075b": "b"}`, "the same name twice"},
		{`{"x": {"deep": [{"y": 1, "y": 2}]}}`, "the same name twice"},
		{`{"sub": "a", "SUB": "b"}`, "differs from sub only in case"},
		{`{"Sub": "a"}`, "differs from sub only in case"},
		{"{\"\u017fub\": \"a\"}", "differs from sub only in case"},
		{`{"Email": "a", "email": "b"}`, "differ only in case"},
		{"{\"\u212a\": 1, \"k\": 2}", "differ only in case"},
		{``, "no JSON object"},
		{`null`, "no JSON object"},
		{`["sub"]`, "no JSON object"},
		{`{"sub": "a"`, "no JSON"},
		{`{"sub": "a"} {}`, "after the JSON object"},
		{`{"sub": "\ud800"}`, "no JSON"},
		{"{\"sub\": \"\xff\"}", "no JSON"},
		{`{"sub": ` + strings.Repeat("[", 20000), "no JSON"},
	} {
		err := rest.CheckNames([]byte(tt.data), "sub", "aud")
		if tt.wrong == "" && err != nil || tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
			t.Errorf("%.80s: %v; want %q", tt.data, err, tt.wrong)
		}
	}
}

// FuzzCheckNames compares with Go's decoder: an accepted object must mean the same to it and to a reader that compares names
// exactly.
func FuzzCheckNames(f *testing.F) {
	f.Add([]byte(`{"sub": "a", "SUB": "b"}`))
	f.Add([]byte(`{"s\u0075b": "a", "x": {"sub": 1}}`))
	f.Add([]byte("{\"\u017fub\": \"a\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if rest.CheckNames(data, "sub") != nil {
			return
		}
		var loose struct {
			Sub any `json:"sub"`
		}
		var exact map[string]any
		if json.Unmarshal(data, &loose) != nil || json.Unmarshal(data, &exact) != nil {
			return // a value that Go's decoder refuses, such as a number beyond its range
		}
		if !reflect.DeepEqual(loose.Sub, exact["sub"]) {
			t.Errorf("%q passes, but Go's decoder reads sub as %v instead of %v", data, loose.Sub, exact["sub"])
		}
	})
}
