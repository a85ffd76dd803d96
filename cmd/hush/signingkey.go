package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/protocol"
)

func newSigningKey(w world) *cobra.Command {
	return group("signing-key", "Signing keys: they verify the user tokens that a backend signs",
		newSigningKeyPut(w), newSigningKeyGet(w), newSigningKeyList(w), newSigningKeyDelete(w))
}

// signingKeyFlags is what hush signing-key put was told.
type signingKeyFlags struct {
	secretFile, publicKeyFile string
	generate                  bool
	name, expires             string
}

func newSigningKeyPut(w world) *cobra.Command {
	var f signingKeyFlags
	cmd, r := w.client(&cobra.Command{
		Use: "put KID", Short: "Store a key that verifies the user tokens that name it", Args: wantArgs("KID"),
		Long: `Store a key that verifies the user tokens whose header names it (kid): ES256 with a public key, or HS256 with a secret that
both sides have. Tokens that Hush makes itself ("hush user token") need no such key.

--generate makes a secret and shows it only this once; with --json it is the field secret of the answer.`,
		Example: "  hush signing-key put --app notes 2026-01 --public-key public.pem\n" +
			"  hush signing-key put --app notes 2026-02 --generate\n" +
			"  openssl rand -base64 32 | hush signing-key put --app notes 2026-03 \\\n    --secret-file -",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		asked, err := f.read(w)
		if err != nil {
			return err
		}
		ctx, cancel := r.within(ctx)
		defer cancel()
		key, created, err := r.PutSigningKey(ctx, r.app, args[0], asked)
		if err != nil {
			return err
		}
		r.say("signing key %s %s\n", key.KID, putWord(created))
		r.show(signingKeyTable(key))
		if !f.generate {
			return nil
		}
		r.say("secret  %s\nThe secret is shown this once; the server never gives it back.\n", asked.Secret)
		r.answer, err = json.Marshal(struct {
			protocol.SigningKey
			Secret string `json:"secret"`
		}{key, asked.Secret})
		return err
	})
	fs := cmd.Flags()
	fs.StringVar(&f.publicKeyFile, "public-key", "", "ES256: PEM file of a P-256 public key; - is standard input")
	fs.StringVar(&f.secretFile, "secret-file", "", "HS256: file with 32 random bytes or more, in base64; - is standard input")
	fs.BoolVar(&f.generate, "generate", false, "HS256: make the secret, and show it this once")
	fs.StringVar(&f.name, "name", "", "what people know the key by")
	fs.StringVar(&f.expires, "expires", "", expiresUsage)
	becomes(cmd, "public-key", "body.public_key")
	becomes(cmd, "secret-file", "body.secret")
	becomes(cmd, "generate", "body.secret")
	becomes(cmd, "name", "body.name")
	becomes(cmd, "expires", "body.expires_at")
	argumentBecomes(cmd, "KID", "path.kid")
	r.offerArgument(cmd, true, signingKeyIDs)
	return cmd
}

// signingSecretBytes is the size of a generated secret: as many as HS256 asks for (RFC 7518, section 3.2).
const signingSecretBytes = 32

// read makes the request of the flags.
func (f *signingKeyFlags) read(w world) (key protocol.SigningKeyRequest, err error) {
	given := 0
	for _, is := range []bool{f.secretFile != "", f.publicKeyFile != "", f.generate} {
		if is {
			given++
		}
	}
	if given != 1 {
		return key, usagef("want one of --public-key FILE (ES256), --secret-file FILE and --generate (HS256)")
	}
	key.Alg, key.Name = "HS256", f.name
	if key.ExpiresAt, err = endOf(f.expires, time.Now()); err != nil {
		return key, err
	}
	var text []byte
	switch {
	case f.generate:
		secret := make([]byte, signingSecretBytes)
		rand.Read(secret) // never fails, and fills all of it
		key.Secret = base64.StdEncoding.EncodeToString(secret)
	case f.publicKeyFile != "":
		key.Alg = "ES256"
		text, err = w.readFile("public-key", f.publicKeyFile)
		key.PublicKey = string(text)
	default:
		text, err = w.readFile("secret-file", f.secretFile)
		key.Secret = strings.TrimSpace(string(text))
	}
	return key, err
}

func newSigningKeyGet(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "get KID", Short: "Show a signing key, without its secret", Args: wantArgs("KID"),
		Example: "  hush signing-key get --app notes 2026-01",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		key, err := one(ctx, r, func(ctx context.Context) (protocol.SigningKey, error) { return r.SigningKey(ctx, r.app, args[0]) })
		if err != nil {
			return err
		}
		r.show(signingKeyTable(key))
		if key.PublicKey != "" {
			for _, line := range strings.Split(strings.TrimSpace(key.PublicKey), "\n") {
				r.say("%s\n", strings.TrimSuffix(line, "\r"))
			}
		}
		return nil
	})
	r.offerArgument(cmd, true, signingKeyIDs)
	argumentBecomes(cmd, "KID", "path.kid")
	return cmd
}

func newSigningKeyList(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "list", Short: "List an app's signing keys, without their secrets", Args: noArgs,
		Example: "  hush signing-key list --app notes",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		var all []protocol.SigningKey
		err := r.pages(ctx, func(ctx context.Context, page client.Page) (string, error) {
			answer, err := r.SigningKeys(ctx, r.app, page)
			all = append(all, answer.SigningKeys...)
			return answer.Cursor, err
		})
		if err != nil {
			return err
		}
		r.showList(signingKeyTable(all...), "no signing keys of app "+r.app)
		return nil
	})
	r.addPageTo(cmd)
	return cmd
}

func newSigningKeyDelete(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "delete KID", Short: "Delete a signing key, and revoke the tokens that it signed", Args: wantArgs("KID"),
		Example: "  hush signing-key delete --app notes 2026-01",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		ctx, cancel := r.within(ctx)
		defer cancel()
		if err := r.DeleteSigningKey(ctx, r.app, args[0]); err != nil {
			return err
		}
		r.say("signing key %s deleted\n", args[0])
		return nil
	})
	r.offerArgument(cmd, true, signingKeyIDs)
	argumentBecomes(cmd, "KID", "path.kid")
	return cmd
}

func signingKeyTable(keys ...protocol.SigningKey) *table {
	t := newTable("KID", "ALGORITHM", "MADE BY", "NAME", "MADE", "LAST USED", "EXPIRES")
	for _, k := range keys {
		t.add(k.KID, string(k.Alg), string(k.MadeBy), k.Name, terminal.Moment(k.CreatedAt), momentIf(k.LastUsedAt), momentIf(k.ExpiresAt))
	}
	return t
}
