package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// links matches relative links, and full paths of Go files.
var links = regexp.MustCompile("\\]\\(([^)#:]+)\\)|`((?:[a-z0-9]+/)+[a-z0-9_]+\\.go)`")

func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range append(pages(t), "ARCHITECTURE.md", "CHANGELOG.md") {
		text, err := os.ReadFile(filepath.Join(checkout, page))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, l := range links.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(checkout, filepath.Dir(page), l[1])
			if l[2] != "" {
				target = filepath.Join(checkout, l[2])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s names %s%s: %v", page, l[1], l[2], err)
			}
		}
	}
}
