package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// serverKeyStore stores the keys of backends, by the hashes of their secrets.
type serverKeyStore interface {
	// CreateServerKey returns push.ErrNotFound if there is no such app, and push.ErrConflict if the id or the hash is taken.
	CreateServerKey(ctx context.Context, key push.ServerKey, hash []byte) error

	// ServerKeys returns a page of an app's keys, by id.
	ServerKeys(ctx context.Context, app, cursor string, limit int) (keys []push.ServerKey, next string, err error)

	// DeleteServerKey revokes a key. Once it returns, no request is accepted with it; streams opened with it end.
	DeleteServerKey(ctx context.Context, app, id string) error
}

// signingKeyStore stores, encrypted, the keys that verify user tokens.
type signingKeyStore interface {
	// PutSigningKey stores a key or replaces the one with its kid, whose tokens become void; push.ErrNotFound if there is no such
	// app.
	PutSigningKey(ctx context.Context, key push.SigningKey) (created bool, err error)

	// SigningKey returns a key with its secret.
	SigningKey(ctx context.Context, app, kid string) (push.SigningKey, error)

	// SigningKeys returns a page of an app's keys, by kid, without secrets.
	SigningKeys(ctx context.Context, app, cursor string, limit int) (keys []push.SigningKey, next string, err error)

	// DeleteSigningKey makes a key's tokens void and ends the sessions that they opened.
	DeleteSigningKey(ctx context.Context, app, kid string) error
}

type createKeyInput struct {
	AppPath
	Body protocol.KeyRequest
}

type keyPath struct {
	AppPath
	KeyID string `path:"key_id" doc:"the key's id, as its making gave it" example:"k7wq2m4x"`
}

type KidPath struct {
	AppPath
	KID string `path:"kid" format:"name" doc:"the signing key's id, as tokens name it" example:"k1"`
}

type putSigningKeyInput struct {
	KidPath
	Body protocol.SigningKeyRequest
}

type userTokenInput struct {
	AppPath
	Body protocol.UserTokenRequest
}

func (a *API) keyRoutes() {
	const keys, signing = "/v1/apps/{app}/keys", "/v1/apps/{app}/signing-keys/{kid}"
	register(a, route{id: "listSigningKeys", method: http.MethodGet, path: "/v1/apps/{app}/signing-keys", tag: chapterApps, needs: needsAdmin,
		summary: "List the keys that verify an app's user tokens"}, a.listSigningKeys)
	register(a, route{id: "listKeys", method: http.MethodGet, path: keys, tag: chapterApps, needs: needsRoot,
		summary: "List an app's server keys"}, a.listKeys)
	register(a, route{id: "createKey", audit: "key.create", method: http.MethodPost, path: keys, tag: chapterApps, needs: needsRoot, status: http.StatusCreated, checks: true,
		summary: "Make a server key", about: "The secret is shown once; the server keeps only its hash.",
		example: protocol.KeyRequest{Role: push.RoleSend, Name: "backend"}}, a.createKey)
	register(a, route{id: "deleteKey", audit: "key.delete", method: http.MethodDelete, path: keys + "/{key_id}", tag: chapterApps, needs: needsRoot, status: http.StatusNoContent,
		summary: "Delete a server key", about: "It is refused from then on, and its streams end."}, a.deleteKey)
	register(a, route{id: "putSigningKey", audit: "signing_key.put", method: http.MethodPut, path: signing, tag: chapterApps, needs: needsAdmin, also: http.StatusCreated, checks: true,
		summary: "Store a key that verifies user tokens", about: "HS256 with a secret, or ES256 with a public key. Encrypted at rest; a secret is never read back.",
		example: protocol.SigningKeyRequest{Alg: "HS256", Secret: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}}, a.putSigningKey)
	register(a, route{id: "getSigningKey", method: http.MethodGet, path: signing, tag: chapterApps, needs: needsAdmin,
		summary: "Read what may be read of a signing key"}, a.getSigningKey)
	register(a, route{id: "deleteSigningKey", audit: "signing_key.delete", method: http.MethodDelete, path: signing, tag: chapterApps, needs: needsAdmin, status: http.StatusNoContent,
		summary: "Delete a signing key", about: "Tokens that it signed are refused from then on, and the sockets that they opened end. Also for the key that Hush made: the next token that it is asked for makes another."}, a.deleteSigningKey)
	register(a, route{id: "createUserToken", method: http.MethodPost, path: "/v1/apps/{app}/user-tokens", tag: chapterApps, needs: needsSend, checks: true,
		summary: "Make a user's token", about: "For backends that sign none themselves.",
		example: protocol.UserTokenRequest{User: "alice", TTL: "1h"}}, a.createUserToken)
}

func keyBody(k push.ServerKey) protocol.Key {
	return protocol.Key{KeyID: k.ID, Role: k.Role, KeyFacts: keyFactsBody(k.CreatedAt, k.KeyFacts)}
}

func keyFactsBody(created time.Time, f push.KeyFacts) protocol.KeyFacts {
	return protocol.KeyFacts{Name: f.Name, CreatedAt: created.UTC(), LastUsedAt: timeOrNone(f.UsedAt), ExpiresAt: timeOrNone(f.ExpiresAt)}
}

func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// maxKeyName is the most bytes of a key's name.
const maxKeyName = 128

// keyFacts reads a new key's name and expiry. An expiry in the past is a fault: the key would be void from the start.
func (a *API) keyFacts(f *faults, name, expires string) push.KeyFacts {
	switch {
	case len(name) > maxKeyName:
		f.add("body.name", push.CodeOutOfRange, "has %d bytes; want at most %d", len(name), maxKeyName)
	case strings.ContainsFunc(name, unicode.IsControl):
		f.add("body.name", push.CodeBadValue, "has a control character; want none")
	}
	end := timeAt(f, "body.expires_at", expires)
	if !end.IsZero() && !end.After(a.Now()) {
		f.add("body.expires_at", push.CodeOutOfRange, "is in the past; want a time to come, or none for a key without an end")
	}
	return push.KeyFacts{Name: name, ExpiresAt: end}
}

func (a *API) listKeys(ctx context.Context, c *call, in *appPage) (*rest.Answer[protocol.Keys], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	keys, next, err := a.Store.ServerKeys(ctx, in.App, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.Keys{Keys: listOf(keys, keyBody), Cursor: next}), nil
}

func (a *API) createKey(ctx context.Context, c *call, in *createKeyInput) (*rest.Answer[protocol.Key], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	switch in.Body.Role {
	case push.RoleAdmin, push.RoleSend, push.RoleRead:
	default:
		c.faults.add("body.role", push.CodeBadValue, "is %s; want admin, send or read", rest.Quoted(string(in.Body.Role)))
	}
	facts := a.keyFacts(&c.faults, in.Body.Name, in.Body.ExpiresAt)
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	id, secret, hash := a.Auth.NewServerKey()
	key := push.ServerKey{ID: id, App: in.App, Role: in.Body.Role, CreatedAt: a.Now().UTC(), KeyFacts: facts}
	if err := a.Store.CreateServerKey(ctx, key, hash); err != nil {
		return nil, missing(err, "app", in.App)
	}
	trailOf(ctx).target = id
	body := keyBody(key)
	body.Secret = secret
	return rest.NewAnswer(http.StatusCreated, body), nil
}

func (a *API) deleteKey(ctx context.Context, c *call, in *keyPath) (*rest.None, error) {
	if !storable(in.KeyID) {
		return nil, notFound("key", in.KeyID)
	}
	if err := a.Store.DeleteServerKey(ctx, in.App, in.KeyID); err != nil {
		return nil, missing(err, "key", in.KeyID)
	}
	return &rest.None{}, nil
}

func (a *API) putSigningKey(ctx context.Context, c *call, in *putSigningKeyInput) (*rest.Answer[protocol.SigningKey], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	secret, err := decodeBase64(in.Body.Secret)
	if err != nil {
		c.faults.add("body.secret", push.CodeBadValue, "is not base64; want 32 bytes or more, in base64")
	}
	key := push.SigningKey{
		App: in.App, KID: in.KID, Alg: in.Body.Alg, Secret: push.Secret(secret), PublicKey: in.Body.PublicKey, CreatedAt: a.Now().UTC(),
		KeyFacts: a.keyFacts(&c.faults, in.Body.Name, in.Body.ExpiresAt),
	}
	if err := c.addKeyFaults(a.Auth.CheckSigningKey(key)); err != nil {
		return nil, err
	}
	isNew, err := a.Store.PutSigningKey(ctx, key)
	if err != nil {
		return nil, missing(err, "app", in.App)
	}
	stored, err := a.Store.SigningKey(ctx, in.App, in.KID)
	if err != nil {
		return nil, missing(err, "signing key", in.KID)
	}
	return rest.NewAnswer(created(isNew), signingKeyBody(stored)), nil
}

func (a *API) listSigningKeys(ctx context.Context, c *call, in *appPage) (*rest.Answer[protocol.SigningKeys], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	keys, next, err := a.Store.SigningKeys(ctx, in.App, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.SigningKeys{SigningKeys: listOf(keys, signingKeyBody), Cursor: next}), nil
}

// addKeyFaults adds the faults of a signing key: its kid is in the path, the rest in the body.
func (c *call) addKeyFaults(err error) error {
	var fields push.FieldErrors
	if errors.As(err, &fields) {
		for _, f := range fields {
			if f.Location == "kid" {
				c.faults.add("path.kid", f.Code, "%s", f.Message)
				continue
			}
			c.faults.add("body."+f.Location, f.Code, "%s", f.Message)
		}
		err = nil
	}
	if err != nil {
		return err
	}
	return c.faults.err()
}

// decodeBase64 decodes standard base64 with or without padding.
func decodeBase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(s), "="))
}

func signingKeyBody(k push.SigningKey) protocol.SigningKey {
	by := protocol.MadeByApp
	if k.Own() {
		by = protocol.MadeByHush
	}
	return protocol.SigningKey{KID: k.KID, Alg: k.Alg, PublicKey: k.PublicKey, MadeBy: by, KeyFacts: keyFactsBody(k.CreatedAt, k.KeyFacts)}
}

func (a *API) getSigningKey(ctx context.Context, c *call, in *KidPath) (*rest.Answer[protocol.SigningKey], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	key, err := a.Store.SigningKey(ctx, in.App, in.KID)
	if err != nil {
		return nil, missing(err, "signing key", in.KID)
	}
	return rest.NewAnswer(http.StatusOK, signingKeyBody(key)), nil
}

func (a *API) deleteSigningKey(ctx context.Context, c *call, in *KidPath) (*rest.None, error) {
	if err := a.Store.DeleteSigningKey(ctx, in.App, in.KID); err != nil {
		return nil, missing(err, "signing key", in.KID)
	}
	return &rest.None{}, nil
}

// Limits of a user token's lifetime.
const (
	defaultTokenTTL = time.Hour
	minTokenTTL     = time.Second
)

func (a *API) createUserToken(ctx context.Context, c *call, in *userTokenInput) (*rest.Answer[protocol.UserToken], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	if err := push.CheckID(in.Body.User); err != nil {
		c.faults.add("body.user", push.CodeBadID, "%s", err.Error())
	}
	longest := a.Auth.UserTokenMax()
	ttl := min(defaultTokenTTL, longest)
	if d := durationAt(&c.faults, "body.ttl", in.Body.TTL); d != nil {
		ttl = *d
	}
	if ttl < minTokenTTL || ttl > longest {
		c.faults.add("body.ttl", push.CodeOutOfRange, "is %s; want %s to %s", ttl, minTokenTTL, longest)
	}
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	token, expires, err := a.Auth.MintUserToken(ctx, in.App, in.Body.User, ttl)
	if err != nil {
		return nil, missing(err, "app", in.App)
	}
	return rest.NewAnswer(http.StatusOK, protocol.UserToken{Token: token, ExpiresAt: expires.UTC()}), nil
}

// durationAt parses a duration in Go's syntax. It returns nil for "" and for an invalid one, which it reports.
func durationAt(f *faults, location, text string) *time.Duration {
	if text == "" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		f.add(location, push.CodeBadValue, "is %s; want a duration such as 90s or 24h", rest.Quoted(text))
		return nil
	}
	return &d
}

// timeAt parses an RFC 3339 time. It returns zero for "" and for an invalid one, which it reports.
func timeAt(f *faults, location, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		f.add(location, push.CodeBadValue, "is %s; want a time such as %s", rest.Quoted(text), fmt.Sprintf("%q", "2026-01-02T15:04:05Z"))
		return time.Time{}
	}
	return t.UTC()
}
