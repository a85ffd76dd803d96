// Package wakertest holds what the tests of all providers share: credentials from memory, a log that is kept, and a look
// for secrets in what anybody may read.
package wakertest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/push"
)

// Credentials are those of apps at one provider. The zero value has none.
type Credentials struct {
	mu    sync.Mutex
	byApp map[string]push.Credential // guarded by mu
	asked int                        // guarded by mu
	err   error                      // guarded by mu
}

// Put stores an app's credential.
func (c *Credentials) Put(app string, cred push.Credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byApp == nil {
		c.byApp = map[string]push.Credential{}
	}
	c.byApp[app] = cred
}

// Fail has every question fail with err; nil: no more.
func (c *Credentials) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// Asked returns how many questions have come.
func (c *Credentials) Asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// Credential returns what a client asks.
func (c *Credentials) Credential(_ context.Context, app string, p push.Provider) (push.Credential, push.CredentialInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.err != nil {
		return push.Credential{}, push.CredentialInfo{}, c.err
	}
	cred, ok := c.byApp[app]
	if !ok {
		return push.Credential{}, push.CredentialInfo{}, push.ErrNotFound
	}
	return cred, push.CredentialInfo{Provider: p}, nil
}

// Log keeps what is logged, at every level.
type Log struct{ logged.Buffer }

// Logger writes to the log.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// NoSecrets looks for secrets, by name, in a text that anybody may read: as they are, and as they look in a URL, in hex
// and in base64. Of a long secret every piece of 24 bytes counts, so that a part gives it away as well.
func NoSecrets(t testing.TB, where, text string, secrets map[string]string) {
	t.Helper()
	const piece = 24
	for name, secret := range secrets {
		if secret == "" {
			t.Fatalf("the secret %s is empty: the test would find nothing", name)
		}
		for i := 0; i == 0 || i+piece <= len(secret); i += piece {
			part := secret[i:min(i+piece, len(secret))]
			for _, form := range []string{
				part, url.QueryEscape(part), hex.EncodeToString([]byte(part)), base64.StdEncoding.EncodeToString([]byte(part)),
			} {
				if strings.Contains(text, form) {
					t.Errorf("the %s is in the %s: %.200s", name, where, text)
					return
				}
			}
		}
	}
}
