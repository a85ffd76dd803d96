package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

func newSim(w world) *cobra.Command {
	return group("sim", "Simulators of APNs, FCM and phones, for tests in every language", newSimAPNs(w), newSimFCM(w), newSimWorld(w))
}

// simFlags are the flags that every simulator has.
type simFlags struct {
	listen, control, certDir string
	set                      []string
	seed                     uint64
	rules, json, markdown    bool
}

func (f *simFlags) addTo(cmd *cobra.Command, listen string) {
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", listen, "host:port for senders, TLS; port 0 takes a free one")
	flags.StringVar(&f.control, "control", "", "host:port of the control API, plain HTTP; without it there is none")
	f.addRulesTo(cmd)
}

// addRulesTo adds what does not depend on where it listens.
func (f *simFlags) addRulesTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.certDir, "cert-dir", "", "directory that gets ca.pem, the certificate to trust; the CA in it is kept")
	flags.StringArrayVar(&f.set, "set", nil, "switch a rule, NAME=VALUE (repeatable); --rules lists them")
	flags.Uint64Var(&f.seed, "seed", 0, "vary what the provider leaves open, the same way for the same number; 0 varies nothing")
	flags.BoolVar(&f.rules, "rules", false, "print the rules that it holds, with their sources and switches, and end")
	flags.BoolVar(&f.json, "json", false, "with --rules: as JSON")
	flags.BoolVar(&f.markdown, "markdown", false, "with --rules: as a page of Markdown")
	cmd.MarkFlagsMutuallyExclusive("json", "markdown")
}

// ruleTable is a simulator's rules as they print themselves.
type ruleTable interface {
	WriteText(io.Writer) error
	WriteJSON(io.Writer) error
}

// simulator is one that runs.
type simulator interface {
	ReadyLine() string
	Close()
}

// run prints the rules, or runs the simulator that start makes until ctx ends.
func (f *simFlags) run(ctx context.Context, w world, provider string, rules ruleTable, start func(*slog.Logger) (simulator, error)) error {
	switch {
	case f.rules && f.json:
		return rules.WriteJSON(w.stdout)
	case f.rules && f.markdown:
		return writeRulesPage(w.stdout, provider, rules)
	case f.rules:
		return rules.WriteText(w.stdout)
	case f.json || f.markdown:
		return usagef("--json and --markdown are for --rules")
	}
	sim, err := start(slog.New(slog.NewTextHandler(w.stderr, nil)))
	switch {
	case errors.As(err, new(*net.OpError)), errors.As(err, new(*fs.PathError)):
		return err // a port in use, a file that cannot be read or written
	case err != nil:
		return usagef("%v", err)
	}
	defer sim.Close()
	fmt.Fprintln(w.stdout, sim.ReadyLine())
	<-ctx.Done()
	return nil
}

// apnsFlags are those of a simulator of APNs.
type apnsFlags struct {
	environment                             string
	files, ids, teams, environments, topics []string
	keyTopics, keyRelated                   []string
}

func (f *apnsFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.environment, "environment", "production", "whose device tokens it takes: production or development")
	flags.StringArrayVar(&f.files, "key", nil, "a signing key (.p8): read if it exists, else written (repeatable)")
	flags.StringArrayVar(&f.ids, "key-id", nil, "its id, ten characters (repeatable)")
	flags.StringArrayVar(&f.teams, "team-id", nil, "its team, ten characters (repeatable)")
	flags.StringArrayVar(&f.environments, "key-environment", nil, "where it is good: both (default), production or development; one for all keys, or one each")
	flags.StringArrayVar(&f.topics, "topic", nil, "a bundle id that may be sent to (repeatable; default any)")
	flags.StringArrayVar(&f.keyTopics, "key-topic", nil, "KEYID=TOPIC: a topic that the key is for, and no others (repeatable; default all of its team's)")
	flags.StringArrayVar(&f.keyRelated, "key-related", nil, "KEYID=KEYID: the one other key that may follow it on a connection (repeatable)")
	complete(cmd, "environment", "production", "development")
	complete(cmd, "key-environment", "both", "production", "development")
}

// config is a simulator's, but for where it listens and what every simulator is told.
func (f *apnsFlags) config() (apnstest.Config, error) {
	keys, err := apnstest.Keys(f.files, f.ids, f.teams, f.environments)
	if err == nil {
		err = apnstest.Restrict(keys, f.keyTopics, f.keyRelated)
	}
	return apnstest.Config{Environment: apnstest.Environment(f.environment), Keys: keys, Topics: f.topics}, err
}

func newSimAPNs(w world) *cobra.Command {
	var (
		f simFlags
		a apnsFlags
	)
	cmd := &cobra.Command{
		Use: "apns", Short: "Run an APNs simulator", Args: noArgs,
		Long: `Run a simulator of APNs' provider API. Senders need trust in ca.pem, and either a signing key (.p8) or one of the client
certificates (.p12, empty password) that --cert-dir gets for each --topic. The first line on standard output is
"ready listen=HOST:PORT", with " control=HOST:PORT" if there is a control API; that one is described at
/_sim/openapi.json.

For several keys, --key, --key-id and --team-id are repeated in step.`,
		Example: `  hush sim apns --control 127.0.0.1:3197 --cert-dir certs --key certs/key.p8 --key-id ABC1234567 --team-id DEF1234567 --topic com.example.notes
  hush sim apns --rules`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), w, "APNs", apnstest.Rules(), func(log *slog.Logger) (simulator, error) {
				cfg, err := a.config()
				if err != nil {
					return nil, err
				}
				cfg.Listen, cfg.Control, cfg.CertDir, cfg.Set, cfg.Seed, cfg.Logger = f.listen, f.control, f.certDir, f.set, f.seed, log
				return apnstest.Start(cfg)
			})
		},
	}
	f.addTo(cmd, "127.0.0.1:2197")
	a.addTo(cmd)
	return cmd
}

func newSimFCM(w world) *cobra.Command {
	var (
		f                       simFlags
		project, serviceAccount string
	)
	cmd := &cobra.Command{
		Use: "fcm", Short: "Run an FCM simulator", Args: noArgs,
		Long: `Run a simulator of FCM's HTTP v1 API and of the OAuth endpoint that its senders get their tokens from. Senders need the
service account file and trust in ca.pem. The first line on standard output is "ready listen=HOST:PORT", with
" control=HOST:PORT" if there is a control API; that one is described at /_sim/openapi.json.`,
		Example: `  hush sim fcm --control 127.0.0.1:3198 --cert-dir certs --service-account certs/service-account.json
  hush sim fcm --rules`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), w, "FCM", fcmtest.Rules(), func(log *slog.Logger) (simulator, error) {
				return fcmtest.Start(fcmtest.Config{Listen: f.listen, Control: f.control, CertDir: f.certDir, Project: project,
					ServiceAccount: serviceAccount, Set: f.set, Seed: f.seed, Logger: log})
			})
		},
	}
	f.addTo(cmd, "127.0.0.1:2198")
	cmd.Flags().StringVar(&project, "project", "", "project id (default that of --service-account, or demo)")
	cmd.Flags().StringVar(&serviceAccount, "service-account", "", "service account file: read if it exists, else written")
	return cmd
}

// writeRulesPage prints the rules as the page in docs/generated.
func writeRulesPage(to io.Writer, provider string, rules ruleTable) error {
	var text bytes.Buffer
	if err := rules.WriteJSON(&text); err != nil {
		return err
	}
	var rows []struct{ Name, Rule, Source, Certain, Switch, Default string }
	if err := json.Unmarshal(text.Bytes(), &rows); err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	command := "hush sim " + strings.ToLower(provider)
	var page strings.Builder
	fmt.Fprintf(&page, "# The rules of the %s simulator\n\n", provider)
	fmt.Fprintf(&page, "Written by `make generate` from the table that the simulator runs by; `%s --rules` prints it too. A rule with a\n", command)
	fmt.Fprintf(&page, "switch can be changed: `%s --set NAME=VALUE`.\n\n", command)
	page.WriteString("| rule | how certain | source | switch and default |\n| --- | --- | --- | --- |\n")
	for _, r := range rows {
		change := ""
		if r.Switch != "" {
			change = "`" + r.Switch + "=" + r.Default + "`"
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", cell(r.Rule), cell(r.Certain), cell(r.Source), cell(change))
	}
	_, err := io.WriteString(to, page.String())
	return err
}

// cell keeps a text within its cell of a Markdown table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(s) }
