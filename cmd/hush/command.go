package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/config"
)

// The exit codes, as the help says.
const (
	exitDone        = 0
	exitRefused     = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitNotHandled  = 4   // of trace: final, but not handled on every device
	exitInterrupted = 130 // Ctrl-C, as shells have it (128 and SIGINT's 2)
	exitTerminated  = 143 // SIGTERM, likewise (128 and 15)
)

// world is what a command sees of the process around it, so that tests can give it another one.
type world struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string

	hangups <-chan os.Signal // SIGHUP, for serve; nil: none comes

	// environ is the whole environment, "NAME=value" each, to look for mistyped names in; nil: none is looked for.
	environ func() []string
}

// usageError is a mistake in how the command was called.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// exitError ends the command with a code and without words; what there was to say is said.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// run runs the whole command. It takes the arguments without the program's name and returns the exit code.
func run(ctx context.Context, args []string, w world) int {
	out := &output{to: w.stdout}
	w.stdout = out
	began := false // whether the command itself was reached: what cobra refuses before that is wrong usage
	root := newRoot(w, args)
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	cmd, err := root.ExecuteContextC(ctx)
	code := exitCode(ctx, err, began)
	if out.err != nil && (err == nil || errors.Is(err, out.err)) {
		err, code = out.err, exitRefused
	}
	if code != exitDone && !errors.As(err, new(*exitError)) {
		complain(w.stderr, cmd, err, code)
	}
	return code
}

func exitCode(ctx context.Context, err error, began bool) int {
	var (
		exit     *exitError
		usage    *usageError
		settings *config.Error
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return exit.code
	case !began, errors.As(err, &usage), errors.As(err, &settings):
		return exitUsage
	case ctx.Err() != nil:
		return exitEnded(context.Cause(ctx))
	case errors.Is(err, client.ErrUnreachable), isStranger(err):
		return exitUnreachable
	}
	return exitRefused
}

// isStranger reports whether somebody other than Hush answered in its place, so that the server was not reached.
func isStranger(err error) bool {
	var answer *client.Error
	return errors.As(err, &answer) && answer.Code == ""
}

// complain prints what went wrong and, for wrong usage, where the right one is explained.
func complain(to io.Writer, cmd *cobra.Command, err error, code int) {
	for _, line := range complaints(err, code) {
		fmt.Fprintf(to, "hush: %s\n", cleanLines(line))
	}
	var answer *client.Error
	if errors.As(err, &answer) && answer.Redirect != "" {
		fmt.Fprintf(to, "To ask there: --server %s, or HUSH_SERVER.\n", cleanLines(answer.Redirect))
	}
	if code == exitUsage {
		fmt.Fprintf(to, "See '%s --help'.\n", cmd.CommandPath())
	}
}

// complaints returns what is wrong, each beginning a line of its own.
func complaints(err error, code int) []string {
	var faults *faultsError
	several, joined := err.(interface{ Unwrap() []error })
	switch {
	case errors.As(err, &faults):
		return faults.lines
	case joined && errors.As(err, new(*config.Error)):
		var all []string
		for _, one := range several.Unwrap() {
			all = append(all, one.Error())
		}
		return all
	case (code == exitInterrupted || code == exitTerminated) && errors.Is(err, client.ErrUnreachable):
		return []string{"interrupted; whether the server did what was asked is unknown"} // the server may well be reached
	}
	return []string{err.Error()}
}

// newRoot returns the whole tree of commands. args are those of the command line; its complaints quote them.
func newRoot(w world, args []string) *cobra.Command {
	var showVersion, asJSON bool
	root := &cobra.Command{
		Use:   "hush",
		Short: "Self-hosted silent push for iOS and Android",
		Long: `Hush wakes an app on a phone with a small payload, and the person holding it notices nothing.

Hush is one binary. It has the server (serve), its command line (app, key, signing-key, provider, resource, user, device,
push, trace, listen, cancel), simulators of APNs and FCM for tests in every language (sim), a demo of all of it on this
machine (demo), and benchmarks (bench).

Exit status: 0 done, 1 refused, 2 wrong usage, 3 server not reached, 4 (trace) final, but not handled on every device,
130 interrupted, 143 ended by SIGTERM.`,
		Example: `  hush demo --once                      # see it work, nothing else needed
  hush serve --data ./hush-data         # start a server
  export HUSH_KEY=$(cat hush-data/root.key)
  hush app put notes                    # and use it`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return unknownCommand(cmd, args[0])
			case showVersion:
				return printVersion(w.stdout, asJSON)
			}
			return cmd.Help()
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetArgs(args)
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagFault(cmd, args, err) })
	root.Flags().BoolVarP(&showVersion, "version", "v", false, "print the version, like 'hush version'")
	root.Flags().BoolVar(&asJSON, "json", false, "with --version: as JSON")
	for id, commands := range map[string][]*cobra.Command{
		groupRun:  {newServe(w), newStatus(w), newDemo(w), newSim(w), newBench(w)},
		groupSend: {newPush(w), newTrace(w), newListen(w), newCancel(w)},
		groupApp:  {newApp(w), newKey(w), newSigningKey(w), newProvider(w), newResource(w), newUser(w), newDevice(w)},
		groupMore: {newVersion(w)},
	} {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	addHelp(root)
	return root
}

// group returns a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	var examples []string
	for _, c := range commands {
		if c.Example != "" {
			examples = append(examples, c.Example)
		}
	}
	g := &cobra.Command{Use: use, Short: short, Example: strings.Join(examples, "\n")}
	g.AddCommand(commands...)
	holdOnly(g)
	return g
}

// holdOnly makes a command that holds others wrong usage where it is called alone, or with a name that it does not hold.
func holdOnly(g *cobra.Command) {
	g.Args = cobra.ArbitraryArgs
	g.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return usagef("'%s' needs one of its commands: %s", cmd.CommandPath(), commandNames(cmd))
	}
}

// commandNames lists what a command holds, in the order of its help.
func commandNames(cmd *cobra.Command) string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return strings.Join(names, ", ")
}

func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
	case cmd.HasAvailableSubCommands():
		return unknownCommand(cmd, args[0])
	default:
		return usagef("'%s' does not know %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// atMostArgs accepts up to one argument of each of these names.
func atMostArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > len(names) {
			return usagef("'%s' does not know what to do with %q; it takes %s", cmd.CommandPath(), args[len(names)], strings.Join(names, " "))
		}
		return nil
	}
}

// wantArgs accepts exactly one argument of each of these names.
func wantArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := atMostArgs(names...)(cmd, args); err != nil {
			return err
		}
		for i, name := range names {
			if i >= len(args) || args[i] == "" {
				return usagef("'%s' needs %s", cmd.CommandPath(), name)
			}
		}
		return nil
	}
}
