package push

import "time"

// UserClaims is what a verified user token says.
type UserClaims struct {
	Apps      []string // aud; the app of a call is the only one, or the credential's
	User      string
	ExpiresAt time.Time
	Keys      []Ground // for each app, the signing key that verified the token
}

// Ground returns the signing key of app that verified the token, or the zero value if none did.
func (c UserClaims) Ground(app string) Ground {
	for _, g := range c.Keys {
		if g.App == app {
			return g
		}
	}
	return Ground{}
}

// ForApp reports whether the token is valid for an app.
func (c UserClaims) ForApp(app string) bool {
	for _, a := range c.Apps {
		if a == app {
			return true
		}
	}
	return false
}
