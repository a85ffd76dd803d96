package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
	"github.com/hushpush/hush/pushtest/sdkapp"
	"github.com/hushpush/hush/pushtest/worldtest"
	"github.com/hushpush/hush/sdk"
)

func newSimApp(w world) *cobra.Command {
	var user, dir string
	cmd, _ := w.client(&cobra.Command{
		Use: "app", Short: "Run as an app with Hush's SDK on a simulated phone", Args: noArgs,
		Long: `Run as the app on a phone of "hush sim world". The app has Hush's SDK in it; it registers for a user when it is opened, and
is connected while it is in the foreground. Each push that its handler gets is a line in the phone's device log, and is
answered new_data, so that "hush trace" shows how it was handled. The phone starts the app, and must send it all events:

  hush sim world --app-events all \
    --app 'HUSH_KEY=… hush sim app --app notes --user alice'

A real app gets its user token from its own backend. This app makes the token itself, with the key, for which role send is
enough.`,
		Example: `  hush sim world --app-events all \
    --app 'hush sim app --app notes --user alice'
  # every phone a user of its own
  hush sim world --app-events all \
    --app 'hush sim app --app notes --user "$HUSH_PHONE"'`,
	}, true, func(ctx context.Context, r *remote, _ []string) (err error) {
		phone := w.getenv(worldtest.PhoneEnv)
		switch {
		case phone == "":
			return usagef("%s is not set; this command is started by a phone: hush sim world --app-events all --app 'hush sim app …'", worldtest.PhoneEnv)
		case user == "":
			return usagef("no user is given; want --user NAME")
		}
		transport, err := transportFor(r.ca, r.proxy)
		if err != nil {
			return err
		}
		app, err := sdkapp.New(sdkapp.Config{
			Server: r.server, App: r.app, Dir: filepath.Join(dir, phone), TLS: transport.TLSClientConfig, Proxy: r.proxy,
			Token: func(ctx context.Context) (string, error) {
				t, err := one(ctx, r, func(ctx context.Context) (protocol.UserToken, error) { return r.UserToken(ctx, r.app, user, 0) })
				return t.Token, err
			},
			Handler: func(_ context.Context, m sdk.Message) sdk.FetchResult {
				fmt.Fprintf(w.stderr, "push %s by %s: %s\n", m.ID, m.Path, clean(m.Extras[sdk.ExtraPayload]))
				return sdk.NewData
			},
			Log: func(text string) { fmt.Fprintln(w.stderr, cleanLines(text)) },
		})
		if err != nil {
			return err
		}
		defer app.Close()
		return phoneline.Serve(ctx, w.stdin, w.stdout, app.Handle)
	})
	cmd.Flags().StringVar(&user, "user", "", "whose phone it is")
	cmd.Flags().StringVar(&dir, "dir", "hush-phones", "directory in which the app on each phone has one of its own, named as the phone")
	becomes(cmd, "user", "body.user")
	return cmd
}
