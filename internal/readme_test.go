package internal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeProgram gives the README's snippets what they leave out: imports, and the names that are the reader's own.
const readmeProgram = `package main

import (
	"context"
	"log"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

var (
	ctx = context.Background()
	key push.Secret
	dir, token string
	_ client.Config
	_ protocol.PushRequest
	_ sdk.Config
)

func userToken(context.Context) (string, error) { return "", nil }
func sync(context.Context, string) sdk.FetchResult { return sdk.NewData }
func onBackground(context.Context, sdk.Message) sdk.FetchResult { return sdk.NewData }
func main() { log.Println(snippet()) }

func snippet() error {
SNIPPET
	return err
}
`

func TestTheReadmesGoCompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(snippets) < 2 {
		t.Fatalf("%d Go snippets in the README, want one that sends and one that receives", len(snippets))
	}
	for _, s := range snippets {
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(strings.Replace(readmeProgram, "SNIPPET", s[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("the README's\n%s\ndoes not compile: %v\n%s", s[1], err, out)
		}
	}
}

// links are relative links, and paths of Go files that are named in full.
var links = regexp.MustCompile("\\]\\(([^)#:]+)\\)|`((?:[a-z0-9]+/)+[a-z0-9_]+\\.go)`")

func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	t.Parallel()
	decisions, err := filepath.Glob("../docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	for _, d := range decisions {
		pages = append(pages, strings.TrimPrefix(d, "../"))
	}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, l := range links.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join("..", filepath.Dir(page), l[1])
			if l[2] != "" {
				target = filepath.Join("..", l[2])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s names %s%s: %v", page, l[1], l[2], err)
			}
		}
	}
}
