package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/internal/terminal"
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
	var lines []string
	paragraph := ""
	end := func() {
		if paragraph != "" {
			lines, paragraph = append(lines, terminal.Fold(paragraph, width)...), ""
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && line[0] != ' ' {
			paragraph += " " + line
			continue
		}
		end()
		lines = append(lines, line)
	}
	end()
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
