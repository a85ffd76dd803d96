// Package internal_test checks which package may import which, and the docs.
package internal_test

import (
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "github.com/hushpush/hush/"

// composed packages put rooms together. They may import everything, and no room may import them. The demo and the benchmark
// lie below cmd/hush/internal, where nothing but the command can reach them.
var composed = []string{"cmd/hush", "internal/server", "pushtest/hushtest"}

// arrows says, for each package that is not composed, which of our packages it may import besides those below itself. The
// first pattern that matches counts; "x/..." is x and everything below it.
var arrows = []struct {
	from string
	to   []string
}{
	{"push/...", nil}, // the leaf
	{"protocol/...", []string{"push", "internal/jsonstring"}},
	{"internal/proxy/...", nil},                     // how everybody connects
	{"internal/stranger/...", []string{"protocol"}}, // whose answers clients believe
	{"client/...", []string{"push", "protocol", "internal/pause", "internal/proxy", "internal/stranger"}},
	{"sdk/...", []string{"push", "protocol", "internal/linger", "internal/pause", "internal/proxy", "internal/stranger"}},
	{"examples/...", []string{"sdk/...", "client", "push", "protocol", "pushtest/phonetest/phoneline"}}, // what users have: no room
	{"pushtest/internal/...", []string{"pushtest/internal/...", "internal/nearest", "internal/rest", "internal/terminal"}},
	{"pushtest/apnstest/...", []string{"pushtest/internal/...", "internal/pemkey", "internal/rest"}}, // useful without the rest of Hush
	{"pushtest/fcmtest/...", []string{"pushtest/internal/...", "internal/pemkey", "internal/rest"}},
	{"pushtest/...", []string{"pushtest/...", "sdk/...", "push", "protocol", "client", "internal/child", "internal/rest"}},
	{"internal/child/...", nil},                         // a leaf, for whoever starts processes
	{"internal/nearest/...", nil},                       // a leaf, for whoever takes words from people
	{"internal/jsonstring/...", nil},                    // a leaf, for fixed forms of JSON
	{"internal/rest/...", []string{"internal/nearest"}}, // a leaf, for whoever speaks JSON over HTTP
	{"internal/apns/...", []string{"push", "protocol", "internal/h2push/...", "internal/provider", "internal/pemkey", "internal/proxy"}},
	{"internal/fcm/...", []string{"push", "protocol", "internal/h2push/...", "internal/provider", "internal/pemkey", "internal/proxy", "internal/rest", "internal/jsonstring"}},
	{"internal/logged/...", nil},    // a log for tests
	{"internal/lifecycle/...", nil}, // the suite for whatever starts and stops
	{"internal/terminal/...", nil},  // text in the columns and colours of a terminal
	{"internal/timeline/...", []string{"push", "protocol", "internal/terminal"}},
	{"internal/h2push/...", []string{"push", "internal/proxy"}}, // HTTP/2 alone
	{"internal/provider/...", []string{"push", "protocol", "internal/h2push", "internal/jsonstring", "internal/logged", "internal/pemkey", "internal/spell", "internal/hour"}},
	{"internal/auth/...", []string{"push", "protocol", "internal/pemkey", "internal/rest"}},
	{"internal/config/...", []string{"push", "protocol", "internal/nearest", "internal/proxy"}},
	{"internal/linger/...", nil}, // a close that the peer gets to read
	{"internal/pause/...", nil},  // a wait that ends with its context
	{"internal/calm/...", nil},   // a warning that repeats is a line a minute
	{"internal/api/...", []string{"push", "protocol", "internal/bucket", "internal/calm", "internal/jsonstring", "internal/pause", "internal/rest"}},
	{"internal/front/...", []string{"push", "protocol", "internal/bucket"}},
	{"internal/gateway/...", []string{"push", "protocol", "internal/bucket", "internal/linger", "internal/rest"}},
	{"internal/turns/...", nil}, // a queue in which apps take turns
	{"internal/delivery/...", []string{"push", "internal/pause", "internal/turns"}},
	{"internal/store/...", []string{"push", "internal/turns"}},
	{"internal/spell/...", nil}, // when the log hears of a trouble
	{"internal/hour/...", nil},  // counts of the last hour
	{"internal/vitals/...", []string{"push", "protocol", "internal/spell", "internal/hour"}},
	{"internal/...", []string{"push", "protocol"}}, // a room: what it needs of another is an interface that it declares
}

func TestArrowsPointDown(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], module)
		seen++
		for _, word := range words[1:] {
			to, ours := strings.CutPrefix(word, module)
			if ours && !allowed(from, to) {
				t.Errorf("%s imports %s: that arrow does not point down; let it declare an interface for what it needs", from, to)
			}
		}
	}
	if seen < 10 {
		t.Errorf("go list named %d packages, want all of ours:\n%s", seen, out)
	}
}

func allowed(from, to string) bool {
	switch {
	case isComposed(from):
		return true
	case isComposed(to):
		return false
	}
	for _, a := range arrows {
		if !under(from, a.from) {
			continue
		}
		if sameRoom(from, to) {
			return true
		}
		for _, pattern := range a.to {
			if under(to, pattern) {
				return true
			}
		}
		return false
	}
	return false
}

func isComposed(pkg string) bool {
	for _, c := range composed {
		if under(pkg, c+"/...") {
			return true
		}
	}
	return false
}

// sameRoom reports whether both lie in one folder below the module's root or, for those folders that hold several rooms,
// below internal/, pushtest/ or examples/.
func sameRoom(from, to string) bool {
	return room(from) == room(to)
}

func room(pkg string) string {
	parts := strings.Split(pkg, "/")
	switch parts[0] {
	case "internal", "pushtest", "examples":
		return path.Join(parts[:min(2, len(parts))]...)
	}
	return parts[0]
}

// under reports whether pattern matches pkg.
func under(pkg, pattern string) bool {
	root, deep := strings.CutSuffix(pattern, "/...")
	return pkg == root || deep && strings.HasPrefix(pkg, root+"/")
}

func TestArrowsThatPointUpAreSeen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"push", "protocol", false},
		{"protocol", "push", true},
		{"sdk", "client", false},
		{"sdk/internal/files", "sdk", true},
		{"internal/delivery", "internal/store", false},
		{"internal/delivery", "push", true},
		{"internal/apns", "internal/h2push", true},
		{"internal/gateway", "internal/h2push", false},
		{"internal/delivery", "internal/server", false},
		{"internal/server", "internal/delivery", true},
		{"cmd/hush/internal/demo", "internal/server", true},
		{"internal/vitals", "cmd/hush/internal/demo", false},
		{"pushtest/apnstest", "push", false},
		{"pushtest/apnstest", "pushtest/internal/simkit", true},
		{"examples/notes", "internal/api", false},
		{"cmd/hush", "cmd/hush/internal/demo", true},
	} {
		if got := allowed(test.from, test.to); got != test.want {
			t.Errorf("%s imports %s: allowed %v, want %v", test.from, test.to, got, test.want)
		}
	}
}
