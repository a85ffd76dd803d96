package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hushpush/hush/internal/rest"
)

type colour string

type thing struct {
	Name   string         `json:"name" minLength:"1" maxLength:"8" doc:"what it is called"`
	Colour colour         `json:"colour,omitempty"`
	Size   int            `json:"size,omitempty" minimum:"1" maximum:"9"`
	Share  float64        `json:"share,omitempty" exclusiveMinimum:"0" maximum:"1"`
	Parts  []part         `json:"parts,omitempty" minItems:"1"`
	Facts  map[string]any `json:"facts,omitempty"`
	On     bool           `json:"on,omitempty"`
}

type part struct {
	ID string `json:"id" format:"lower"`
}

var (
	colours = rest.Closed([]colour{"red", "blue"}, "Colour", "A colour.")
	strict  = rest.Strict{
		Depth: 4, Names: 12, Items: 3, FreeBytes: 16, FreeSize: func(object []byte) int { return len(object) },
		Formats: rest.Formats{"lower": {Code: "bad_id", Check: func(s string) error {
			if strings.ToLower(s) != s {
				return errors.New("has capitals; want none")
			}
			return nil
		}}},
	}
)

func shape() *rest.Schema { return rest.SchemaFor[thing](rest.NewSchemas(colours)) }

func TestEveryFaultIsReportedAtItsPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ body, want string }{
		{`{"name": "a", "colour": "red", "size": 9, "share": 1, "parts": [{"id": "x"}], "facts": {"a": 1}, "on": false}`, ""},
		{`{"name": "a", "colour": ""}`, ""},
		{`{}`, "body.name required is missing; want what it is called"},
		{`[]`, "body wrong_type is a list; want an object"},
		{`{"name": null}`, "body.name wrong_type is null; want a string"},
		{`{"name": ""}`, "body.name bad_value is empty; want what it is called"},
		{`{"name": "123456789"}`, "body.name bad_value has 9 bytes; want at most 8"},
		{`{"name": "a", "colour": "green"}`, `body.colour bad_value is "green"; want one of red, blue`},
		{`{"name": "a", "size": 1.5}`, "body.size wrong_type is a number with a fraction or an exponent; want an integer"},
		{`{"name": "a", "size": 0}`, "body.size out_of_range is 0; want 1 to 9"},
		{`{"name": "a", "size": 1` + strings.Repeat("0", 30) + `}`, "body.size out_of_range is an integer that no 64 bits hold; want a smaller one"},
		{`{"name": "a", "share": 0}`, "body.share out_of_range is 0; want more than 0, at most 1"},
		{`{"name": "a", "parts": [{"id": "x"}, {"id": "X"}]}`, "body.parts[1].id bad_id has capitals; want none"},
		{`{"name": "a", "parts": []}`, "body.parts out_of_range has 0 items; want 1 or more"},
		{`{"naem": "a"}`, "body.naem unknown_field is not known here; did you mean name? want one of colour, facts, name, on, parts, share, size | body.name required is missing; want what it is called"},
		{`{"n\u0061me": "a", "Name": 1}`, "body.Name unknown_field is not known here; did you mean name? want one of colour, facts, name, on, parts, share, size"},
		{`{"name": 1, "size": "1", "on": "yes", "parts": [1]}`,
			"body.name wrong_type is a number; want a string | body.size wrong_type is a string; want an integer | body.on wrong_type is a string; want true or false | body.parts[0] wrong_type is a number; want an object"},
		{`{"name": "a", "x": {"y": 1e999}}`, "body.x unknown_field is not known here; want one of colour, facts, name, on, parts, share, size | body.x.y out_of_range is a number that no 64 bits hold; want a smaller one"},
		{`{"name": "a", "` + strings.Repeat("x", 100) + `": 1}`, "body." + strings.Repeat("x", 64) + "… unknown_field is not known here; want one of colour, facts, name, on, parts, share, size"},
	} {
		faults, err := strict.Check([]byte(test.body), "body", shape(), nil)
		if got := text(faults); err != nil || got != test.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", test.body, got, err, test.want)
		}
	}
}

func text(faults rest.Faults) string {
	parts := make([]string, len(faults))
	for i, f := range faults {
		parts[i] = fmt.Sprintf("%s %s %s", f.Location, f.Code, f.Message)
	}
	return strings.Join(parts, " | ")
}

func TestWhatIsMalformedIsToldApart(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                    "it is empty; want a JSON value",
		` `:                                   "it is empty; want a JSON value",
		`{"name": "a"`:                        "it ends in the middle; want a whole JSON value (at byte 12)",
		`{"name": "a`:                         "it ends in the middle; want a whole JSON value (at byte 11)",
		`{} {}`:                               "something follows the JSON value; want one value (at byte 4)",
		`{"name": "a",}`:                      "it is no JSON (at byte 12)",
		`{"name": NaN}`:                       "it is no JSON (at byte 9)",
		"{\"name\": \"\x01\"}":                "it is no JSON (at byte 10)",
		"\ufeff{}":                            "it is no JSON",
		"{\"name\": \"\xff\"}":                "it is not UTF-8, or has a lone surrogate; want UTF-8 (at byte 10)",
		"{\"name\": \"\xed\xa0\x80\"}":        "it is not UTF-8, or has a lone surrogate; want UTF-8 (at byte 10)",
		`{"name": "\ud83d"}`:                  `a string has a lone surrogate, half of a UTF-16 pair such as \ud83d without \ude00; want both halves, or none (at byte 10)`,
		`{"name": "\ude42\ud83d"}`:            `a string has a lone surrogate, half of a UTF-16 pair such as \ud83d without \ude00; want both halves, or none (at byte 10)`,
		`{"\ud800": 1}`:                       `a string has a lone surrogate, half of a UTF-16 pair such as \ud83d without \ude00; want both halves, or none (at byte 2)`,
		`{"name": "\x41"}`:                    "a string has a wrong escape (at byte 10)",
		`{"name": "a", "n\u0061me": "b"}`:     "an object has the same name twice; want each once (at byte 14)",
		`{"x": [{"y": 1, "y": 2}]}`:           "an object has the same name twice; want each once (at byte 16)",
		`{"facts": {"a": {"b": {"c": {}}}}}`:  "it nests deeper than 4 levels",
		`{"facts": [[[[`:                      "it nests deeper than 4 levels",
		`{` + names(13) + `}`:                 "its objects have more than 12 names",
		`{"facts": {"a": {` + names(11) + `}`: "its objects have more than 12 names",
	} {
		_, err := strict.Check([]byte(body), "body", shape(), nil)
		var malformed *rest.Malformed
		if !errors.As(err, &malformed) || err.Error() != want {
			t.Errorf("%q: %v; want %s", body, err, want)
		}
	}
}

func names(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"n%d": 1`, i)
	}
	return strings.Join(all, ", ")
}

func TestWhatWouldBecomeTooMuchMustNotBeDecoded(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"name": "a", "facts": {"a": "12345678901234567890"}}`:                     "body.facts has 29 bytes as JSON; want at most 16",
		`{"name": "a", "parts": [{"id": "a"}, {"id":"b"}, {"id":"c"}, {"id":"d"}]}`: "body.parts has 4 items; want at most 3",
	} {
		_, err := strict.Check([]byte(body), "body", shape(), nil)
		var heavy *rest.Heavy
		if !errors.As(err, &heavy) || err.Error() != want {
			t.Errorf("%s: %v; want %s", body, err, want)
		}
	}
}

func TestAFieldIsRefusedForWhatItMeansWhereverItStands(t *testing.T) {
	t.Parallel()
	refuse := func(location, name string) *rest.Fault {
		if name != "sound" {
			return nil
		}
		return &rest.Fault{Location: location, Code: "loud", Message: "is loud"}
	}
	for body, want := range map[string]string{
		`{"name": "a", "sound": 1}`:                       "body.sound loud is loud",
		`{"name": {"sound": 1}}`:                          "body.name wrong_type is an object; want a string | body.name.sound loud is loud",
		`{"name": "a", "facts": {"x": [{"sound": "x"}]}}`: "body.facts.x[0].sound loud is loud",
	} {
		loose := strict
		loose.FreeBytes, loose.Depth = 0, 9
		faults, err := loose.Check([]byte(body), "body", shape(), refuse)
		if got := text(faults); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", body, got, err, want)
		}
	}
}

func TestThereAreAtMostSoManyFaults(t *testing.T) {
	t.Parallel()
	loose := rest.Strict{Depth: 4}
	faults, err := loose.Check([]byte(`{`+names(1000)+`}`), "body", shape(), nil)
	if err != nil || len(faults) != rest.MaxFaults {
		t.Errorf("1 000 unknown names: %d faults, %v; want %d", len(faults), err, rest.MaxFaults)
	}
	if got, want := faults.Summary(), "; and 99 more"; !strings.HasSuffix(got, want) {
		t.Errorf("in one line: %s; want %s at its end", got, want)
	}
}

func TestAPointerTakesNullWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	type maybe struct {
		On *bool `json:"on,omitempty"`
	}
	for _, ok := range []bool{true, false} {
		schema := rest.SchemaFor[maybe](&rest.Schemas{Inline: true, NullIsNil: ok})
		faults, err := strict.Check([]byte(`{"on": null}`), "body", schema, nil)
		if err != nil || (len(faults) == 0) != ok {
			t.Errorf("null, which is nil: %v: %v, %v", ok, faults, err)
		}
	}
}

// FuzzCheck compares with Go's decoder: a value without faults must mean the same to it and to a reader that compares names
// exactly.
func FuzzCheck(f *testing.F) {
	f.Add(`{"name": "a", "colour": "red", "size": 9, "parts": [{"id": "x"}], "facts": {"a": 1}}`)
	f.Add(`{"n\u0061me": "\ud83d\ude42", "facts": {"a": [{"b": null}]}}`)
	f.Add(`{"name": "a", "NAME": "b"}`)
	f.Add("{\"name\": \"\xff\"}")
	f.Add(`[[[[[[`)
	schema := shape()
	f.Fuzz(func(t *testing.T, body string) {
		faults, err := strict.Check([]byte(body), "body", schema, nil)
		var malformed *rest.Malformed
		var heavy *rest.Heavy
		switch {
		case errors.As(err, &malformed):
			if strings.Contains(err.Error(), "body") || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %v", body, err)
			}
			return
		case errors.As(err, &heavy):
			faults = heavy.Faults
		}
		for _, fault := range faults {
			if !strings.HasPrefix(fault.Location, "body") || fault.Code == "" || fault.Message == "" || len(fault.Location) > 1000 {
				t.Errorf("%q: %+v", body, fault)
			}
		}
		if len(faults) > 0 {
			return
		}
		var read thing
		if err := json.Unmarshal([]byte(body), &read); err != nil {
			t.Fatalf("%q has no fault, and Go's decoder says %v", body, err)
		}
		var exact map[string]any
		if err := json.Unmarshal([]byte(body), &exact); err != nil {
			t.Fatalf("%q has no fault, and Go's decoder says %v", body, err)
		}
		if read.Name != exact["name"] || !utf8.ValidString(body) || len(read.Facts) > 0 && !reflect.DeepEqual(any(read.Facts), exact["facts"]) {
			t.Errorf("%q is read as %+v", body, read)
		}
	})
}
