package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// CheckNames refuses names in a JSON object that two readers would understand differently: duplicates, and names that differ only
// in case. (Go's decoder takes the last of these, others the first.) data must be one JSON object and nothing more, in UTF-8
// without lone surrogates. No object in it, however deep, may have a name twice. At the top level, no two names may differ only
// in case, and no name may differ only in case from one of known, the names that the caller reads. The error quotes no value, and
// no names but those in known.
func CheckNames(data []byte, known ...string) error {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errors.New("is no JSON object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return wrong(err)
	}
	folded := map[string]string{} // the spelling of a known name, by its folded form
	for _, name := range known {
		folded[fold(name)] = name
	}
	seen := map[string]bool{}
	for dec.PeekKind() != jsontext.KindEndObject {
		token, err := dec.ReadToken()
		if err != nil {
			return wrong(err)
		}
		name := token.String()
		form := fold(name)
		if want, ours := folded[form]; ours && name != want {
			return fmt.Errorf("has a name that differs from %s only in case", want)
		}
		if seen[form] {
			return errors.New("has two names that differ only in case")
		}
		seen[form] = true
		if err := dec.SkipValue(); err != nil {
			return wrong(err)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return wrong(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("has something after the JSON object")
	}
	return nil
}

func wrong(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return errors.New("has the same name twice")
	}
	return errors.New("is no JSON, or not UTF-8")
}

// fold returns the same string for names that encoding/json treats as equal. It also folds letters beyond ASCII, such as the long
// s (U+017F) and the Kelvin sign (U+212A).
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		for {
			next := unicode.SimpleFold(c)
			if next <= c { // the orbit has wrapped around to its smallest
				return next
			}
			c = next
		}
	}, name)
}
