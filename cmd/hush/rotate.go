package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
)

func newKeyRotateRoot(w world) *cobra.Command {
	var keep time.Duration
	cmd, _ := w.client(&cobra.Command{
		Use: "rotate-root", Short: "Make a new root key; the present one stays good for a while", Args: noArgs,
		Long: `Make a new root key. The server writes it to root.key in its data directory; the present one stays good for --keep, so that
whoever uses it can be moved. --keep 0s voids it at once, as for one that has leaked.`,
		Example: "  hush key rotate-root --keep 1h",
	}, false, func(ctx context.Context, r *remote, _ []string) error {
		key, err := one(ctx, r, func(ctx context.Context) (protocol.RootKey, error) { return r.RotateRootKey(ctx, keep) })
		if err != nil {
			return err
		}
		r.say("key     %s\nsecret  %s\nThe secret is shown this once; the server keeps it in root.key. The key before is good until %s.\n",
			key.KeyID, key.Secret, terminal.Moment(key.OldUntil))
		return nil
	})
	cmd.Flags().DurationVar(&keep, "keep", 24*time.Hour, "how long the present root key stays good")
	becomes(cmd, "keep", "body.keep")
	return cmd
}

// rotationLook is how often rotate-secret asks whether it is done.
const rotationLook = 200 * time.Millisecond

func newKeyRotateSecret(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "rotate-secret", Short: "Make a new secret key, and encrypt everything anew with it", Args: noArgs,
		Long: `Make a new secret key, which encrypts credentials and signing keys, and encrypt everything anew with it. The server goes on
meanwhile, with both keys; one that is stopped or killed goes on at its next start. The command waits until it is done; the
server then takes the old key out of its file. Backups made before need the old key: keep your copy as long as them.`,
		Example: "  hush key rotate-secret",
	}, false, func(ctx context.Context, r *remote, _ []string) error {
		ctx, cancel := r.within(ctx)
		defer cancel()
		key, err := r.RotateSecretKey(ctx)
		for err == nil && len(key.OldKeyIDs) > 0 {
			select {
			case <-ctx.Done():
				r.say("key %s encrypts from now on; the server still encrypts anew what %s has\n", key.KeyID, strings.Join(key.OldKeyIDs, ", "))
				return nil
			case <-time.After(rotationLook):
				key, err = r.SecretKey(ctx)
			}
		}
		if err != nil {
			return err
		}
		r.say("key %s encrypts everything; keep a copy of its file apart from the database\n", key.KeyID)
		return nil
	})
	return cmd
}
