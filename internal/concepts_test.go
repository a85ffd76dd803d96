package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// For every word in a timeline, docs/concepts.md says what it means and what to do.
func TestEveryWordOfATimelineIsExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/concepts.md")
	if err != nil {
		t.Fatal(err)
	}
	words := constants(t, "../push", "State", "Reason", "EventName", "Fault", "Failure", "Result")
	if len(words) < 40 {
		t.Fatalf("only %d words were found in package push", len(words))
	}
	for _, word := range words {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("docs/concepts.md does not explain `%s`: what it means, and what to do about it", word)
		}
	}
}

// constants returns the values of a package's string constants of these types, except empty ones.
func constants(t *testing.T, dir string, types ...string) (values []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			name, ok := spec.Type.(*ast.Ident)
			for _, want := range types {
				if ok && name.Name == want {
					values = append(values, texts(spec.Values)...)
				}
			}
			return true
		})
	}
	return values
}

func texts(values []ast.Expr) (found []string) {
	for _, v := range values {
		if literal, ok := v.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && text != "" {
				found = append(found, text)
			}
		}
	}
	return found
}
