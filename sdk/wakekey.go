package sdk

import (
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// wakeKey is a protocol.WakeKey as the journal keeps it.
type wakeKey struct {
	ID  string      `json:"id"`
	Key push.Secret `json:"key"` // base64url
}

// owner is whose a push is. Each owner of a device gets a credential of its own. A generation would prove nothing: every
// device counts from 1, and a session or a registration may report one after the owner has changed.
type owner struct {
	device     string
	credential push.Secret
}

func (s identity) owner() owner { return owner{s.Device, s.Credential} }

// registered reports whether the device has an owner, as far as it knows.
func (s identity) registered() bool { return s.Credential != "" && !s.LoggedOut && !s.Changing }

// requestedBy records who is about to ask for the device. From then on, whether the server can be reached or not, nothing of
// the former owner's runs on this phone, until the former owner asks again. An empty user changes nothing.
func (s *identity) requestedBy(user string) {
	if user != "" {
		s.Changing = s.Credential != "" && s.User != "" && s.User != user
	}
}

// forgetOwner forgets what the server gave for the present owner.
func (s *identity) forgetOwner() {
	s.Credential, s.User, s.Changing, s.Key, s.KeyBefore = "", "", false, wakeKey{}, wakeKey{}
}

// addKey makes a key the newest of two; nil, or the newest itself, changes nothing.
func (s *identity) addKey(k *protocol.WakeKey) {
	if k == nil || k.ID == s.Key.ID {
		return
	}
	s.Key, s.KeyBefore = wakeKey{k.ID, push.Secret(k.Key)}, s.Key
}

// open opens a wake with the newest two keys, and reports false if it is not for this owner of this device, or older than both.
func (s identity) open(sealed protocol.SealedWake) (protocol.Wake, bool) {
	if !s.registered() {
		return protocol.Wake{}, false
	}
	for _, k := range []wakeKey{s.Key, s.KeyBefore} {
		if k.ID == "" || k.ID != sealed.K {
			continue
		}
		key, err := protocol.WakeKey{ID: k.ID, Key: k.Key.Reveal()}.Parse()
		if err != nil {
			continue
		}
		if w, err := sealed.Open(key); err == nil {
			return w, true
		}
	}
	return protocol.Wake{}, false
}
