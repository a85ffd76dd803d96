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

func TestTheCodeOnPackagePagesIsThatOfAnExample(t *testing.T) {
	t.Parallel()
	for _, pkg := range []string{"client", "pushtest/hushtest"} {
		example, err := os.ReadFile(filepath.Join(checkout, pkg, "example_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		code := codeOf(t, pkg)
		if len(code) < 3 {
			t.Errorf("the package page of %s has %d lines of code, want its example", pkg, len(code))
		}
		for _, line := range code {
			if !strings.Contains(string(example), line+"\n") {
				t.Errorf("the package page of %s has %q; want the lines of its example_test.go, which is compiled and run", pkg, line)
			}
		}
	}
}

// codeOf returns the indented lines of a package's comment.
func codeOf(t *testing.T, pkg string) (code []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(checkout, pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, indented(f.Doc)...)
	}
	return code
}

func indented(doc *ast.CommentGroup) (lines []string) {
	for line := range strings.Lines(doc.Text()) {
		if strings.HasPrefix(line, "\t") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
