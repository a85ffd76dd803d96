package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The table of where the time goes, and whose profile it is.
const (
	profileBegin   = "<!-- profile -->"
	profileEnd     = "<!-- end of profile -->"
	profileHeading = "| part | share |\n| --- | --- |\n"
	profileCommand = "hush bench push --devices 10000 --users 1000"
	leastShare     = 0.01
)

// rooms begins the name of each function of a package of the server.
const rooms = "github.com/hushpush/hush/internal/"

// parts are what the samples of a profile belong to. The first that a stack's text matches counts.
var parts = []struct {
	inStack string
	name    string
}{
	{"modernc.org/", "SQLite"},
	{"runtime.gcBgMarkWorker", "garbage collection"},
	{"runtime.bgsweep", "garbage collection"},
	{"runtime.bgscavenge", "garbage collection"},
	{rooms, ""}, // the room of the innermost function
	{"net/http.", "`net/http`: requests to the API"},
	{"", "the Go runtime: goroutines, timers, sockets"},
}

// profile measures anew where the server's time goes.
func profile(dir string) (table string, err error) {
	temp, err := os.MkdirTemp("", "figures-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	file := filepath.Join(temp, "cpu.out")
	if _, err := run(profileCommand+" --cpu-profile "+file, dir); err != nil {
		return "", err
	}
	traces, err := exec.Command("go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		return "", fmt.Errorf("reading the profile: %w", err)
	}
	return shares(string(traces)), nil
}

// shares makes a table of what go tool pprof -traces printed: stacks, innermost function first, between lines of dashes.
func shares(traces string) string {
	took := map[string]time.Duration{}
	total := time.Duration(0)
	for stack := range strings.SplitSeq(traces, "-----------+") {
		_, stack, _ = strings.Cut(stack, "\n") // the rest of the dashes
		value, functions, _ := strings.Cut(strings.TrimSpace(stack), " ")
		if d, err := time.ParseDuration(value); err == nil {
			took[partOf(functions)] += d
			total += d
		}
	}
	out := profileHeading
	for _, name := range slices.SortedFunc(maps.Keys(took), func(a, b string) int { return cmp.Or(cmp.Compare(took[b], took[a]), cmp.Compare(a, b)) }) {
		if share := float64(took[name]) / float64(total); share >= leastShare {
			out += fmt.Sprintf("| %s | %.0f %% |\n", name, 100*share)
		}
	}
	return out
}

func partOf(stack string) string {
	for _, p := range parts {
		_, after, found := strings.Cut(stack, p.inStack)
		if !found {
			continue
		}
		if p.name == "" {
			return "`internal/" + after[:strings.IndexAny(after+".", "./")] + "`"
		}
		return p.name
	}
	return ""
}
