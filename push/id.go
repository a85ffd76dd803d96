package push

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckID says what is wrong with a user's or a device's id; nil: nothing. Such an id is 1 to 128 bytes of UTF-8 without
// control characters, and neither "." nor "..": proxies resolve those in a path.
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

// CheckName says what is wrong with the name of an app or a signing key: 1 to 64 of [a-z0-9-].
func CheckName(name string) error {
	return checkChars(name, 64, "[a-z0-9-]", func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
	})
}

// CheckResourceID says what is wrong with a resource's id: 1 to 32 of [A-Za-z0-9_-].
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
