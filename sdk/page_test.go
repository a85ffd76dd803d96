package sdk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// lockNames are locks as the page writes them: the type and its field.
var lockNames = regexp.MustCompile("`([a-zA-Z]+\\.(?:mu|turn|sending))`")

func TestThePageOfLocksNamesEachLockAndNoOther(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range lockNames.FindAllStringSubmatch(string(page), -1) {
		named[m[1]] = true
	}
	there := locks(t)
	for _, lock := range slices.Sorted(maps.Keys(there)) {
		if !named[lock] {
			t.Errorf("docs/sdk.md does not name the lock %s", lock)
		}
	}
	for _, lock := range slices.Sorted(maps.Keys(named)) {
		if !there[lock] {
			t.Errorf("docs/sdk.md names the lock %s, which is not in the code", lock)
		}
	}
}

// locks returns the fields of the structs of the package that are a mutex or a turnstile.
func locks(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					for _, name := range lockFields(s) {
						found[spec.Name.Name+"."+name] = true
					}
				}
			}
			return true
		})
	}
	return found
}

func lockFields(s *ast.StructType) (names []string) {
	for _, field := range s.Fields.List {
		isLock := false
		switch kind := field.Type.(type) {
		case *ast.SelectorExpr:
			isLock = kind.Sel.Name == "Mutex" || kind.Sel.Name == "RWMutex"
		case *ast.Ident:
			isLock = kind.Name == "turnstile"
		}
		for _, name := range field.Names {
			if isLock {
				names = append(names, name.Name)
			}
		}
	}
	return names
}
