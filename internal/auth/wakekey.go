package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"

	"github.com/hushpush/hush/push"
)

// minWakeSecret is how long the secret that all wake keys are derived from must be.
const minWakeSecret = 32

// WakeKey derives a device's wake key from its id (HKDF, RFC 5869), so that keys are stored nowhere: neither the id, nor a copy
// of the database without the secret key, reveals one.
func (a *Auth) WakeKey(device push.DeviceKey, id string) push.WakeKey {
	// None of the three contains a NUL, so that different ones never make the same text.
	info := make([]byte, 0, 128)
	info = append(append(info, "hush wake key\x00"...), id...)
	info = append(append(info, '\x00'), device.App...)
	info = append(append(info, '\x00'), device.Device...)
	return push.WakeKey{ID: id, Key: a.wakeKeys.derive(info)}
}

// wakeKeys derives keys from one secret. Each wake needs one: what does not depend on the key, HKDF's extraction and the first
// block of HMAC, is computed once.
type wakeKeys struct {
	macs sync.Pool // of hash.Hash: HMAC with the extracted key
}

func newWakeKeys(secret push.Secret) (*wakeKeys, error) {
	extracted, err := hkdf.Extract(sha256.New, []byte(secret.Reveal()), nil)
	if err != nil {
		return nil, fmt.Errorf("auth: WakeSecret: %w", err)
	}
	return &wakeKeys{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, extracted) }}}, nil
}

// derive is HKDF's expansion to at most the hash's length: one block (RFC 5869, section 2.3).
func (k *wakeKeys) derive(info []byte) push.Secret {
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	mac.Write(append(info, 1)) // never fails, see hash.Hash
	var sum [sha256.Size]byte
	return push.Secret(mac.Sum(sum[:0])[:push.WakeKeyBytes])
}
