package internal_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkout is the path from this package to the top of the repository.
const checkout = ".."

// block is a fenced block of a page.
type block struct {
	page     string // path from the top of the repository, with slashes
	line     int    // of the opening fence
	section  string // the heading of the second level above it
	language string // after the fence
	text     string // without the fences
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// languages has the languages that a test can run, and how. The fence of a block names its language.
var languages = map[string]string{
	"sh":   "pasted into shells (paste_test.go)",
	"go":   "a whole file: compiled, a program run beside the page's servers, a test run (pastego_test.go)",
	"yaml": "settings are served with, a workflow's steps are run (pasteyaml_test.go)",
	"json": "parsed; a resource is stored in a server (pasteyaml_test.go)",
	"text": "to be read: output, a drawing. It holds nothing to type",
}

// pages returns the pages whose blocks are pasted. It finds new pages by itself.
func pages(t *testing.T) []string {
	t.Helper()
	found := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	for _, top := range []string{"docs", "examples", "deploy"} {
		err := filepath.WalkDir(filepath.Join(checkout, top), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".md") {
				page, _ := filepath.Rel(checkout, path)
				found = append(found, filepath.ToSlash(page))
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return found
}

// blocksOf returns the blocks of a page, in order.
func blocksOf(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, page))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := parseBlocks(page, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// parseBlocks parses fences of three backquotes, indented ones too, as CommonMark has them.
func parseBlocks(page, text string) (blocks []block, err error) {
	var open *block
	indent, section := "", ""
	for i, line := range strings.Split(text, "\n") {
		bare := strings.TrimLeft(line, " ")
		fence, isFence := strings.CutPrefix(bare, "```")
		switch {
		case open == nil && isFence:
			indent = line[:len(line)-len(bare)]
			open = &block{page: page, line: i + 1, section: section, language: strings.TrimSpace(fence)}
		case open == nil && strings.HasPrefix(line, "## "):
			section = line
		case open != nil && isFence && strings.TrimSpace(fence) == "":
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: this block has no end", open)
	}
	return blocks, nil
}

// in returns the blocks in one language.
func in(language string, blocks []block) []block {
	return slices.DeleteFunc(slices.Clone(blocks), func(b block) bool { return b.language != language })
}

var (
	quoted  = regexp.MustCompile(`'[^']*'|"(?:[^"\\]|\\.)*"`)
	comment = regexp.MustCompile(`(?m)(^|[ \t])#`)
	prompt  = regexp.MustCompile(`(?m)^\s*([$%] \w|(hush|curl|make|go) )`)
)

// faultOf returns why a block cannot be pasted, or "" if it can.
func faultOf(b block) string {
	switch {
	case languages[b.language] == "":
		return fmt.Sprintf("the fence says %q; want one of sh, go, yaml, json or text after the backquotes, so that a test knows what to do with the block (see languages in internal/blocks_test.go)", b.language)
	case b.language == "sh" && comment.MatchString(quoted.ReplaceAllString(b.text, "''")):
		return "a comment in a shell block; zsh, as it is set up on a Mac, takes what follows # for arguments when it is pasted. Say it in the text above"
	case b.language == "sh" && regexp.MustCompile(`(?m)^\$ `).MatchString(b.text):
		return "a prompt in a shell block; want the commands alone, so that the block can be pasted"
	case b.language == "text" && prompt.MatchString(b.text):
		return "a command in a text block; want it in a block of its own, ```sh, where a test pastes it"
	}
	return ""
}

func TestEveryBlockOfTheDocsCanBePasted(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, page := range pages(t) {
		for _, b := range blocksOf(t, page) {
			seen++
			if fault := faultOf(b); fault != "" {
				t.Errorf("%s: %s", b, fault)
			}
		}
	}
	if seen < 20 {
		t.Errorf("the docs have %d blocks, want all of them found (20 or more)", seen)
	}
}

func TestBlocksThatCannotBePastedAreTold(t *testing.T) {
	t.Parallel()
	blocks, err := parseBlocks("page.md", strings.Join([]string{
		"```", "hush", "```",
		"- ```sh", "  ```sh", "  echo '# no comment' \"#\"", "  ```",
		"```sh", "make demo   # see it", "```",
		"```sh", "$ hush demo", "```",
		"```text", "hush push --app notes", "```",
		"```text", "handled on 1 of 1", "```",
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"the fence says", "", "a comment", "a prompt", "a command", ""}
	if len(blocks) != len(want) {
		t.Fatalf("%d blocks, want %d: %q", len(blocks), len(want), blocks)
	}
	for i, b := range blocks {
		if got := faultOf(b); (got == "") != (want[i] == "") || !strings.HasPrefix(got, want[i]) {
			t.Errorf("%s: %q, want %q", b, got, want[i])
		}
	}
	if blocks[1].text != "echo '# no comment' \"#\"\n" {
		t.Errorf("an indented block is %q, want it without its indent", blocks[1].text)
	}
	if _, err := parseBlocks("page.md", "```sh\nhush"); err == nil {
		t.Error("a block without an end: no error")
	}
}
