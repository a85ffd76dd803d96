package auth

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/hushpush/hush/push"
)

// minWakeSecret is how long the secret of all wake keys must be.
const minWakeSecret = 32

// WakeKey derives a device's wake key of an id (HKDF, RFC 5869), so that keys lie nowhere: neither the id nor a copy of the
// database without the secret key tells one.
func (a *Auth) WakeKey(device push.DeviceKey, id string) push.WakeKey {
	// None of the three has a NUL in it, so that no two of them make the same text.
	info := "hush wake key\x00" + id + "\x00" + device.App + "\x00" + device.Device
	key, err := hkdf.Key(sha256.New, []byte(a.wakeSecret.Reveal()), nil, info, push.WakeKeyBytes)
	if err != nil {
		panic("auth: deriving a wake key: " + err.Error()) // only for a key that is far too long
	}
	return push.WakeKey{ID: id, Key: push.Secret(key)}
}
