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

// faults are what is wrong with one request, by full locations (body.to.users[3]), in push's words.
type faults rest.Faults

func (f *faults) add(location string, code push.Code, format string, args ...any) {
	(*rest.Faults)(f).Add(location, rest.Code(code), format, args...)
}

// has reports whether a location, or what it is part of, is known to be at fault.
func (f *faults) has(location string) bool { return (*rest.Faults)(f).Has(location) }

// addFrom adds the field errors in err, a domain's answer to a check, under a prefix such as "body.". Any other error is
// returned.
func (f *faults) addFrom(prefix string, err error) error {
	var fields push.FieldErrors
	if !errors.As(err, &fields) {
		return err
	}
	for _, e := range fields {
		location := strings.TrimSuffix(prefix+e.Location, ".")
		if strings.HasPrefix(e.Location, "query.") {
			location = e.Location // the store's word on a cursor
		}
		f.add(location, e.Code, "%s", e.Message)
	}
	return nil
}

// err is the problem that names them; nil if there are none.
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

// strict is how bodies are read. Formats are for the document: what a text of a body means, its handler checks.
var strict = rest.Strict{Depth: 64, Names: maxNames, Items: maxItems, FreeBytes: protocol.MaxFactsBytes, FreeSize: protocol.FactsBytes}

// checkBody holds a body against its schema. The error is the problem bad_json for what is no JSON as Hush takes it, or invalid for
// what must not be decoded, for what would come of it.
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
