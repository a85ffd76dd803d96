package sdk

import (
	"encoding/json"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// record is one line of the journal. Exactly one of Self, Start, End and Sent is set.
type record struct {
	At    int64             `json:"at"` // Unix milliseconds, by the server's clock as far as it is known
	Self  *identity         `json:"self,omitempty"`
	Start *start            `json:"start,omitempty"`
	End   *protocol.Receipt `json:"end,omitempty"`  // a handler returned, or was given up: the receipt for it
	Sent  []string          `json:"sent,omitempty"` // pushes whose receipt the server has accepted, or never will
}

// identity is who the device is. The newest one counts.
type identity struct {
	Device     string      `json:"device"`
	Credential push.Secret `json:"credential,omitempty"`
	User       string      `json:"user,omitempty"`       // whose token brought the credential; "" where it does not say
	Changing   bool        `json:"changing,omitempty"`   // another user has asked for the device, and no answer is known
	Key        wakeKey     `json:"key,omitzero"`         // the newest wake key of this owner
	KeyBefore  wakeKey     `json:"key_before,omitzero"`  // the one before it, for wakes that are still on their way
	Reported   string      `json:"reported,omitempty"`   // the beginning of the last wake that was reported as foreign
	LoggedOut  bool        `json:"logged_out,omitempty"` // until the next registration that the app asks for
	Unregister push.Secret `json:"unregister,omitempty"` // credential of a logout that the server does not know of yet
	Offset     int64       `json:"offset,omitempty"`     // milliseconds to add to the phone's clock to get the server's
}

// start says that a handler is about to run.
type start struct {
	Push  string  `json:"push"`
	By    process `json:"by"`
	Until int64   `json:"until"` // Unix milliseconds by the phone's own clock: when its time is over
}

// encode returns records as lines.
func encode(records ...record) []byte {
	var lines []byte
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			panic("sdk: a record is made of strings and numbers: " + err.Error())
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines
}

// decode reads a line, and reports false if it is torn or not ours, and so counts for nothing.
func decode(line []byte) (record, bool) {
	var r record
	if len(line) == 0 || json.Unmarshal(line, &r) != nil {
		return record{}, false
	}
	return r, true
}
