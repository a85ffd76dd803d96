package protocol

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hushpush/hush/internal/jsonstring"
	"github.com/hushpush/hush/push"
)

// WakeField is the reserved key of Hush's part in a provider's payload.
const WakeField = "hush"

// WakeVersion is the version of SealedWake.
const WakeVersion = 2

// SealedWake is Hush's part of a provider's payload: an object beside aps at APNs, the same as a JSON string in data at FCM. It
// reveals nothing to providers, nor to an app without the key.
type SealedWake struct {
	V int    `json:"v"`
	K string `json:"k"` // the id of the wake key
	S string `json:"s"` // base64url of nonce, ciphertext and tag; what is sealed is a Wake as JSON
}

// Wake is the content of a SealedWake, with a list for each kind of item, oldest first. A device ignores lists that it does not
// know: what they name is in its inbox.
type Wake struct {
	Wake   string     `json:"wake"`   // its id, a UUIDv7: when it was made
	Exp    int64      `json:"exp"`    // Unix seconds, by the server's clock: the app drops it later; 0: never
	Pushes []WakePush `json:"pushes"` // the list WakePushes
}

// WakePushes is the name of the list of pushes.
const WakePushes = "pushes"

// WakePush is one push in a wake. Without payload it has to be fetched.
type WakePush struct {
	ID       string  `json:"id"`
	Resource string  `json:"resource"`
	Payload  *string `json:"payload,omitempty"`
}

// AppendJSON appends the push as JSON, without escapes for HTML, which would only take room.
func (p WakePush) AppendJSON(dst []byte) []byte {
	dst = jsonstring.Append(append(dst, `{"id":`...), p.ID)
	dst = jsonstring.Append(append(dst, `,"resource":`...), p.Resource)
	if p.Payload != nil {
		dst = jsonstring.Append(append(dst, `,"payload":`...), *p.Payload)
	}
	return append(dst, '}')
}

// WakeKey is a wake key as the server gives it to its device.
type WakeKey struct {
	ID  string `json:"id"`
	Key string `json:"key" doc:"base64url, 16 bytes"`
}

// NewWakeKey returns a key in the form in which its device gets it.
func NewWakeKey(k push.WakeKey) *WakeKey {
	return &WakeKey{ID: k.ID, Key: base64.RawURLEncoding.EncodeToString([]byte(k.Key.Reveal()))}
}

// Parse reads a key. The error does not show it.
func (k WakeKey) Parse() (push.WakeKey, error) {
	raw, err := base64.RawURLEncoding.DecodeString(k.Key)
	if err != nil || len(raw) != push.WakeKeyBytes || k.ID == "" {
		return push.WakeKey{}, fmt.Errorf("the wake key is malformed; want an id, and %d bytes in base64url", push.WakeKeyBytes)
	}
	return push.WakeKey{ID: k.ID, Key: push.Secret(raw)}, nil
}

// ForeignWake is a wake that a device could not open, as it came.
type ForeignWake struct {
	K string `json:"k" minLength:"1" doc:"the id of the wake key, as received"`
	S string `json:"s" minLength:"1" doc:"the sealed part, as received"`
}

// ForeignWakeAnswer says that a wake is for the device that reported it after all, and brings its key.
type ForeignWakeAnswer struct {
	WakeKey WakeKey `json:"wake_key"`
}

// The sizes of what is sealed (NIST SP 800-38D): a random nonce, which is safe for 2^32 wakes under one key, and a whole tag.
const (
	nonceBytes = 12
	tagBytes   = 16
)

// errNotSealed is returned for any wake that a key does not open. It does not say why.
var errNotSealed = errors.New("the wake was not sealed with this key, or is damaged")

// SealWake seals a wake with AES-128-GCM, with the key's id as the additional data, and returns the SealedWake as JSON. Without
// a key it returns an error, and there is nothing to be sent.
func SealWake(key push.WakeKey, wake []byte) ([]byte, error) { return AppendSealedWake(nil, key, wake) }

// AppendSealedWake is SealWake, but appends to dst.
func AppendSealedWake(dst []byte, key push.WakeKey, wake []byte) ([]byte, error) {
	aead, err := sealing(key)
	if err != nil {
		return nil, err
	}
	room := sealedRooms.Get().(*[]byte)
	defer sealedRooms.Put(room)
	*room = slices.Grow((*room)[:0], nonceBytes+len(wake)+tagBytes)
	sealed := (*room)[:nonceBytes]
	rand.Read(sealed) // never fails, see crypto/rand
	sealed = aead.Seal(sealed, sealed, wake, []byte(key.ID))
	dst = slices.Grow(dst, len(sealedHead)+len(key.ID)+len(sealedMiddle)+base64.RawURLEncoding.EncodedLen(len(sealed))+sealedSlack)
	dst = jsonstring.Append(append(dst, sealedHead...), key.ID)
	dst = base64.RawURLEncoding.AppendEncode(append(dst, sealedMiddle...), sealed) // has nothing that JSON escapes
	return append(dst, sealedTail...), nil
}

// sealedRooms are buffers for sealed bytes before they are written as text.
var sealedRooms = sync.Pool{New: func() any { return new([]byte) }}

// The text of a SealedWake around the key's id and the sealed bytes.
var sealedHead = fmt.Sprintf(`{"v":%d,"k":`, WakeVersion)

const (
	sealedMiddle = `,"s":"`
	sealedTail   = `"}`
	sealedSlack  = len(`""`) + len(sealedTail) + len(`}`) // and what ends a provider's payload
)

// WakeRoom returns how many bytes a wake may have before it is sealed, so that the SealedWake has at most limit bytes as JSON.
func WakeRoom(keyID string, limit int) int {
	var id [64]byte // usually long enough
	text := limit - len(sealedHead) - len(jsonstring.Append(id[:0], keyID)) - len(sealedMiddle) - len(sealedTail)
	return base64.RawURLEncoding.DecodedLen(max(text, 0)) - nonceBytes - tagBytes
}

// Open returns the content of a sealed wake.
func (w SealedWake) Open(key push.WakeKey) (Wake, error) {
	if w.K != key.ID {
		return Wake{}, errNotSealed
	}
	aead, err := sealing(key)
	if err != nil {
		return Wake{}, err
	}
	sealed, err := base64.RawURLEncoding.DecodeString(w.S)
	if err != nil || len(sealed) < nonceBytes+tagBytes {
		return Wake{}, errNotSealed
	}
	plain, err := aead.Open(nil, sealed[:nonceBytes], sealed[nonceBytes:], []byte(w.K))
	if err != nil {
		return Wake{}, errNotSealed
	}
	var out Wake
	if err := json.NewDecoder(bytes.NewReader(plain)).Decode(&out); err != nil {
		return Wake{}, fmt.Errorf("the content of the wake is malformed: %w", err)
	}
	if slices.ContainsFunc(out.Pushes, func(p WakePush) bool { return p.ID == "" }) {
		return Wake{}, errors.New("the content of the wake has a push without an id")
	}
	return out, nil
}

func sealing(key push.WakeKey) (cipher.AEAD, error) {
	if key.ID == "" || len(key.Key) != push.WakeKeyBytes {
		return nil, errors.New("there is no wake key")
	}
	block, err := aes.NewCipher([]byte(key.Key.Reveal()))
	if err != nil {
		return nil, errors.New("the wake key does not fit AES")
	}
	return cipher.NewGCM(block)
}
