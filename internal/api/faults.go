package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// faults lists the faults of one request, by full locations (body.to.users[3]), with push's codes.
type faults rest.Faults

func (f *faults) add(location string, code push.Code, format string, args ...any) {
	(*rest.Faults)(f).Add(location, rest.Code(code), format, args...)
}

// has reports whether a location, or anything that contains it, is at fault.
func (f *faults) has(location string) bool { return (*rest.Faults)(f).Has(location) }

// addFrom adds the field errors in err, the result of a check in package push, below a prefix such as "body.". It returns any
// other error.
func (f *faults) addFrom(prefix string, err error) error {
	var fields push.FieldErrors
	if !errors.As(err, &fields) {
		return err
	}
	for _, e := range fields {
		location := strings.TrimSuffix(prefix+e.Location, ".")
		if strings.HasPrefix(e.Location, "query.") {
			location = e.Location // the store refused a cursor
		}
		f.add(location, e.Code, "%s", e.Message)
	}
	return nil
}

// err returns the problem that lists the faults; nil if there are none.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	p := newProblem(http.StatusUnprocessableEntity, codeInvalid, "")
	for _, e := range f {
		p.Errors = append(p.Errors, protocol.ProblemField{Location: e.Location, Code: push.Code(e.Code), Message: e.Message})
	}
	p.Detail = protocol.Summary(p.Errors)
	return p
}

// strict says how bodies are read. It has no Formats: handlers check the strings of bodies themselves.
var strict = rest.Strict{Depth: 64, Names: maxNames, Items: maxItems, FreeBytes: protocol.MaxFactsBytes, FreeSize: protocol.FactsBytes}

// checkBody checks a body against its schema. The error is the problem bad_json for invalid JSON, or invalid if decoding would
// take too much memory.
func checkBody(body []byte, schema *rest.Schema, refuse rest.Refuse) (faults, error) {
	found, err := strict.Check(body, "body", schema, refuse)
	var malformed *rest.Malformed
	var heavy *rest.Heavy
	switch {
	case errors.As(err, &malformed):
		return nil, newProblem(http.StatusBadRequest, codeBadJSON, fmt.Sprintf("the body cannot be read: %s", malformed))
	case errors.As(err, &heavy):
		return nil, faults(heavy.Faults).err()
	}
	return faults(found), err
}
