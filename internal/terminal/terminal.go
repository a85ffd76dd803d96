// Package terminal fits text into the columns of a terminal, and keeps it from steering one.
package terminal

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Cells returns how many columns of a terminal a text takes: two for a wide character (Unicode, UAX #11), none for a mark
// that goes onto the one before.
func Cells(text string) (n int) {
	for _, r := range text {
		n += cellsOf(r)
	}
	return n
}

func cellsOf(r rune) int {
	switch kind := width.LookupRune(r).Kind(); {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Fold breaks text between words, and a word that is too long within it, so that no line takes more than room columns.
func Fold(text string, room int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case Cells(line)+1+Cells(word) <= room:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for Cells(line) > room {
			at := fitting(line, room)
			if at == len(line) {
				break // one character, wider than the room
			}
			lines, line = append(lines, line[:at]), line[at:]
		}
	}
	return append(lines, line)
}

// Rows returns how many rows of a terminal with that many columns a line of text takes: one where columns is 0, not known.
func Rows(line string, columns int) int {
	n := 1
	for columns > 0 {
		at := fitting(line, columns)
		if at == len(line) {
			break
		}
		line = line[at:]
		n++
	}
	return n
}

// fitting returns how many bytes of a text take at most room columns; those of one character at least.
func fitting(text string, room int) int {
	taken := 0
	for at, r := range text {
		if taken += cellsOf(r); taken > room && at > 0 {
			return at
		}
	}
	return len(text)
}

// Clean keeps what others wrote (ids, a provider's words, what an app prints) from steering the terminal.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
