package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// everyCommand returns the whole tree, cobra's own commands included.
func everyCommand() []*cobra.Command {
	all := []*cobra.Command{newRoot(world{getenv: func(string) string { return "" }}, nil)}
	for i := 0; i < len(all); i++ {
		all = append(all, all[i].Commands()...)
	}
	return all
}

func TestEveryHelpFitsEightyColumns(t *testing.T) {
	t.Parallel()
	for _, cmd := range everyCommand() {
		if cmd.HasParent() && cmd.Parent().Name() == "completion" {
			continue // cobra's words
		}
		path := strings.Fields(cmd.CommandPath())[1:]
		got := hush(t, nil, "", append(path, "--help")...)
		for _, line := range strings.Split(got.out, "\n") {
			if utf8.RuneCountInString(line) > helpWidth {
				t.Errorf("%s --help: %d columns, want at most %d:\n%s", cmd.CommandPath(), utf8.RuneCountInString(line), helpWidth, line)
			}
		}
	}
}

func TestHelpGroupsItsCommands(t *testing.T) {
	t.Parallel()
	for _, cmd := range newRoot(world{getenv: func(string) string { return "" }}, nil).Commands() {
		if cmd.GroupID == "" {
			t.Errorf("%s is in no group of the help", cmd.CommandPath())
		}
	}
}

func TestReflowKeepsParagraphsAndWhatIsIndented(t *testing.T) {
	t.Parallel()
	const text = "one two\nthree four\n\n  {\"indented\": \"stays as it is\"}\nfive"
	if got, want := reflow(text, 13), "one two three\nfour\n\n  {\"indented\": \"stays as it is\"}\nfive"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
