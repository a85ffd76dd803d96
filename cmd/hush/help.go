package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the columns that help fits in: those of a terminal that nobody has made wider.
const helpWidth = 80

// The groups of commands in the help.
const (
	groupRun  = "run"
	groupSend = "send"
	groupApp  = "app"
	groupMore = "more"
)

// addHelp groups the commands of root, lets help fit helpWidth, and makes cobra's own commands refuse what they do not know.
// It comes after all commands are added.
func addHelp(root *cobra.Command) {
	root.AddGroup(&cobra.Group{ID: groupRun, Title: "Run Hush:"}, &cobra.Group{ID: groupSend, Title: "Send and follow:"},
		&cobra.Group{ID: groupApp, Title: "Administer:"}, &cobra.Group{ID: groupMore, Title: "More:"})
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", helpWidth)))
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		text := cmd.Long
		if text == "" {
			text = cmd.Short
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", reflow(text, helpWidth), cmd.UsageString())
	})
	root.SetHelpCommandGroupID(groupMore)
	root.SetCompletionCommandGroupID(groupMore)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Example, c.Args = "  hush help key create", knownCommand
		case "completion":
			c.Short = "Make the completion script of a shell"
			c.Example = "  source <(hush completion bash)"
			holdOnly(c)
		}
	}
}

// knownCommand refuses the name of a command that there is not.
func knownCommand(cmd *cobra.Command, args []string) error {
	found, rest, _ := cmd.Root().Find(args)
	if len(rest) > 0 {
		return unknownCommand(found, rest[0])
	}
	return nil
}

// reflow breaks the paragraphs of a text anew, so that no line is longer than width. Lines that begin with a space stay as
// they are.
func reflow(text string, width int) string {
	var b strings.Builder
	column := 0 // of the line so far; 0: a line has yet to begin
	for _, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == ' ' {
			if column > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(line + "\n")
			column = 0
			continue
		}
		for _, word := range strings.Fields(line) {
			switch n := len([]rune(word)); {
			case column == 0:
				column = n
			case column+1+n > width:
				b.WriteByte('\n')
				column = n
			default:
				b.WriteByte(' ')
				column += 1 + n
			}
			b.WriteString(word)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
