package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func newProvider(w world) *cobra.Command {
	put := group("put", "Store credentials for a provider; the server checks them first", newPutAPNs(w), newPutFCM(w))
	return group("provider", "Credentials for APNs and FCM, encrypted, never read back",
		put, newProviderCheck(w), newProviderList(w), newProviderDelete(w))
}

func newPutAPNs(w world) *cobra.Command {
	var (
		p                          protocol.APNsProvider
		check                      bool
		keyFile, p12, passwordFile string
	)
	cmd, _ := w.client(&cobra.Command{
		Use: "apns", Short: "Store an APNs key (.p8) or certificate (.p12)", Args: noArgs,
		Long: `Store an APNs key (.p8, with --key-id, --team-id and --topic) or certificate (.p12, with its password in
--password-file or HUSH_P12_PASSWORD, if it has one).`,
		Example: "  hush provider put apns --app notes --key-file AuthKey_ABC1234567.p8 \\\n" +
			"    --key-id ABC1234567 --team-id DEF1234567 --topic com.example.notes",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		if (keyFile == "") == (p12 == "") {
			return usagef("want either --key-file (a .p8, with --key-id, --team-id and --topic) or --p12")
		}
		if err := readAPNs(w, &p, keyFile, p12, passwordFile); err != nil {
			return err
		}
		ctx, cancel := r.within(ctx)
		defer cancel()
		info, created, err := r.PutAPNs(ctx, r.app, p)
		if err != nil {
			return err
		}
		r.say("APNs credentials of %s %s\n", r.app, putWord(created))
		r.show(providerTable(info))
		return checkAfterPut(ctx, r, push.APNs, check)
	})
	fs := cmd.Flags()
	fs.StringVar(&keyFile, "key-file", "", "the .p8 as Apple gives it; - is standard input")
	fs.StringVar(&p.KeyID, "key-id", "", "the key's id, ten characters")
	fs.StringVar(&p.TeamID, "team-id", "", "the team's id, ten characters")
	fs.StringArrayVar(&p.Topics, "topic", nil, "a bundle id (repeatable); where given, devices with any other are not woken")
	fs.StringVar(&p12, "p12", "", "a certificate with its key, instead of a .p8")
	fs.BoolVar(&check, "check", false, "try them afterwards, like 'hush provider check apns'")
	fs.StringVar(&passwordFile, "password-file", "", "file with the password of --p12 (or HUSH_P12_PASSWORD)")
	for flag, field := range map[string]string{"key-file": "body.key", "key-id": "body.key_id", "team-id": "body.team_id", "topic": "body.topics",
		"p12": "body.p12", "password-file": "body.password"} {
		becomes(cmd, flag, field)
	}
	return cmd
}

func readAPNs(w world, p *protocol.APNsProvider, keyFile, p12, passwordFile string) error {
	if keyFile != "" {
		key, err := w.readFile("key-file", keyFile)
		p.Key = string(key)
		return err
	}
	cert, err := w.readFile("p12", p12)
	if err != nil {
		return err
	}
	p.P12, p.Password = base64.StdEncoding.EncodeToString(cert), w.getenv("HUSH_P12_PASSWORD")
	if passwordFile != "" {
		password, err := w.readFile("password-file", passwordFile)
		if err != nil {
			return err
		}
		p.Password = strings.TrimRight(string(password), "\r\n")
	}
	return nil
}

func newPutFCM(w world) *cobra.Command {
	var (
		file  string
		check bool
	)
	cmd, _ := w.client(&cobra.Command{
		Use: "fcm", Short: "Store an FCM service account", Args: noArgs,
		Example: "  hush provider put fcm --app notes --service-account service-account.json",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		if file == "" {
			return usagef("no service account is given; want --service-account FILE")
		}
		account, err := w.readFile("service-account", file)
		if err != nil {
			return err
		}
		if !json.Valid(account) {
			return usagef("--service-account: %s is no JSON; want the file as Google gives it", file)
		}
		ctx, cancel := r.within(ctx)
		defer cancel()
		info, created, err := r.PutFCM(ctx, r.app, protocol.FCMProvider{ServiceAccount: account})
		if err != nil {
			return err
		}
		r.say("FCM credentials of %s %s\n", r.app, putWord(created))
		r.show(providerTable(info))
		return checkAfterPut(ctx, r, push.FCM, check)
	})
	cmd.Flags().BoolVar(&check, "check", false, "try it afterwards, like 'hush provider check fcm'")
	cmd.Flags().StringVar(&file, "service-account", "", "the service account's JSON as Google gives it; - is standard input")
	becomes(cmd, "service-account", "body.service_account")
	return cmd
}

func newProviderList(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "list", Short: "Show an app's credentials, without their secrets", Args: noArgs,
		Example: "  hush provider list --app notes",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		answer, err := one(ctx, r, func(ctx context.Context) (protocol.Providers, error) { return r.Providers(ctx, r.app) })
		if err != nil {
			return err
		}
		r.showList(providerTable(answer.Providers...), "no credentials of app "+r.app)
		return nil
	})
	return cmd
}

func newProviderDelete(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "delete PROVIDER", Short: "Remove an app's credentials for apns or fcm", Args: wantArgs("PROVIDER"),
		Example:   "  hush provider delete --app notes fcm",
		ValidArgs: providerNames,
	}, true, func(ctx context.Context, r *remote, args []string) error {
		if err := checkProviderName(args[0]); err != nil {
			return err
		}
		ctx, cancel := r.within(ctx)
		defer cancel()
		if err := r.DeleteProvider(ctx, r.app, push.Provider(args[0])); err != nil {
			return err
		}
		r.say("%s credentials of %s deleted\n", args[0], r.app)
		return nil
	})
	return cmd
}

func providerTable(infos ...protocol.CredentialInfo) *table {
	t := newTable("PROVIDER", "KIND", "KEY OR ACCOUNT", "TEAM OR PROJECT", "TOPICS", "VALID UNTIL")
	for _, i := range infos {
		until := ""
		if i.ValidUntil != nil {
			until = terminal.Moment(*i.ValidUntil)
		}
		t.add(string(i.Provider), string(i.Kind), first(i.KeyID, i.ClientEmail), first(i.TeamID, i.ProjectID), strings.Join(i.Topics, ", "), until)
	}
	return t
}
