package push

import (
	"crypto/rand"
	"encoding/base64"
	"time"
)

const (
	// WakeKeyBytes is the length of a wake key: AES-128.
	WakeKeyBytes = 16

	// WakeKeyAge is how old a device's newest wake key may become before a registration makes another. It is longer than any
	// provider keeps a wake (APNs 30 days, FCM 28), so that a wake on its way is never more than one key behind.
	WakeKeyAge = 30 * 24 * time.Hour

	wakeKeyIDBytes = 12 // 96 bits of chance: no key is ever made twice, whatever becomes of the rows that named the others
)

// WakeKey seals the wakes of one device and one owner generation, so that no other phone, app, owner or server can open them.
type WakeKey struct {
	ID  string // random; sent in clear
	Key Secret // WakeKeyBytes raw bytes
}

// NewWakeKeyID makes the id of a new wake key.
func NewWakeKeyID() string {
	b := make([]byte, wakeKeyIDBytes)
	rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// WakeKeyOwner is whose a wake key is.
type WakeKeyOwner struct {
	DeviceKey
	OwnerGeneration int
}

// renewWakeKey takes over which key the device has named back, and makes another where it has none, or its newest is old: it
// reports whether it did. The device has none where nobody was given any, as after an import; then a new key seals at once.
// Else the one before goes on sealing until the device names the new one, because the answer that brings it may be lost.
func (d *Device) renewWakeKey(now time.Time, named string, given bool) (made bool) {
	if named != "" && named == d.WakeKeyID {
		d.SealKeyID = named
	}
	if d.SealKeyID != "" && now.Before(d.WakeKeyAt.Add(WakeKeyAge)) {
		return false
	}
	d.WakeKeyID, d.WakeKeyAt = NewWakeKeyID(), now
	if d.SealKeyID == "" || !given {
		d.SealKeyID = d.WakeKeyID
	}
	return true
}

// LosesToken reports whether a wake for the device that came to another phone's app shows that its provider token is not its
// own any more. madeAt is when the wake was made, for the owner of a generation. A device that has registered since has
// said which token is its own.
func (d Device) LosesToken(generation int, madeAt time.Time) bool {
	return d.Registered() && d.OwnerGeneration == generation && d.ProviderToken != "" && !d.RegisteredAt.After(madeAt)
}
