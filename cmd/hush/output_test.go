package main

import (
	"errors"
	"strings"
	"testing"
)

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatCannotBeWrittenIsNoSuccess(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	for _, args := range []string{"app put notes", "app list", "app list --json", "key create --app notes --role send", "--version", "version", "app --help"} {
		var errout strings.Builder
		code := run(t.Context(), strings.Fields(args), world{
			stdin: strings.NewReader(""), stdout: full{}, stderr: &errout, getenv: func(name string) string { return env[name] },
		})
		if want := "hush: standard output: no space left on device\n"; code != exitRefused || errout.String() != want {
			t.Errorf("hush %s to a full disk: exit %d, said %q; want %d and %q", args, code, errout.String(), exitRefused, want)
		}
	}
}
