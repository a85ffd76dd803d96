package push

import "time"

// GroundKind says what kind of thing an open socket or stream depends on.
type GroundKind string

// The kinds of grounds.
const (
	GroundRoot       GroundKind = "root_key"
	GroundServerKey  GroundKind = "server_key"
	GroundSigningKey GroundKind = "signing_key"
	GroundApp        GroundKind = "app"
)

// Ground is what an open socket or stream depends on: it ends when the ground falls. Two grounds are equal only if they are the
// same thing, not if one took the other's name.
type Ground struct {
	Kind  GroundKind
	App   string
	ID    string // of the key; "" for an app
	Print string // tells apart what can be replaced under its name: a signing key, an app
}

// Ground returns what streams that the key opened depend on.
func (k ServerKey) Ground() Ground {
	if k.Role == RoleRoot {
		return Ground{Kind: GroundRoot, ID: k.ID}
	}
	return Ground{Kind: GroundServerKey, App: k.App, ID: k.ID}
}

// Ground returns what sockets depend on that were opened by a token which the key verified.
func (k SigningKey) Ground() Ground {
	return Ground{Kind: GroundSigningKey, App: k.App, ID: k.KID, Print: k.Print()}
}

// Ground returns what streams inside the app depend on.
func (a App) Ground() Ground {
	return Ground{Kind: GroundApp, App: a.Name, Print: a.CreatedAt.UTC().Format(time.RFC3339Nano)}
}
