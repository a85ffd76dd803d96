package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/config"
)

func TestTheTableOfSettingsIsCurrent(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "-->\n"+config.Table()+"<!--") {
		t.Error("docs/operations.md has not the settings that the server runs by; run make generate")
	}
}
