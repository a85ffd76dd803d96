package main

import (
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// worldFlags are those of hush sim world beyond what the simulators share.
type worldFlags struct {
	simFlags
	apnsListen, fcmListen   string
	app, appEvents          string
	project, serviceAccount string
	apns                    apnsFlags
}

func newSimWorld(w world) *cobra.Command {
	var f worldFlags
	cmd := &cobra.Command{
		Use: "world", Short: "Run both simulators, with phones on them", Args: noArgs,
		Long: `Run the simulators of APNs and FCM with phones on them, all with the same time. The first line on standard output is
"ready apns=HOST:PORT fcm=HOST:PORT control=HOST:PORT". Phones are made and changed over the control API, which /_sim/openapi.json describes; each provider has a control API of its
own below /_sim/apns/ and /_sim/fcm/.

The app on every phone is the command given with --app, which /bin/sh runs in a process of its own. The process is stopped
while the app is suspended, and ended when the system would end it. It reads a JSON object a line on standard input and
answers on standard output; everything else that it prints is in the device log:

  {"id":"1","phone":"p1","event":"push","data":{…},"allowed":"30s"}
  {"id":"1","result":"new_data"}      or no_data, or failed

With --app-events all the app also gets launches, states and tokens. Its environment has HUSH_PHONE and HUSH_PHONE_TOKEN.
Without --app, the app on each phone has no process and answers new_data; with --seed the phones then take turns, and only
/_sim/clock advances time, so that the same script has the same effects at each run.

POST /_sim/clock {"advance": "1h"} advances the time of providers and phones, and not that of Hush: a push that is "waiting
(budget)" waits by the server's clock. "Budgets without waiting" in docs/testing.md says how to end the wait.`,
		Example: `  hush sim world --cert-dir certs --key certs/key.p8 \
    --service-account certs/service-account.json --app 'python3 app.py'
  hush sim world --rules`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("app") && strings.TrimSpace(f.app) == "" { // an unset variable in somebody's script
				return usagef("--app is empty; leave it out for an app that answers new_data to everything")
			}
			if w.getenv("GOMEMLIMIT") == "" {
				debug.SetMemoryLimit(worldtest.MemoryLimit)
			}
			return f.run(cmd.Context(), w, worldPage, f.start)
		},
	}
	f.addRulesTo(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.apnsListen, "apns-listen", "127.0.0.1:2197", "host:port for senders to APNs, TLS; port 0 takes a free one")
	flags.StringVar(&f.fcmListen, "fcm-listen", "127.0.0.1:2198", "host:port for senders to FCM, TLS; port 0 takes a free one")
	flags.StringVar(&f.control, "control", "127.0.0.1:2199", "host:port of the control API, plain HTTP")
	flags.StringVar(&f.app, "app", "", "the command that is the app on every phone (default one without a process)")
	flags.StringVar(&f.appEvents, "app-events", "push", "what the app is told: push (pushes and deleted messages) or all")
	flags.StringVar(&f.project, "project", "", "FCM: project id (default that of --service-account, or demo)")
	flags.StringVar(&f.serviceAccount, "service-account", "", "FCM: service account file, read if it exists, else written")
	f.apns.addTo(cmd)
	complete(cmd, "app-events", "push", "all")
	return cmd
}

func (f *worldFlags) start(log *slog.Logger) (simulator, error) {
	apns, err := f.apns.config()
	if err != nil {
		return nil, err
	}
	apns.Listen, apns.CertDir = f.apnsListen, f.certDir
	if f.control == "" {
		return nil, usagef("--control is empty; without the control API a world has no phones")
	}
	cfg := worldtest.Config{
		APNs:    apns,
		FCM:     fcmtest.Config{Listen: f.fcmListen, CertDir: f.certDir, Project: f.project, ServiceAccount: f.serviceAccount},
		Control: f.control, Set: f.set, Seed: f.seed, Logger: log,
	}
	switch f.appEvents {
	case "push":
	case "all":
		cfg.AllEvents = true
	default:
		return nil, usagef("--app-events is %q; want push or all", f.appEvents)
	}
	if f.app != "" {
		cfg.App = worldtest.ShellCommand(f.app)
	}
	return worldtest.Start(cfg)
}
