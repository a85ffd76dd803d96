package push

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// ID names a push or a wake: a UUIDv7, so that ids sort by the time they were made.
type ID string

// NewID makes a new id.
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }

// MadeAt returns when an id was made, to the millisecond; false if it is not a UUIDv7 and does not say.
func (id ID) MadeAt() (time.Time, bool) {
	u, err := uuid.Parse(string(id))
	if err != nil || u.Version() != 7 {
		return time.Time{}, false
	}
	return time.Unix(u.Time().UnixTime()).UTC(), true
}

// FirstID returns the least id that can be made at a time, to the millisecond.
func FirstID(at time.Time) ID {
	const last = 1<<48 - 1
	ms := min(max(at.UnixMilli(), 0), last)
	return ID(fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff))
}

// CheckID says what is wrong with a user's or a device's id; nil if nothing is. Such an id is 1 to 128 bytes of UTF-8 without
// control characters, and neither "." nor "..", which proxies resolve in a path.
func CheckID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("is empty; want 1 to %d bytes", MaxIDBytes)
	case len(id) > MaxIDBytes:
		return fmt.Errorf("has %d bytes; want at most %d", len(id), MaxIDBytes)
	case !utf8.ValidString(id):
		return fmt.Errorf("is not UTF-8")
	case id == "." || id == "..":
		return fmt.Errorf("is %q; want anything but a path's dots", id)
	case strings.IndexFunc(id, unicode.IsControl) >= 0:
		return fmt.Errorf("has a control character; want none")
	}
	return nil
}

// CheckName says what is wrong with the name of an app or a signing key; nil if nothing is. Such a name is 1 to 64 of
// [a-z0-9-].
func CheckName(name string) error {
	return checkChars(name, 64, "[a-z0-9-]", func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
	})
}

// CheckResourceID says what is wrong with a resource's id; nil if nothing is. Such an id is 1 to 32 of [A-Za-z0-9_-].
func CheckResourceID(id string) error {
	return checkChars(id, MaxResourceID, "[A-Za-z0-9_-]", func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	})
}

func checkChars(s string, longest int, class string, allowed func(rune) bool) error {
	if s == "" {
		return fmt.Errorf("is empty; want 1 to %d of %s", longest, class)
	}
	for _, c := range s {
		if !allowed(c) {
			return fmt.Errorf("has %q; want 1 to %d of %s", c, longest, class)
		}
	}
	if len(s) > longest {
		return fmt.Errorf("has %d characters; want at most %d of %s", len(s), longest, class)
	}
	return nil
}
