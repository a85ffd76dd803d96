package client

import (
	"context"
	"net/http"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// PutApp makes an app if it does not exist. created reports whether it was made. Needs the root key.
func (c *Client) PutApp(ctx context.Context, app string) (a protocol.App, created bool, err error) {
	status, err := c.call(ctx, http.MethodPut, appPath(app), struct{}{}, &a, "app")
	return a, status == http.StatusCreated, err
}

// App returns an app. Needs the root key.
func (c *Client) App(ctx context.Context, app string) (a protocol.App, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app), nil, &a, "app")
	return a, err
}

// Apps returns a page of all apps. Needs the root key.
func (c *Client) Apps(ctx context.Context, page Page) (apps protocol.Apps, err error) {
	err = c.list(ctx, path("v1", "apps"), page, &apps, "apps")
	return apps, err
}

// DeleteApp removes an app with everything that belongs to it. Needs the root key.
func (c *Client) DeleteApp(ctx context.Context, app string) error {
	_, err := c.call(ctx, http.MethodDelete, appPath(app), nil, nil)
	return err
}

// CreateKey makes a server key. Only this answer has the key's Secret. The client does not repeat the request: a try whose
// answer was lost may have made a key, which Keys lists and DeleteKey removes. Needs the root key.
func (c *Client) CreateKey(ctx context.Context, app string, key protocol.KeyRequest) (k protocol.Key, err error) {
	err = c.post(ctx, appPath(app, "keys"), key, &k, http.StatusCreated, "key_id", "secret")
	return k, err
}

// Keys returns a page of an app's server keys, without their secrets. Needs the root key.
func (c *Client) Keys(ctx context.Context, app string, page Page) (keys protocol.Keys, err error) {
	err = c.list(ctx, appPath(app, "keys"), page, &keys, "keys")
	return keys, err
}

// DeleteKey revokes a server key at once. Needs the root key.
func (c *Client) DeleteKey(ctx context.Context, app, keyID string) error {
	_, err := c.call(ctx, http.MethodDelete, appPath(app, "keys", keyID), nil, nil)
	return err
}

// PutSigningKey stores a key that verifies the user tokens that name kid. Needs role admin.
func (c *Client) PutSigningKey(ctx context.Context, app, kid string, key protocol.SigningKeyRequest) (k protocol.SigningKey, created bool, err error) {
	status, err := c.call(ctx, http.MethodPut, appPath(app, "signing-keys", kid), key, &k, "kid")
	return k, status == http.StatusCreated, err
}

// SigningKeys returns a page of an app's signing keys, without their secrets. Needs role admin.
func (c *Client) SigningKeys(ctx context.Context, app string, page Page) (keys protocol.SigningKeys, err error) {
	err = c.list(ctx, appPath(app, "signing-keys"), page, &keys, "signing_keys")
	return keys, err
}

// SigningKey returns a signing key without its secret. Needs role admin.
func (c *Client) SigningKey(ctx context.Context, app, kid string) (k protocol.SigningKey, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "signing-keys", kid), nil, &k, "kid")
	return k, err
}

// DeleteSigningKey removes a signing key and so revokes the user tokens that it signed. Needs role admin.
func (c *Client) DeleteSigningKey(ctx context.Context, app, kid string) error {
	_, err := c.call(ctx, http.MethodDelete, appPath(app, "signing-keys", kid), nil, nil)
	return err
}

// RotateRootKey makes a new root key; the present one stays valid for keep. The client does not repeat the request: a try
// whose answer was lost may have made a key, which is in root.key on the server. Needs the root key.
func (c *Client) RotateRootKey(ctx context.Context, keep time.Duration) (k protocol.RootKey, err error) {
	err = c.post(ctx, path("v1", "root-key", "rotate"), protocol.RotateRootKeyRequest{Keep: keep.String()}, &k, http.StatusCreated, "key_id", "secret")
	return k, err
}

// RotateSecretKey makes a new secret key, with which the server encrypts everything again; SecretKey reports when that is
// done. Needs the root key.
func (c *Client) RotateSecretKey(ctx context.Context) (k protocol.SecretKey, err error) {
	err = c.post(ctx, path("v1", "secret-key", "rotate"), nil, &k, http.StatusAccepted, "key_id")
	return k, err
}

// SecretKey returns the state of a rotation of the secret key. Needs the root key.
func (c *Client) SecretKey(ctx context.Context) (k protocol.SecretKey, err error) {
	_, err = c.call(ctx, http.MethodGet, path("v1", "secret-key"), nil, &k, "key_id")
	return k, err
}

// ServerStatus returns the state of the server, with a page of its apps: those in trouble with a provider come first. Needs
// the root key.
func (c *Client) ServerStatus(ctx context.Context, page Page) (s protocol.ServerStatus, err error) {
	err = c.list(ctx, path("v1", "status"), page, &s, "started_at")
	return s, err
}

// UserToken returns a user token that Hush signs, for backends that do not sign tokens themselves. ttl 0 means the server's
// 1h. Needs role send.
func (c *Client) UserToken(ctx context.Context, app, user string, ttl time.Duration) (t protocol.UserToken, err error) {
	if err := checkUTF8("the user's id", user); err != nil {
		return t, err
	}
	req := protocol.UserTokenRequest{User: user}
	if ttl != 0 {
		req.TTL = ttl.String()
	}
	_, err = c.call(ctx, http.MethodPost, appPath(app, "user-tokens"), req, &t, "token")
	return t, err
}

// PutAPNs stores an app's APNs credentials, after the server has checked them. Needs role admin.
func (c *Client) PutAPNs(ctx context.Context, app string, p protocol.APNsProvider) (info protocol.CredentialInfo, created bool, err error) {
	status, err := c.call(ctx, http.MethodPut, appPath(app, "providers", "apns"), p, &info, "provider", "kind")
	return info, status == http.StatusCreated, err
}

// PutFCM stores an app's FCM service account, after the server has checked it. Needs role admin.
func (c *Client) PutFCM(ctx context.Context, app string, p protocol.FCMProvider) (info protocol.CredentialInfo, created bool, err error) {
	status, err := c.call(ctx, http.MethodPut, appPath(app, "providers", "fcm"), p, &info, "provider", "kind")
	return info, status == http.StatusCreated, err
}

// CheckProvider tries an app's stored credential at its provider, without sending to anybody. A credential that does not work
// is not an error: the answer says what to change. Needs role admin.
func (c *Client) CheckProvider(ctx context.Context, app string, p push.Provider) (check protocol.CredentialCheck, err error) {
	_, err = c.call(ctx, http.MethodPost, appPath(app, "providers", string(p), "check"), nil, &check, "ok", "what")
	return check, err
}

// Providers returns an app's credentials without their secrets. Needs role admin.
func (c *Client) Providers(ctx context.Context, app string) (p protocol.Providers, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "providers"), nil, &p, "providers")
	return p, err
}

// DeleteProvider removes an app's credentials for one provider; its devices are then reached by session and inbox. Needs
// role admin.
func (c *Client) DeleteProvider(ctx context.Context, app string, provider push.Provider) error {
	_, err := c.call(ctx, http.MethodDelete, appPath(app, "providers", string(provider)), nil, nil)
	return err
}

// PutResource stores a resource. body is a protocol.Resource, or the JSON of one (json.RawMessage), which reaches the server
// unchanged, so that the server names the fields that it does not know. Needs role admin.
func (c *Client) PutResource(ctx context.Context, app, id string, body any) (r protocol.Resource, created bool, err error) {
	status, err := c.call(ctx, http.MethodPut, appPath(app, "resources", id), body, &r, "resource_id")
	return r, status == http.StatusCreated, err
}

// Resource returns a resource, with its defaults filled in. Needs role admin.
func (c *Client) Resource(ctx context.Context, app, id string) (r protocol.Resource, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "resources", id), nil, &r, "resource_id")
	return r, err
}

// Resources returns a page of an app's resources. Needs role admin.
func (c *Client) Resources(ctx context.Context, app string, page Page) (r protocol.Resources, err error) {
	err = c.list(ctx, appPath(app, "resources"), page, &r, "resources")
	return r, err
}

// DeleteResource removes a resource. Needs role admin.
func (c *Client) DeleteResource(ctx context.Context, app, id string) error {
	_, err := c.call(ctx, http.MethodDelete, appPath(app, "resources", id), nil, nil)
	return err
}
