package store

import (
	"slices"
	"strings"
	"unicode"
)

// oneLineError is an error of the database whose text is one line without control characters. The driver's own has a line
// for each try to connect, and a server's may have anything.
type oneLineError struct{ error }

func oneLine(err error) error {
	if err == nil {
		return nil
	}
	return oneLineError{err}
}

// Error joins the lines of the text.
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

// visibleLines are the lines of a text that have something to see.
func visibleLines(text string) []string {
	var lines []string
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(strings.Map(visible, strings.ToValidUTF8(line, "\uFFFD"))); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// noTLS is the end of the line of a try with TLS at a server that has none: pgconn.startTLS.
const noTLS = ": tls error: server refused TLS connection"

// telling are the lines that say why there is no connection, each once. Under sslmode=prefer and allow the driver tries each
// address with TLS and without. That the server has no TLS is then no reason, because the address was tried without, too.
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

// visible drops what would do something to a terminal; a tab is a space.
func visible(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}
