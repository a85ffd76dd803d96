package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hushpush/hush/push"
)

// MintUserToken makes a user's token, signed with a key of Hush's own for the app, for backends that sign none themselves. It
// does not check that the user exists: a user exists from the first registration of a device.
func (a *Auth) MintUserToken(ctx context.Context, app, user string, ttl time.Duration) (token string, expires time.Time, err error) {
	if err := push.CheckID(user); err != nil {
		return "", time.Time{}, push.FieldErrors{{Location: "user", Code: push.CodeBadID, Message: err.Error()}}
	}
	key, err := a.ownKey(ctx, app)
	if err != nil {
		return "", time.Time{}, err
	}
	now := a.now()
	expires = now.Add(ttl).UTC().Truncate(time.Second)
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: user, Audience: jwt.ClaimStrings{app}, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
	})
	unsigned.Header["kid"] = key.KID
	token, err = unsigned.SignedString([]byte(key.Secret.Reveal()))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("auth: signing a user token: %w", err)
	}
	return token, expires, nil
}

// ownKey returns Hush's own signing key of an app. The first call for an app makes it.
func (a *Auth) ownKey(ctx context.Context, app string) (push.SigningKey, error) {
	keys, err := a.store.SigningKeysFrom(ctx, app, push.OwnKeyPrefix)
	if err != nil {
		return push.SigningKey{}, fmt.Errorf("auth: looking for the app's signing keys: %w", err)
	}
	for _, key := range keys {
		if key.Alg == HS256 && !key.Expired(a.now()) {
			return key, nil
		}
	}
	id := string(push.NewID())
	key := push.SigningKey{
		App: app, KID: push.OwnKeyPrefix + id, Alg: HS256, Secret: push.Secret(newSecret("")), CreatedAt: a.now().UTC(),
	}
	if _, err := a.store.PutSigningKey(ctx, key); err != nil {
		return push.SigningKey{}, fmt.Errorf("auth: storing Hush's own signing key: %w", err)
	}
	return key, nil
}
