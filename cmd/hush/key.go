package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
)

func newKey(w world) *cobra.Command {
	return group("key", "Server keys: the keys with which backends call the API",
		newKeyCreate(w), newKeyList(w), newKeyDelete(w), newKeyRotateRoot(w), newKeyRotateSecret(w))
}

func newKeyCreate(w world) *cobra.Command {
	var asked protocol.KeyRequest
	var expires string
	cmd, _ := w.client(&cobra.Command{
		Use: "create", Short: "Make a server key; its secret is shown only this once", Args: noArgs,
		Example: "  hush key create --app notes --role send --name backend --expires 2160h",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		if asked.Role == "" {
			return usagef("no role is given; want --role admin, send or read")
		}
		var err error
		if asked.ExpiresAt, err = endOf(expires, time.Now()); err != nil {
			return err
		}
		key, err := one(ctx, r, func(ctx context.Context) (protocol.Key, error) { return r.CreateKey(ctx, r.app, asked) })
		if err != nil {
			return err
		}
		r.say("key      %s\nrole     %s\n", key.KeyID, string(key.Role))
		if key.ExpiresAt != nil {
			r.say("expires  %s\n", terminal.Moment(*key.ExpiresAt))
		}
		r.say("secret   %s\nThe secret is shown this once.\n", key.Secret)
		return nil
	})
	cmd.Flags().StringVar(&asked.Name, "name", "", "what people know the key by")
	cmd.Flags().StringVar(&expires, "expires", "", expiresUsage)
	becomes(cmd, "name", "body.name")
	becomes(cmd, "expires", "body.expires_at")
	addChoice(cmd, &asked.Role, "role", "admin (all of the app), send (pushes, users, devices) or read", "admin", "send", "read")
	becomes(cmd, "role", "body.role")
	return cmd
}

func newKeyList(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "list", Short: "List an app's server keys, without their secrets", Args: noArgs,
		Example: "  hush key list --app notes",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		t := newTable("KEY", "ROLE", "NAME", "MADE", "LAST USED", "EXPIRES")
		err := r.pages(ctx, func(ctx context.Context, page client.Page) (string, error) {
			answer, err := r.Keys(ctx, r.app, page)
			for _, k := range answer.Keys {
				t.add(k.KeyID, string(k.Role), k.Name, terminal.Moment(k.CreatedAt), momentIf(k.LastUsedAt), momentIf(k.ExpiresAt))
			}
			return answer.Cursor, err
		})
		if err != nil {
			return err
		}
		r.showList(t, "no keys of app "+r.app)
		return nil
	})
	r.addPageTo(cmd)
	return cmd
}

func newKeyDelete(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "delete KEY_ID", Short: "Revoke a server key at once", Args: wantArgs("KEY_ID"),
		Example: "  hush key delete --app notes KEY_ID",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		ctx, cancel := r.within(ctx)
		defer cancel()
		if err := r.DeleteKey(ctx, r.app, args[0]); err != nil {
			return err
		}
		r.say("key %s deleted\n", args[0])
		return nil
	})
	r.offerArgument(cmd, true, keyIDs)
	argumentBecomes(cmd, "KEY_ID", "path.key_id")
	return cmd
}

const expiresUsage = "when it is void: a time such as 2027-01-02T15:04:05Z, or a while from now such as 2160h (default never)"

// endOf returns a key's end as the API takes it: a time, or a while from now; "" for none.
func endOf(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d).UTC().Format(time.RFC3339), nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		return "", usagef("--expires is %q; want a time such as 2027-01-02T15:04:05Z, or a while such as 2160h", text)
	}
	return text, nil
}

// complete offers a flag's values to the shell.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
