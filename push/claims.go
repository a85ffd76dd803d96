package push

import "time"

// UserClaims is what a user token says, once it is verified.
type UserClaims struct {
	Apps      []string // aud; the app of a call is the only one, or the credential's
	User      string
	ExpiresAt time.Time
	Keys      []Ground // for each app, the signing key that verified the token
}

// Ground is the signing key of app that verified the token; its zero value if none did.
func (c UserClaims) Ground(app string) Ground {
	for _, g := range c.Keys {
		if g.App == app {
			return g
		}
	}
	return Ground{}
}

// ForApp tells whether the token is good for an app.
func (c UserClaims) ForApp(app string) bool {
	for _, a := range c.Apps {
		if a == app {
			return true
		}
	}
	return false
}
