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
		Use: "rotate-root", Short: "Make a new root key; the present one stays valid for a while", Args: noArgs,
		Long: `Make a new root key. The server writes it to root.key in its data directory. The present key stays valid for --keep, so that
its users can change to the new one. --keep 0s revokes the present key at once, for instance because it has leaked.`,
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
		Use: "rotate-secret", Short: "Make a new secret key, and encrypt everything again with it", Args: noArgs,
		Long: `Make a new secret key, which encrypts credentials and signing keys, and encrypt everything again with it. The server serves
meanwhile, with both keys; if it is stopped or killed, it continues at its next start. The command waits until everything is
encrypted; the server then takes the old key out of its file. Backups from before need the old key: keep your copy of it as
long as you keep them.`,
		Example: "  hush key rotate-secret",
	}, false, func(ctx context.Context, r *remote, _ []string) error {
		ctx, cancel := r.within(ctx)
		defer cancel()
		key, err := r.RotateSecretKey(ctx)
		for err == nil && len(key.OldKeyIDs) > 0 {
			select {
			case <-ctx.Done():
				r.say("key %s encrypts from now on; the server is still re-encrypting what %s encrypted\n", key.KeyID, strings.Join(key.OldKeyIDs, ", "))
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
