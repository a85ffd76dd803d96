package rest

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Malformation says why JSON is refused before it is compared with a schema.
type Malformation string

// The malformations, worded for people.
const (
	NoJSON        Malformation = "it is no JSON"
	Empty         Malformation = "it is empty; want a JSON value"
	CutOff        Malformation = "it ends in the middle; want a whole JSON value"
	Followed      Malformation = "something follows the JSON value; want one value"
	NotUTF8       Malformation = "it is not UTF-8, or has a lone surrogate; want UTF-8"
	LoneSurrogate Malformation = `a string has a lone surrogate, half of a UTF-16 pair such as \ud83d without \ude00; want both halves, or none`
	WrongEscape   Malformation = "a string has a wrong escape"
	DoubledName   Malformation = "an object has the same name twice; want each once"
	TooDeep       Malformation = "it nests deeper than %d levels"
	TooWide       Malformation = "its objects have more than %d names"
)

// Malformed is the error for invalid JSON; it quotes none of it.
type Malformed struct {
	Why  Malformation
	At   int64 // the offset in bytes where the problem shows; 0: none in particular
	Most int   // the limit, for TooDeep and TooWide
}

// Error says why the JSON is invalid, and where.
func (m *Malformed) Error() string {
	switch {
	case m.Most > 0:
		return fmt.Sprintf(string(m.Why), m.Most)
	case m.At == 0:
		return string(m.Why)
	}
	return fmt.Sprintf("%s (at byte %d)", m.Why, m.At)
}

// MalformedBy returns why value is invalid, given the error of the jsontext.Decoder that read it.
func MalformedBy(value []byte, err error) *Malformed {
	var malformed *Malformed
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &malformed):
		return malformed
	case errors.As(err, &syntax):
		return &Malformed{Why: malformationAt(value, syntax), At: syntax.ByteOffset}
	case errors.Is(err, io.EOF):
		return &Malformed{Why: Empty}
	}
	return &Malformed{Why: NoJSON}
}

// surrogate matches the escape of half a UTF-16 pair.
var surrogate = regexp.MustCompile(`^\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)

// malformationAt examines the byte at which the decoder stopped.
func malformationAt(value []byte, err *jsontext.SyntacticError) Malformation {
	rest := value[min(err.ByteOffset, int64(len(value))):]
	r, size := utf8.DecodeRune(rest)
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return DoubledName
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return CutOff
	case r == utf8.RuneError && size == 1:
		return NotUTF8
	case surrogate.Match(rest):
		return LoneSurrogate
	case size > 0 && rest[0] == '\\':
		return WrongEscape
	}
	return NoJSON
}
