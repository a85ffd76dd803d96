package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hushpush/hush/internal/nearest"
)

// otherWords are what other command lines call our commands.
var otherWords = map[string][]string{
	"put":    {"create", "add", "new", "make", "set", "save", "update"},
	"create": {"put", "add", "new", "make"},
	"delete": {"remove", "rm", "revoke"},
	"get":    {"show", "describe"},
	"list":   {"ls"},
	"push":   {"send"},
	"trace":  {"follow", "timeline"},
}

// didYouMean ends a complaint with what was probably meant; "" for nothing.
func didYouMean(meant string) string {
	if meant == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", meant)
}

// meantCommand returns the command below cmd that an unknown word probably means; nil if none is near. Another word for one counts
// like its name.
func meantCommand(cmd *cobra.Command, word string) *cobra.Command {
	var words []string
	bearers := map[string]*cobra.Command{}
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		for _, w := range append([]string{c.Name()}, otherWords[c.Name()]...) {
			if bearers[w] == nil {
				words, bearers[w] = append(words, w), c
			}
		}
	}
	return bearers[nearest.Of(word, words)]
}

// unknownCommand refuses a word that is no command of cmd.
func unknownCommand(cmd *cobra.Command, word string) error {
	if !cmd.HasAvailableSubCommands() {
		return usagef("'%s' holds no command %q", cmd.CommandPath(), word)
	}
	hint := "; want " + commandNames(cmd)
	if c := meantCommand(cmd, word); c != nil {
		hint = didYouMean("'" + c.CommandPath() + "'")
	}
	return usagef("there is no command %q in '%s'%s", word, cmd.CommandPath(), hint)
}

// flagFault says what is wrong with the flags of a command line, and what was probably meant. Flags that come after a command
// that there is not are unknown for that reason.
func flagFault(cmd *cobra.Command, args []string, err error) error {
	if _, rest, _ := cmd.Root().Find(args); cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return unknownCommand(cmd, rest[0])
	}
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		name, dashes := unknown.GetSpecifiedName(), "--"
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			name, dashes = letters, "-"
		}
		return usagef("'%s' has no flag %s%s%s", cmd.CommandPath(), dashes, name, flagHint(cmd, name))
	case errors.As(err, &missing):
		return usagef("--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		return usagef("--%s is %q; %s", invalid.GetFlag().Name, invalid.GetValue(), wantedValue(invalid))
	}
	return err
}

// flagHint ends the complaint about an unknown flag: with a flag of cmd that is near, or with the command that has it.
func flagHint(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := nearest.Of(name, names); near != "" {
		return didYouMean("--" + near)
	}
	if c := bearerOf(cmd, name); c != nil {
		return fmt.Sprintf("; '%s' has it", c.CommandPath())
	}
	return ""
}

// bearerOf returns a command above or below cmd that has the flag; nil for none.
func bearerOf(cmd *cobra.Command, name string) *cobra.Command {
	for c := cmd.Parent(); c != nil; c = c.Parent() {
		if c.Flags().Lookup(name) != nil {
			return c
		}
	}
	below := cmd.Commands()
	for len(below) > 0 {
		c := below[0]
		if c.Flags().Lookup(name) != nil {
			return c
		}
		below = append(below[1:], c.Commands()...)
	}
	return nil
}

// wantedValue says what a flag takes instead of the value that it was given.
func wantedValue(e *pflag.InvalidValueError) string {
	switch e.GetFlag().Value.Type() {
	case "duration":
		return "want a duration with its unit, such as 30s"
	case "int":
		return "want a whole number"
	case "uint64":
		return "want a whole number, 0 or more"
	case "bool":
		return "want true, false, or no value"
	}
	return e.Unwrap().Error()
}

// choice is a flag's value out of a closed set, or "" for none.
type choice[S ~string] struct {
	into  *S
	words []string
}

// addChoice gives cmd a flag that takes one of the words, and offers them to the shell.
func addChoice[S ~string](cmd *cobra.Command, into *S, flag, usage string, words ...string) {
	cmd.Flags().Var(&choice[S]{into, words}, flag, usage)
	complete(cmd, flag, words...)
}

// String returns the value.
func (c *choice[S]) String() string { return string(*c.into) }

// Type returns what help calls the value.
func (c *choice[S]) Type() string { return "string" }

// Set refuses what is none of the words.
func (c *choice[S]) Set(s string) error {
	if s != "" {
		if err := checkWord(s, c.words); err != nil {
			return err
		}
	}
	*c.into = S(s)
	return nil
}

// choices is choice for a flag that may be repeated.
type choices[S ~string] struct {
	into  *[]S
	words []string
}

// addChoices gives cmd a flag that takes one of the words, as often as it is given.
func addChoices[S ~string](cmd *cobra.Command, into *[]S, flag, usage string, words ...string) {
	cmd.Flags().Var(&choices[S]{into, words}, flag, usage)
	complete(cmd, flag, words...)
}

// String returns the values; "" for none, which help does not show as a default.
func (c *choices[S]) String() string {
	var all []string
	for _, v := range *c.into {
		all = append(all, string(v))
	}
	return strings.Join(all, ",")
}

// Type returns what help calls a value.
func (c *choices[S]) Type() string { return "string" }

// Set refuses what is none of the words.
func (c *choices[S]) Set(s string) error {
	if err := checkWord(s, c.words); err != nil {
		return err
	}
	*c.into = append(*c.into, S(s))
	return nil
}

// checkWord says what is wanted instead of a word that is none of a closed set.
func checkWord(s string, words []string) error {
	for _, w := range words {
		if s == w {
			return nil
		}
	}
	last := len(words) - 1
	return fmt.Errorf("want %s or %s%s", strings.Join(words[:last], ", "), words[last], didYouMean(nearest.Of(s, words)))
}
