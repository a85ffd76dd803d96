package push

import "time"

// GroundKind is what kind of thing an open socket or stream leans on.
type GroundKind string

// The kinds of grounds.
const (
	GroundRoot       GroundKind = "root_key"
	GroundServerKey  GroundKind = "server_key"
	GroundSigningKey GroundKind = "signing_key"
	GroundApp        GroundKind = "app"
)

// Ground is what an open socket or stream leans on: it ends when that falls. Two are equal only if they are the same thing,
// not if one took the other's name.
type Ground struct {
	Kind  GroundKind
	App   string
	ID    string // of the key; "" for an app
	Print string // tells apart what can be replaced under its name: a signing key, an app
}

// Ground is what streams lean on that the key opened.
func (k ServerKey) Ground() Ground {
	if k.Role == RoleRoot {
		return Ground{Kind: GroundRoot, ID: k.ID}
	}
	return Ground{Kind: GroundServerKey, App: k.App, ID: k.ID}
}

// Ground is what sockets lean on that a token opened which the key verified.
func (k SigningKey) Ground() Ground {
	return Ground{Kind: GroundSigningKey, App: k.App, ID: k.KID, Print: k.Print()}
}

// Ground is what streams lean on that work inside the app.
func (a App) Ground() Ground {
	return Ground{Kind: GroundApp, App: a.Name, Print: a.CreatedAt.UTC().Format(time.RFC3339Nano)}
}
