package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const aPublicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
`

func TestSigningKeysAreStoredShownAndDeleted(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	secret := base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv"))
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args  string
		stdin string
		code  int
		says  string
	}{
		{args: "signing-key put es --public-key -", stdin: aPublicKey, says: "signing key es made"},
		{args: "signing-key put es --public-key - --name backend", stdin: aPublicKey, says: "signing key es saved"},
		{args: "signing-key put hs --secret-file " + file + " --expires 2160h", says: "HS256"},
		{args: "signing-key get es", says: aPublicKey},
		{args: "signing-key list", says: "hs"},
		{args: "signing-key put hs --secret-file -", stdin: "c2hvcnQ=", code: exitRefused, says: "hush: --secret-file (body.secret): has 5 bytes; want 32 or more"},
		{args: "signing-key put hs --secret-file -", stdin: "\x00\x01", code: exitRefused, says: "hush: --secret-file (body.secret): is not base64"},
		{args: "signing-key put es --public-key -", stdin: "PEM", code: exitRefused, says: "hush: --public-key (body.public_key): "},
		{args: "signing-key put hs --generate --expires 2000-01-01T00:00:00Z", code: exitRefused, says: "--expires (body.expires_at)"},
		{args: "signing-key put hs", code: exitUsage, says: "--generate"},
		{args: "signing-key put hs --generate --public-key -", code: exitUsage, says: "want one of"},
		{args: "signing-key put", code: exitUsage, says: "needs KID"},
		{args: "signing-key delete hs", says: "deleted"},
		{args: "signing-key get hs", code: exitRefused, says: "not_found"},
	} {
		got := hush(t, env, test.stdin, strings.Fields(test.args)...)
		if got.code != test.code || !strings.Contains(got.out+got.errout, test.says) || strings.Contains(got.out+got.errout, secret) {
			t.Errorf("hush %s: exit %d, printed %q, said %q; want exit %d, %q, and no secret", test.args, got.code, got.out, got.errout, test.code, test.says)
		}
	}
}

func TestAGeneratedSigningSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	plain := hush(t, env, "", "signing-key", "put", "k1", "--generate")
	_, rest, _ := strings.Cut(plain.out, "secret  ")
	secret, _, _ := strings.Cut(rest, "\n")
	if key, err := base64.StdEncoding.DecodeString(secret); plain.code != exitDone || err != nil || len(key) != signingSecretBytes {
		t.Errorf("exit %d, printed %q, %s; want 32 bytes in base64", plain.code, plain.out, plain.errout)
	}
	if again := hush(t, env, "", "signing-key", "get", "k1", "--json"); secret == "" || strings.Contains(again.out, secret) {
		t.Errorf("read back: %s; want no secret", again.out)
	}
	var answer struct{ KID, Alg, Secret string }
	asJSON := hush(t, env, "", "signing-key", "put", "k2", "--generate", "--json")
	if err := json.Unmarshal([]byte(asJSON.out), &answer); err != nil || answer.KID != "k2" || answer.Alg != "HS256" || len(answer.Secret) != 44 {
		t.Errorf("--json printed %q, want the answer with the secret", asJSON.out)
	}
}
