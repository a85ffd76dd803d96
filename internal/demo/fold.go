package demo

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// cellsOf returns how many columns of a terminal a text takes: two for a wide character (Unicode, UAX #11), none for a mark
// that goes onto the one before.
func cellsOf(text string) (n int) {
	for _, r := range text {
		n += cellsOfRune(r)
	}
	return n
}

func cellsOfRune(r rune) int {
	switch kind := width.LookupRune(r).Kind(); {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fold breaks text between words, and a word that is too long within it, so that no line takes more than room columns.
func fold(text string, room int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case cellsOf(line)+1+cellsOf(word) <= room:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for cellsOf(line) > room {
			at := fitting(line, room)
			if at == len(line) {
				break // one character, wider than the room
			}
			lines, line = append(lines, line[:at]), line[at:]
		}
	}
	return append(lines, line)
}

// fitting returns how many bytes of a text take at most room columns; those of one character at least.
func fitting(text string, room int) int {
	taken := 0
	for at, r := range text {
		if taken += cellsOfRune(r); taken > room && at > 0 {
			return at
		}
	}
	return len(text)
}

// clean keeps what an app prints from steering the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
