package internal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is a Go program of a page, after it was built.
type program struct {
	block block
	path  string
}

var (
	isMain = regexp.MustCompile(`(?m)^package main$`)
	isTest = regexp.MustCompile(`(?m)^func (Test|Example)\w*\(`)
)

func TestTheDocsGoBlocksCompileAndTheirTestsPass(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		blocks := in("go", blocksOf(t, page))
		for _, b := range blocks {
			t.Run(b.String(), func(t *testing.T) {
				t.Parallel()
				bed := newBed(t, blocks)
				do := "vet"
				if isTest.MatchString(b.text) {
					do = "test"
				}
				if out, err := command(bed.module(t, b), bed.env(), "go", do, "."); err != nil {
					t.Errorf("%s: 'go %s' refuses this block, pasted as a file of its own (want all of it: package, imports, and no name that it does not declare): %v\n%s", b, do, err, out)
				}
			})
		}
	}
}

// programs builds the page's Go programs with the bed's ports in them.
func (b *bed) programs(t *testing.T, blocks []block) (built []program) {
	t.Helper()
	for _, block := range in("go", blocks) {
		if !isMain.MatchString(block.text) {
			continue
		}
		p := program{block, filepath.Join(t.TempDir(), fmt.Sprint("program", block.line))}
		if _, err := command(b.module(t, block), b.env(), "go", "build", "-o", p.path, "."); err != nil {
			t.Fatalf("%s: %v", block, err)
		}
		built = append(built, p)
	}
	return built
}

// module makes a directory with the block as a module of its own, which uses Hush from this tree.
func (b *bed) module(t *testing.T, block block) string {
	t.Helper()
	dir := t.TempDir()
	top, err := filepath.Abs(checkout)
	if err != nil {
		t.Fatal(err)
	}
	name := "pasted.go"
	if isTest.MatchString(block.text) {
		name = "pasted_test.go"
	}
	mod, err := os.ReadFile(filepath.Join(checkout, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Replace(string(mod), "module github.com/hushpush/hush\n", "module example.com/pasted\n", 1) +
		"\nrequire github.com/hushpush/hush v0.0.0\n\nreplace github.com/hushpush/hush => " + top + "\n"
	for file, content := range map[string]string{name: b.moved(block.text), "go.mod": own, "go.sum": string(sum)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
