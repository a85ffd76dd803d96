package sdk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/hushpush/hush/push"
)

// userTokens keeps the last user token in memory for as long as the server takes it.
type userTokens struct {
	ask func(context.Context) (string, error) // Config.Token; called without mu; never changes

	mu   sync.Mutex
	last push.Secret // guarded by mu; empty: the app is to be asked
}

// get returns the token in memory, or a new one from the app.
func (t *userTokens) get(ctx context.Context) (push.Secret, error) {
	t.mu.Lock()
	token := t.last
	t.mu.Unlock()
	if token != "" {
		return token, nil
	}
	fresh, err := t.ask(ctx)
	if err != nil {
		return "", fmt.Errorf("the app's user token: %w", err)
	}
	if fresh == "" {
		return "", errors.New("the app's user token is empty")
	}
	t.mu.Lock()
	t.last = push.Secret(fresh)
	t.mu.Unlock()
	return push.Secret(fresh), nil
}

// refuse forgets a token that the server does not take any more, so that the app is asked for another.
func (t *userTokens) refuse(token push.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == token {
		t.last = ""
	}
}

// forget forgets the token, whichever it is: the user may be another one now.
func (t *userTokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = ""
}

// userOf returns the user that a token names, a JWT (RFC 7519), and "" if it is not one. Only the server knows whether it is
// genuine.
func userOf(token push.Secret) string {
	_, rest, _ := strings.Cut(token.Reveal(), ".")
	claims, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(claims)
	var named struct {
		Sub string `json:"sub"`
	}
	if err != nil || json.Unmarshal(text, &named) != nil {
		return ""
	}
	return named.Sub
}
