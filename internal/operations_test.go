package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Whoever is called at night finds in docs/operations.md what a log line means and what a metric counts. Package
// internal/config tests that the page has each setting.
func TestOperationsExplainsEveryLogLineAndMetric(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	lines, metrics := logged(t, ".", "../cmd/hush/serve.go")
	if len(lines) < 30 || len(metrics) < 10 {
		t.Fatalf("only %d log lines and %d metrics were found in the source", len(lines), len(metrics))
	}
	for _, line := range lines {
		if !strings.Contains(page, line) {
			t.Errorf("docs/operations.md does not explain the log line %q: its level, what it means, and what to do", line)
		}
	}
	for _, metric := range metrics {
		if !strings.Contains(page, "`"+metric+"`") {
			t.Errorf("docs/operations.md does not explain the metric `%s`: what it counts, and when to see to it", metric)
		}
	}
}

// logged returns the messages that the server's source logs at a level that is on by default, and the names of its metrics.
// Files that import package testing are suites of tests, and no part of the server.
func logged(t *testing.T, folder string, more ...string) (lines, metrics []string) {
	t.Helper()
	files := more
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if imports(file, "testing") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				lines = append(lines, message(n)...)
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(stories, key.Name) && text(n.Value) != "" {
					lines = append(lines, text(n.Value))
				}
			case *ast.BasicLit:
				if name := text(n); metricName.MatchString(name) {
					metrics = append(metrics, name)
				}
			}
			return true
		})
	}
	return lines, metrics
}

func imports(file *ast.File, path string) bool {
	return slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) })
}

// logging lists the methods that write to the log: slog's, and those that call slog.
var logging = []string{"Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "LogAttrs", "warn"}

// stories lists the fields of tables that hold log lines.
var stories = []string{"begun", "goes", "ended", "more", "moreEnded", "failed"}

var metricName = regexp.MustCompile(`^hush_[a-z_]+[a-z]$`)

// message returns the constant parts of a log line's message, or nothing if the call is not to a logging method.
func message(call *ast.CallExpr) []string {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains(logging, method.Sel.Name) {
		return nil
	}
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *ast.BasicLit:
			return []string{text(arg)}
		case *ast.BinaryExpr:
			return parts(arg)
		}
	}
	return nil
}

func parts(e ast.Expr) []string {
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return append(parts(sum.X), parts(sum.Y)...)
	}
	if part := strings.TrimSpace(text(e)); strings.Contains(part, " ") {
		return []string{part}
	}
	return nil
}

func text(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(literal.Value)
	if err != nil {
		return ""
	}
	return s
}
