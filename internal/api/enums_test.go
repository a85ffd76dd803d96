package api_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// notInBodies lists closed sets that appear in no body.
var notInBodies = []string{"GroundKind", "ItemKind", "Reach", "WakeState"}

// notSaid lists constants that appear in no body: the root key's role, and the absence of a failure, which is left out.
var notSaid = []string{"RoleRoot", "FailureNone"}

// documentName maps types to their names in the document, where these differ.
var documentName = map[string]string{"Code": "FieldCode"}

func TestEveryConstantOfAClosedSetIsInTheDocument(t *testing.T) {
	t.Parallel()
	schemas := enumsOf(t, setup(t))
	for _, c := range stringConstants(t, "../../push", "../../protocol") {
		name := c.typ
		if other, ok := documentName[name]; ok {
			name = other
		}
		if slices.Contains(notInBodies, c.typ) || slices.Contains(notSaid, c.name) {
			continue
		}
		words, ok := schemas[name]
		if !ok {
			t.Errorf("%s is a word of %s, which is no enum of the document; want a list beside its constants and a line in closedSets (internal/api/enums.go), or in notInBodies", c.name, c.typ)
			continue
		}
		if !slices.Contains(words, c.value) {
			t.Errorf("the document's enum %s lacks %q; want %s in the list beside its type", name, c.value, c.name)
		}
	}
	if missing := slices.DeleteFunc(slices.Clone(schemas["State"]), func(s string) bool { return slices.Contains(schemas["EventName"], s) }); len(missing) > 0 {
		t.Errorf("the document's enum EventName lacks the states %q", missing)
	}
}

func TestNoEnumHasAWordWithoutAConstant(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"": true}
	for _, c := range stringConstants(t, "../../push", "../../protocol") {
		known[c.value] = true
	}
	for name, words := range enumsOf(t, setup(t)) {
		for _, w := range words {
			if !known[w] {
				t.Errorf("the document's enum %s has %q, which is no constant of push or protocol", name, w)
			}
		}
		if slices.Sort(words); len(slices.Compact(words)) != len(words) {
			t.Errorf("the document's enum %s has a word twice: %q", name, words)
		}
	}
}

// enumsOf returns the named enums of the document.
func enumsOf(t *testing.T, w *world) map[string][]string {
	t.Helper()
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Enum []string }
		}
		Paths map[string]map[string]struct {
			Frames map[string]struct {
				Properties map[string]struct{ Enum []string }
			} `json:"x-frames"`
		}
	}
	if err := json.Unmarshal([]byte(w.request("GET", "/openapi.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	enums := map[string][]string{}
	for name, schema := range doc.Components.Schemas {
		if schema.Enum != nil {
			enums[name] = schema.Enum
		}
	}
	for _, frame := range doc.Paths["/v1/connect"]["get"].Frames {
		for _, word := range frame.Properties["type"].Enum {
			if !slices.Contains(enums["FrameType"], word) {
				enums["FrameType"] = append(enums["FrameType"], word)
			}
		}
	}
	return enums
}

type stringConstant struct{ name, typ, value string }

// stringConstants returns the string constants of packages whose type is declared in the same package.
func stringConstants(t *testing.T, folders ...string) []stringConstant {
	t.Helper()
	var found []stringConstant
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no Go files, %v", folder, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if spec, ok := n.(*ast.ValueSpec); ok {
					found = append(found, constantsOf(spec)...)
				}
				return true
			})
		}
	}
	if len(found) < 100 {
		t.Fatalf("%d constants in %v; want many", len(found), folders)
	}
	return found
}

func constantsOf(spec *ast.ValueSpec) []stringConstant {
	typ, ok := spec.Type.(*ast.Ident)
	if !ok || !ast.IsExported(typ.Name) {
		return nil
	}
	var found []stringConstant
	for i, value := range spec.Values {
		literal, ok := value.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		text, err := strconv.Unquote(literal.Value)
		if err == nil {
			found = append(found, stringConstant{spec.Names[i].Name, typ.Name, text})
		}
	}
	return found
}

func TestTheKeysOfCountsAreEnumsInTheDocument(t *testing.T) {
	t.Parallel()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Names struct {
						Ref string `json:"$ref"`
					} `json:"propertyNames"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(setup(t).request("GET", "/openapi.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"Push", "counts", "State"}, {"ListedPush", "counts", "State"}, {"LastHour", "deliveries", "State"}, {"LastHour", "wakes", "Provider"},
		{"LastHour", "tokens_dropped", "Provider"}, {"WakeCounts", "refused", "Fault"}, {"AppStatus", "providers", "Provider"},
	} {
		if got := doc.Components.Schemas[c[0]].Properties[c[1]].Names.Ref; got != "#/components/schemas/"+c[2] {
			t.Errorf("the names in %s.%s are %q in the document; want those of %s", c[0], c[1], got, c[2])
		}
	}
}

func TestAStateThatIsAskedForIsAnEnumInTheDocument(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name   string
				Schema struct {
					Ref   string `json:"$ref"`
					Items struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(setup(t).request("GET", "/openapi.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/apps/{app}/pushes", "/v1/apps/{app}/events"} {
		seen := false
		for _, p := range doc.Paths[path]["get"].Parameters {
			if p.Name == "state" {
				seen = p.Schema.Ref+p.Schema.Items.Ref == "#/components/schemas/State"
			}
		}
		if !seen {
			t.Errorf("the parameter state of %s is no State in the document", path)
		}
	}
}
