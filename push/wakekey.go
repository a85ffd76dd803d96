package push

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"time"
)

const (
	// WakeKeyBytes is the length of a wake key: AES-128.
	WakeKeyBytes = 16

	// WakeKeyAge is how old a device's newest wake key may become before a registration makes another. It is longer than any
	// provider keeps a wake (APNs 30 days, FCM 28), so that a wake on its way is never more than one key behind.
	WakeKeyAge = 30 * 24 * time.Hour

	wakeKeyIDChance = 12 // bytes, 96 bits: no key is ever made twice, whatever becomes of the rows that named the others
)

// wakeKeyIDText is Base64 for URLs with its characters in the order of their bytes, so that ids sort as what they encode.
var wakeKeyIDText = base64.NewEncoding("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz").WithPadding(base64.NoPadding)

// WakeKey seals the wakes of one device and one owner generation, so that no other phone, app, owner or server can open them.
type WakeKey struct {
	ID  string // a name, no secret; sent in clear
	Key Secret // WakeKeyBytes raw bytes
}

// NewWakeKeyID makes the id of a wake key that is made now. Ids begin with the time, so that those of an import lie together in
// the index that finds them.
func NewWakeKeyID(now time.Time) string {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	id := append(make([]byte, 0, 6+wakeKeyIDChance), ms[2:]...)
	rand.Read(id[6:cap(id)]) // never fails, see crypto/rand
	return wakeKeyIDText.EncodeToString(id[:cap(id)])
}

// WakeKeyOwner is whose a wake key is.
type WakeKeyOwner struct {
	DeviceKey
	OwnerGeneration int
}

// renewWakeKey records which key the device has named back, and makes another if it has none or its newest is old. It reports
// whether it made one. The first key that a device is given seals at once, also after an import. Later, the previous key goes
// on sealing until the device names the new one, because the answer that brings it may be lost.
func (d *Device) renewWakeKey(now time.Time, named string, given bool) (made bool) {
	if named != "" && named == d.WakeKeyID {
		d.SealKeyID = named
	}
	if d.SealKeyID != "" && now.Before(d.WakeKeyAt.Add(WakeKeyAge)) {
		return false
	}
	d.WakeKeyID, d.WakeKeyAt = NewWakeKeyID(now), now
	if d.SealKeyID == "" || !given {
		d.SealKeyID = d.WakeKeyID
	}
	return true
}

// LosesToken reports whether a wake for the device that arrived at another phone's app shows that its provider token is no
// longer its own. madeAt is when the wake was made, for the owner of a generation. A device that has registered since has named
// its own token.
func (d Device) LosesToken(generation int, madeAt time.Time) bool {
	return d.Registered() && d.OwnerGeneration == generation && d.ProviderToken != "" && !d.RegisteredAt.After(madeAt)
}
