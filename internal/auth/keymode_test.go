package auth_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/auth"
)

// The mode is what counts: root, as which tests often run, may read anything.
func TestAKeyFileThatEveryoneCanOpenIsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode           fs.FileMode
		refused, group bool
	}{
		{0o600, false, false}, {0o400, false, false}, {0o640, false, true}, {0o440, false, true}, {0o660, false, true},
		{0o644, true, true}, {0o604, true, false}, {0o666, true, true}, {0o602, true, false},
	} {
		dir := filepath.Join(t.TempDir(), "it's here")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		root, secret := filepath.Join(dir, auth.RootKeyFile), filepath.Join(dir, auth.SecretKeyFile)
		if _, _, err := auth.LoadOrCreateRootKey(dir); err != nil {
			t.Fatal(err)
		}
		if _, _, err := auth.LoadOrCreateSecretKeys(secret); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(dir, "mounted") // as Kubernetes mounts secrets
		if err := os.Symlink(secret, link); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{root, secret} {
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
		}
		_, _, ofRoot := auth.LoadOrCreateRootKey(dir)
		_, ofSecret := auth.LoadSecretKeys(secret)
		_, ofLink := auth.LoadSecretKeys(link)
		for path, err := range map[string]error{root: ofRoot, secret: ofSecret, link: ofLink} {
			run := "run: chmod 600 '" + strings.ReplaceAll(path, "'", `'\''`) + "'"
			if (err != nil) != test.refused || err != nil && !strings.Contains(err.Error(), run) {
				t.Errorf("%s with mode %04o: %v; want refused: %v, with %q", path, test.mode, err, test.refused, run)
			}
			if got := auth.OpenToGroup(path); got != test.group {
				t.Errorf("%s with mode %04o: open to the group %v, want %v", path, test.mode, got, test.group)
			}
		}
	}
}
