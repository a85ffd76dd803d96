package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// push has words and rules only: the form in which a word travels is protocol's, and the form in which it is stored is the
// store's. A tag there would make one form of the two, so that a change of the API would change what is stored.
func TestPushHasNoFormsOfJSON(t *testing.T) {
	t.Parallel()
	const folder = "../push"
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s, %v; want those of the package", len(files), folder, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range formsOfJSON(t, file, string(source)) {
			t.Errorf("%s; want it in protocol, or in a row of internal/store", fault)
		}
	}
}

// formsOfJSON returns the places where a Go file has a tag, or imports a JSON package.
func formsOfJSON(t *testing.T, name, source string) (faults []string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				faults = append(faults, set.Position(n.Pos()).String()+": a field has the tag "+n.Tag.Value)
			}
		case *ast.ImportSpec:
			if strings.Contains(n.Path.Value, "json") {
				faults = append(faults, set.Position(n.Pos()).String()+": imports "+n.Path.Value)
			}
		}
		return true
	})
	return faults
}

func TestFormsOfJSONAreSeen(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"package push\n\ntype Event struct{ At string }\n":                                         0,
		"package push\n\ntype Event struct{ At string `json:\"at\"` }\n":                           1,
		"package push\n\nfunc f() any { return struct{ At, Till string `json:\"-\"` }{} }\n":       1,
		"package push\n\nimport \"encoding/json\"\n\ntype Account struct{ Raw json.RawMessage }\n": 1,
	} {
		if got := formsOfJSON(t, "x.go", source); len(got) != want {
			t.Errorf("%s: %q, want %d", source, got, want)
		}
	}
}
