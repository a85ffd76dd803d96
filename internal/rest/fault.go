package rest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Code is the kind of a fault, for programs to branch on.
type Code string

// The codes of the faults that this package finds.
const (
	UnknownField Code = "unknown_field"
	Required     Code = "required"
	WrongType    Code = "wrong_type"
	BadValue     Code = "bad_value"
	OutOfRange   Code = "out_of_range"
	TooMany      Code = "too_many"
)

// Fault says what is wrong at one place of a request, and what would be right.
type Fault struct {
	Location string `json:"location" doc:"where it is, such as body.match.token, path.token or query.cursor"`
	Code     Code   `json:"code" doc:"what is wrong, for programs to branch on"`
	Message  string `json:"message" doc:"what is wrong, and what would be right"`
}

// Faults are the faults of one request, at most MaxFaults. For each location only the first counts. Inside a value that is
// missing or of the wrong type no faults are reported: they would only follow from that one.
type Faults []Fault

// MaxFaults bounds an answer and the work on it: of a body with 10 000 bad ids, not all need be reported.
const MaxFaults = 100

// Add adds a fault, unless its location is already at fault.
func (f *Faults) Add(location string, code Code, format string, args ...any) {
	if len(*f) < MaxFaults && !f.Has(location) {
		*f = append(*f, Fault{location, code, fmt.Sprintf(format, args...)})
	}
}

// Has reports whether a location, or anything that contains it, is at fault.
func (f *Faults) Has(location string) bool {
	return slices.ContainsFunc(*f, func(known Fault) bool {
		rest, within := strings.CutPrefix(location, known.Location)
		if !within || rest == "" {
			return within
		}
		return (known.Code == WrongType || known.Code == Required) && (rest[0] == '.' || rest[0] == '[')
	})
}

// Summary returns the first fault and the number of the others.
func (f Faults) Summary() string {
	if len(f) == 0 {
		return ""
	}
	first := f[0].Location + " " + f[0].Message
	if more := len(f) - 1; more > 0 {
		return fmt.Sprintf("%s; and %d more", first, more)
	}
	return first
}

// longest is how many bytes of a request's own text an answer repeats, so that answers stay small.
const longest = 64

// join returns the location of a field inside another location, with a long name cut short.
func join(at, name string) string { return at + "." + Clip(name) }

// Clip cuts short what a caller wrote.
func Clip(s string) string {
	if len(s) > longest {
		return strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}

// Quoted quotes a value of a request, cut short.
func Quoted(s string) string {
	if len(s) > longest {
		return strconv.Quote(strings.ToValidUTF8(s[:longest], "")) + "…"
	}
	return strconv.Quote(s)
}
