package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/protocol"
)

func newUser(w world) *cobra.Command {
	return group("user", "Users: their tokens and tags", newUserToken(w), newUserTags(w))
}

func newUserToken(w world) *cobra.Command {
	var ttl time.Duration
	cmd, _ := w.client(&cobra.Command{
		Use: "token USER", Short: "Make a user token, with which the SDK registers and connects", Args: wantArgs("USER"),
		Example: "  hush user token --app notes alice --ttl 1h",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		token, err := one(ctx, r, func(ctx context.Context) (protocol.UserToken, error) { return r.UserToken(ctx, r.app, args[0], ttl) })
		if err != nil {
			return err
		}
		r.say("%s\n", token.Token)
		return nil
	})
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "how long the token is valid (default 1h, the server's)")
	becomes(cmd, "ttl", "body.ttl")
	argumentBecomes(cmd, "USER", "body.user")
	return cmd
}

func newUserTags(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "tags USER [TAG...]", Short: "Replace a user's tags",
		Example: "  hush user tags --app notes alice beta de",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "" {
				return usagef("'%s' needs USER", cmd.CommandPath())
			}
			return nil
		},
	}, true, func(ctx context.Context, r *remote, args []string) error {
		tags, err := one(ctx, r, func(ctx context.Context) (protocol.Tags, error) { return r.PutTags(ctx, r.app, args[0], args[1:]) })
		if err != nil {
			return err
		}
		r.say("tags of %s: %s\n", args[0], first(strings.Join(tags.Tags, ", "), "none"))
		return nil
	})
	argumentBecomes(cmd, "USER", "path.user")
	argumentBecomes(cmd, "TAG", "body.tags")
	return cmd
}
