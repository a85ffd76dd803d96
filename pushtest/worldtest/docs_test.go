package worldtest_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hushpush/hush/pushtest/worldtest"
)

// controlLine is a curl line of docs/testing.md to the control API: method, path, body.
var controlLine = regexp.MustCompile(`(?m)curl -s (?:-X (\w+) )?\$SIM(/\S+?)\)?(?: -d '([^']*)')?(?: \|.*)?$`)

func TestTheControlRequestsOfTheGuideAreGood(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	w := worldtest.New(t, nil)
	lines := controlLine.FindAllStringSubmatch(string(page), -1)
	if len(lines) < 20 {
		t.Fatalf("the guide has %d control requests, want 20 or more", len(lines))
	}
	for _, l := range lines {
		method, path, body := l[1], l[2], l[3]
		if strings.Contains(path, "$") {
			continue
		}
		switch {
		case method != "":
		case body != "":
			method = http.MethodPost
		default:
			method = http.MethodGet
		}
		if status := call(t, w, method, path, body, nil); status >= 300 {
			t.Errorf("%s %s %s: %d, want it to be taken", method, path, body, status)
		}
	}
}
