package protocol

import "time"

// RotateRootKeyRequest asks for a new root key.
type RotateRootKeyRequest struct {
	Keep string `json:"keep,omitempty" minLength:"1" doc:"how long the present root key stays valid; default 24h, 0s for not at all, at most 744h"`
}

// RootKey is a new root key. Secret is set once; the server keeps it in root.key in its data directory.
type RootKey struct {
	KeyID    string    `json:"key_id"`
	Secret   string    `json:"secret"`
	OldUntil time.Time `json:"old_until" doc:"the previous root key is void from then on"`
}

// SecretKey says how a rotation of the secret key stands.
type SecretKey struct {
	KeyID     string   `json:"key_id" doc:"of the key that encrypts"`
	OldKeyIDs []string `json:"old_key_ids" doc:"of keys that something may still be encrypted with; empty when the rotation is done"`
}
