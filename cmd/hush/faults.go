package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
)

// fieldsOf is the annotation of a flag with the fields of a request that it becomes. A command's annotation that begins with
// it, and goes on with a field, has the argument that becomes it.
const fieldsOf = "hush fields: "

// becomes notes which fields of the request, as the API names them, a flag becomes. What is inside a field counts as the
// field.
func becomes(cmd *cobra.Command, flag string, fields ...string) {
	// It fails only for a flag that does not exist.
	_ = cmd.Flags().SetAnnotation(flag, fieldsOf, fields)
}

// argumentBecomes notes the same of an argument, which is called name in the help.
func argumentBecomes(cmd *cobra.Command, name, field string) {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[fieldsOf+field] = name
}

// faultsError is a refusal that names fields, in the words of the command line: a line for each.
type faultsError struct {
	lines   []string
	refusal *client.Error
}

func (e *faultsError) Error() string { return strings.Join(e.lines, "\n") }

func (e *faultsError) Unwrap() error { return e.refusal }

// named puts the names of the command line beside those of the fields that a refusal names. Any other error stays as it is.
func (r *remote) named(cmd *cobra.Command, err error) error {
	var refusal *client.Error
	if !errors.As(err, &refusal) {
		return err
	}
	faults := &faultsError{refusal: refusal}
	for _, f := range refusal.Fields {
		place := f.Location
		if giver := r.giverOf(cmd, f.Location); giver != "" {
			place = giver + " (" + f.Location + ")"
		}
		faults.lines = append(faults.lines, faultLine(place, f))
	}
	if refusal.Code == "bad_json" && r.file.flag != "" {
		faults.lines = []string{fmt.Sprintf("--%s %s, line %d: %s (%s)", r.file.flag, r.file.path, lineOfSyntax(r.file.body), refusal.Detail, refusal.Code)}
	}
	if len(faults.lines) == 0 {
		return err
	}
	return faults
}

// faultLine returns a fault with its place.
func faultLine(place string, f protocol.ProblemField) string {
	return fmt.Sprintf("%s: %s (%s)", place, f.Message, f.Code)
}

// giverOf returns what gave a field of the request: a flag, with the line of its file, a variable, or an argument; "" for none.
func (r *remote) giverOf(cmd *cobra.Command, location string) string {
	for key, argument := range cmd.Annotations {
		if field, ok := strings.CutPrefix(key, fieldsOf); ok && holds(field, location) {
			return argument
		}
	}
	var giver *pflag.Flag
	longest := 0
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		for _, field := range f.Annotations[fieldsOf] {
			if holds(field, location) && (len(field) > longest || len(field) == longest && f.Changed) {
				giver, longest = f, len(field)
			}
		}
	})
	switch {
	case giver == nil:
		return ""
	case giver.Name == r.file.flag:
		return fmt.Sprintf("--%s %s, line %d", giver.Name, r.file.path, lineOf(r.file.body, location))
	case giver.Name == "app" && !giver.Changed:
		return "HUSH_APP"
	}
	return "--" + giver.Name
}

// holds reports whether a location is a field, or lies in it.
func holds(field, location string) bool {
	rest, within := strings.CutPrefix(location, field)
	return within && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// jsonFile is a file whose contents are a request's body.
type jsonFile struct {
	flag, path string
	body       []byte
}

// lineOf returns the line of a body in which a location begins, or of what is nearest around it where it is missing.
func lineOf(body []byte, location string) int {
	return 1 + bytes.Count(body[:offsetOf(jsontext.NewDecoder(bytes.NewReader(body)), "body", location)], []byte("\n"))
}

// offsetOf reads the value called at, and returns how far it had read when it came upon the location.
func offsetOf(dec *jsontext.Decoder, at, location string) int64 {
	found := dec.InputOffset()
	open := dec.PeekKind()
	if at == location || open != jsontext.KindBeginObject && open != jsontext.KindBeginArray {
		_ = dec.SkipValue() // what is no JSON has no locations
		return found
	}
	if _, err := dec.ReadToken(); err != nil {
		return found
	}
	for i := 0; dec.PeekKind() != jsontext.KindEndObject && dec.PeekKind() != jsontext.KindEndArray; i++ {
		member := fmt.Sprintf("%s[%d]", at, i)
		if open == jsontext.KindBeginObject {
			name, err := dec.ReadToken()
			if err != nil {
				return found
			}
			member = at + "." + name.String()
		}
		if holds(member, location) {
			return max(dec.InputOffset(), offsetOf(dec, member, location))
		}
		if dec.SkipValue() != nil {
			return found
		}
	}
	return found
}

// lineOfSyntax returns the line in which a body ceases to be JSON.
func lineOfSyntax(body []byte) int {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	err := dec.SkipValue()
	end := dec.InputOffset()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		end = syntax.ByteOffset
	}
	return 1 + bytes.Count(body[:min(end, int64(len(body)))], []byte("\n"))
}
