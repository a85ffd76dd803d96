package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func newProviderCheck(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "check PROVIDER", Short: "Try the stored credentials for apns or fcm, without sending", Args: wantArgs("PROVIDER"),
		Long: `Try an app's stored credentials for apns or fcm, without sending to anybody: APNs gets a request for a token that no device
has, and FCM gets a message that it only validates. The command says what works, or what does not work and what to change.

Exit status: 0 the credentials work, 1 they do not.`,
		Example:   "  hush provider check --app notes apns",
		ValidArgs: providerNames,
	}, true, func(ctx context.Context, r *remote, args []string) error {
		p := push.Provider(args[0])
		if err := checkProviderName(args[0]); err != nil {
			return err
		}
		return checkProvider(ctx, r, p)
	})
	return cmd
}

// providerNames are the providers as an argument names them.
var providerNames = []string{string(push.APNs), string(push.FCM)}

func checkProviderName(name string) error {
	if err := checkWord(name, providerNames); err != nil {
		return usagef("there is no provider %q; %v", name, err)
	}
	return nil
}

// checkProvider tries the stored credentials and prints the result.
func checkProvider(ctx context.Context, r *remote, p push.Provider) error {
	check, err := one(ctx, r, func(ctx context.Context) (protocol.CredentialCheck, error) { return r.CheckProvider(ctx, r.app, p) })
	if err != nil {
		return err
	}
	r.say("%s\n", check.What)
	if check.Do != "" {
		r.say("%s\n", check.Do)
	}
	if !check.OK {
		return &exitError{exitRefused}
	}
	return nil
}

// checkAfterPut tries what was just stored, or says how to.
func checkAfterPut(ctx context.Context, r *remote, p push.Provider, check bool) error {
	if check {
		return checkProvider(ctx, r, p)
	}
	r.say("'hush provider check --app %s %s' tries them, and sends to nobody.\n", r.app, string(p))
	return nil
}
