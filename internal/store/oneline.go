package store

import (
	"slices"
	"strings"
	"unicode"
)

// oneLineError is an error of the database whose text is one line without control characters. The text of the driver has a line for
// each attempt to connect, and that of a server may contain anything.
type oneLineError struct{ error }

// oneLine returns err as a oneLineError; nil for nil.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	return oneLineError{err}
}

// Error returns the text with its lines joined.
func (e oneLineError) Error() string {
	var b strings.Builder
	for _, line := range informative(visibleLines(e.error.Error())) {
		switch {
		case strings.HasSuffix(b.String(), ":"):
			b.WriteString(" ")
		case b.Len() > 0:
			b.WriteString("; ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// visibleLines returns the lines of a text that are not blank, without control characters.
func visibleLines(text string) []string {
	var lines []string
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(strings.Map(visible, strings.ToValidUTF8(line, "\uFFFD"))); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// noTLS is the end of the line for an attempt with TLS at a server without it; see pgconn.startTLS. pgconn has no type for it.
const noTLS = ": tls error: server refused TLS connection"

// informative returns the lines that say why there is no connection, each once. With sslmode=prefer and allow, the driver tries each
// address with TLS and without. A server without TLS is then no reason, because the address was also tried without.
func informative(lines []string) []string {
	seen := make(map[string]bool, len(lines))
	var informativeLines []string
	for _, line := range lines {
		address, refused := strings.CutSuffix(line, noTLS)
		triedWithout := func(other string) bool { return other != line && strings.HasPrefix(other, address+": ") }
		if seen[line] || refused && slices.ContainsFunc(lines, triedWithout) {
			continue
		}
		seen[line] = true
		informativeLines = append(informativeLines, line)
	}
	return informativeLines
}

func (e oneLineError) Unwrap() error { return e.error }

// visible drops characters that would affect a terminal, and turns a tab into a space.
func visible(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}
