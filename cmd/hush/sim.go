package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

func newSim(w world) *cobra.Command {
	return group("sim", "Simulators of APNs, FCM and phones, for tests in every language", newSimAPNs(w), newSimFCM(w), newSimWorld(w), newSimApp(w))
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
	flags.BoolVar(&f.markdown, "markdown", false, "with --rules: as a page of Markdown (of a world: the phones' rules; its providers have pages of their own)")
}

// simulator is one that runs.
type simulator interface {
	ReadyLine() string
	Close()
}

// run prints the rules, or runs the simulator that start makes until ctx ends.
func (f *simFlags) run(ctx context.Context, w world, page rulesPage, start func(*slog.Logger) (simulator, error)) error {
	rules, err := page.rules.With(f.set, f.seed)
	switch {
	case err != nil:
		return usagef("--%v", err)
	case f.json && f.markdown:
		return usagef("--json and --markdown are two forms; give one")
	case f.rules && f.json:
		return rules.WriteJSON(w.stdout)
	case f.rules && f.markdown:
		return page.write(w.stdout)
	case f.rules:
		return rules.WriteText(w.stdout)
	case f.json || f.markdown:
		return usagef("--json and --markdown are for --rules")
	}
	log := slog.New(slog.NewTextHandler(w.stderr, nil))
	sim, err := start(log)
	if err != nil {
		return startError(err)
	}
	defer sim.Close()
	if changed := rules.Changed(); len(changed) > 0 {
		log.Info("switches that are not at their default", "seed", f.seed, "switches", strings.Join(changed, " "))
	}
	fmt.Fprintln(w.stdout, sim.ReadyLine())
	<-ctx.Done()
	return nil
}

// startError distinguishes wrong flags from what the machine refuses: a port in use, a file that cannot be read or written.
func startError(err error) error {
	var (
		op   *net.OpError
		path *fs.PathError
		link *os.LinkError // of a rename
		sys  syscall.Errno
	)
	if errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &op) && errors.As(err, &sys) {
		return err
	}
	return usagef("%v", err)
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

// config returns the settings of a simulator, but for where it listens and what all simulators have.
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
		Long: `Run a simulator of APNs' provider API. Senders must trust ca.pem, and need a signing key (.p8) or one of the client
certificates (.p12, empty password) that the simulator writes to --cert-dir for each --topic. The first line on standard
output is "ready listen=HOST:PORT", with " control=HOST:PORT" if there is a control API, which /_sim/openapi.json describes.

For several keys, repeat --key, --key-id and --team-id in the same order.`,
		Example: `  hush sim apns --control 127.0.0.1:3197 --cert-dir certs --key certs/key.p8 \
    --key-id ABC1234567 --team-id DEF1234567 --topic com.example.notes
  hush sim apns --rules`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), w, apnsPage, func(log *slog.Logger) (simulator, error) {
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
		f                                    simFlags
		project, serviceAccount, environment string
	)
	cmd := &cobra.Command{
		Use: "fcm", Short: "Run an FCM simulator", Args: noArgs,
		Long: `Run a simulator of FCM's HTTP v1 API and of the OAuth endpoint that gives its senders their tokens. Senders need the service
account file, and must trust ca.pem. The first line on standard output is "ready listen=HOST:PORT", with "
control=HOST:PORT" if there is a control API, which /_sim/openapi.json describes.`,
		Example: `  hush sim fcm --control 127.0.0.1:3198 --cert-dir certs \
    --service-account certs/service-account.json
  hush sim fcm --rules`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if environment != string(apnstest.Production) && environment != string(apnstest.Development) {
				return usagef("--environment is %q; want production or development", environment)
			}
			return f.run(cmd.Context(), w, fcmPage, func(log *slog.Logger) (simulator, error) {
				return fcmtest.Start(fcmtest.Config{Listen: f.listen, Control: f.control, CertDir: f.certDir, Project: project,
					ServiceAccount: serviceAccount, Set: f.set, Seed: f.seed, Logger: log})
			})
		},
	}
	f.addTo(cmd, "127.0.0.1:2198")
	cmd.Flags().StringVar(&project, "project", "", "project id (default that of --service-account, or demo)")
	cmd.Flags().StringVar(&serviceAccount, "service-account", "", "service account file: read if it exists, else written")
	cmd.Flags().StringVar(&environment, "environment", string(apnstest.Production),
		"production or development, as hush sim apns takes it; FCM has no environments, so it changes nothing")
	complete(cmd, "environment", "production", "development")
	return cmd
}
