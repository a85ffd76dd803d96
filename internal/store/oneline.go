package store

import (
	"strings"
	"unicode"
)

// oneLineError is an error of the database whose text is one line without control characters. The driver's own has a line
// for each address that it tried, and a server's may have anything.
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
	for line := range strings.FieldsFuncSeq(e.error.Error(), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = strings.TrimSpace(strings.Map(visible, strings.ToValidUTF8(line, "\uFFFD")))
		switch {
		case line == "":
			continue
		case strings.HasSuffix(b.String(), ":"):
			b.WriteString(" ")
		case b.Len() > 0:
			b.WriteString("; ")
		}
		b.WriteString(line)
	}
	return b.String()
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
