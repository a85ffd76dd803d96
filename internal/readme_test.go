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

// links are the README's and its neighbours' relative links.
var links = regexp.MustCompile(`\]\(([^)#:]+)\)`)

func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/decisions/README.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, l := range links.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(page), l[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, l[1], err)
			}
		}
	}
}
