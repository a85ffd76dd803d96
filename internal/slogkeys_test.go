package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// attributed are the calls that take attributes of the log: its methods, and what makes or gathers attributes.
var attributed = []string{
	"Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs", "With", "Any", "String", "append",
}

// Whoever searches a log for errors has one key to ask for.
func TestTheLogHasOneKeyForAnError(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "testdata"}, d.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, key := range errorKeys(n) {
				seen++
				if key := text(key); key != "error" {
					t.Errorf("%s: an error has the key %q, want \"error\"", files.Position(n.Pos()), key)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 40 {
		t.Errorf("only %d errors are logged, as far as this test sees", seen)
	}
}

// errorKeys returns the keys under which a call logs errors.
func errorKeys(n ast.Node) (keys []ast.Expr) {
	call, ok := n.(*ast.CallExpr)
	if !ok || !slices.Contains(attributed, calledName(call.Fun)) {
		return nil
	}
	for i := 1; i < len(call.Args); i++ {
		if text(call.Args[i-1]) != "" && isError(call.Args[i]) {
			keys = append(keys, call.Args[i-1])
		}
	}
	return keys
}

func calledName(fun ast.Expr) string {
	switch fun := fun.(type) {
	case *ast.SelectorExpr:
		return fun.Sel.Name
	case *ast.Ident:
		return fun.Name
	}
	return ""
}

// isError reports whether an expression is an error or the text of one, by the names that we give errors.
func isError(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return namesError(e.Name)
	case *ast.SelectorExpr:
		return namesError(e.Sel.Name)
	case *ast.CallExpr:
		if method, ok := e.Fun.(*ast.SelectorExpr); ok && (method.Sel.Name == "Error" || isError(method.X)) {
			return true
		}
		return calledName(e.Fun) == "Cause" || calledName(e.Fun) != "append" && slices.ContainsFunc(e.Args, isError)
	}
	return false
}

func namesError(name string) bool {
	return name == "err" || strings.HasSuffix(name, "Err") || strings.HasPrefix(name, "err") && name != "errs" && len(name) > 3 && name[3] >= 'A' && name[3] <= 'Z'
}

func TestAnotherKeyForAnErrorIsSeen(t *testing.T) {
	t.Parallel()
	for source, want := range map[string][]string{
		`log.Warn("m", "err", err)`:                                  {"err"},
		`log.Warn("m", "app", app, "error", oneLine(lost.Err))`:      {"error"},
		`slog.String("cause", err.Error())`:                          {"cause"},
		`log.Info("m", append(attrs, "why", context.Cause(ctx))...)`: nil, // seen at the call of append
		`append(attrs, "why", context.Cause(ctx))`:                   {"why"},
		`fmt.Sprintf("%v", err)`:                                     nil,
		`log.Warn("m", "more", n)`:                                   nil,
	} {
		e, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, key := range errorKeys(e) {
			got = append(got, text(key))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: keys %q, want %q", source, got, want)
		}
	}
}
