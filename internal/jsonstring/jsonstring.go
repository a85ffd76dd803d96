// Package jsonstring writes strings as JSON without reflection, for fixed forms that are written very often.
package jsonstring

import "unicode/utf8"

const hex = "0123456789abcdef"

// Append appends s as a JSON string: the same bytes as of encoding/json without escapes for HTML. What is not UTF-8 becomes
// U+FFFD.
func Append[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	from := 0 // of what is not yet in dst
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			escape, size := escapeOf(s[i:min(i+utf8.UTFMax, len(s))])
			if escape != "" {
				dst = append(append(dst, s[from:i]...), escape...)
				from = i + size
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			dst = appendEscape(append(dst, s[from:i]...), c)
			from = i + 1
		}
		i++
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// appendEscape appends a character of ASCII that may not stand for itself (RFC 8259, section 7).
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// escapeOf returns how the first character of s is written, "" where it stands for itself, and its length in s. The line
// separators are escaped because JavaScript took them for ends of lines.
func escapeOf[S ~string | ~[]byte](s S) (string, int) {
	r, size := utf8.DecodeRuneInString(string(s)) // too short to be put on the heap
	switch {
	case r == utf8.RuneError && size == 1:
		return `\ufffd`, size
	case r == '\u2028':
		return `\u2028`, size
	case r == '\u2029':
		return `\u2029`, size
	}
	return "", size
}
