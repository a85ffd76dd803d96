package rest

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Malformed is what is no JSON as it is read here. It shows nothing of the JSON.
type Malformed struct {
	What string // what it is instead
	At   int64  // the byte at which that shows; 0: none in particular
}

// Error says what it is instead.
func (m *Malformed) Error() string {
	if m.At == 0 {
		return m.What
	}
	return fmt.Sprintf("%s (at byte %d)", m.What, m.At)
}

// malformed is the error of the walk in words.
func (s Strict) malformed(value []byte, err error) *Malformed {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errTooDeep):
		return &Malformed{What: fmt.Sprintf("it nests deeper than %d levels", s.Depth)}
	case errors.Is(err, errTooWide):
		return &Malformed{What: fmt.Sprintf("its objects have more than %d names", s.Names)}
	case errors.As(err, &syntax):
		return &Malformed{What: syntaxFault(value, syntax), At: syntax.ByteOffset}
	case errors.Is(err, io.EOF):
		return &Malformed{What: "it is empty; want a JSON value"}
	}
	return &Malformed{What: "it is no JSON"}
}

// surrogate is the escape of half of a UTF-16 pair.
var surrogate = regexp.MustCompile(`^\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)

// syntaxFault looks at the byte at which the decoder stopped.
func syntaxFault(value []byte, err *jsontext.SyntacticError) string {
	rest := value[min(err.ByteOffset, int64(len(value))):]
	r, size := utf8.DecodeRune(rest)
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "an object has the same name twice; want each once"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends in the middle; want a whole JSON value"
	case r == utf8.RuneError && size == 1:
		return "it is not UTF-8, or has a lone surrogate; want UTF-8"
	case surrogate.Match(rest):
		return `a string has a lone surrogate, half of a UTF-16 pair such as \ud83d without \ude00; want both halves, or none`
	case size > 0 && rest[0] == '\\':
		return "a string has a wrong escape"
	}
	return "it is no JSON"
}
