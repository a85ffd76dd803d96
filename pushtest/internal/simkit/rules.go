package simkit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hushpush/hush/internal/terminal"
)

// Certainty is how well a rule is known.
type Certainty string

// The grades of a rule, best first; they are the marks of the fact sheets in words.
const (
	Documented Certainty = "documented" // by the provider, or read in its own machine-readable schema
	Observed   Certainty = "observed"   // on the wire, in a library's source, or reported from the field
	Inferred   Certainty = "inferred"   // from the above; our choice where nobody says
	Uncertain  Certainty = "uncertain"  // sources differ, or it is remembered without a source
)

// Rule is one thing that a simulator does as its provider does it. A rule may have a switch, whose default is the usual
// behaviour; the kind of the switch (bool, int, float, duration, else a word) is that of its default.
type Rule struct {
	Name    string    `json:"name"`    // short, stable; unique in its table
	Text    string    `json:"rule"`    // what happens
	Source  string    `json:"source"`  // who says so
	Certain Certainty `json:"certain"` // how well it is known
	Switch  string    `json:"switch"`  // what --set calls it; "" when there is nothing to switch
	Default string    `json:"default"` // the switch's value unless told otherwise
	Value   string    `json:"value"`   // what is in force: set, chosen by a seed, or the default (see Rules.With)
	Least   float64   `json:"-"`       // for a switch that is a number, or a span in seconds: the smallest; never below 0
	Most    float64   `json:"-"`       // and the largest; 0: any
	Words   []string  `json:"-"`       // for a switch that takes words: which ones; nil allows any
	Varies  []string  `json:"-"`       // what --seed chooses from while the switch is not set; nil: it does not vary
	Fixed   string    `json:"-"`       // why no seed touches a rule that is inferred or uncertain; "" where one does
}

// Rules is a simulator's table, in the order in which a reader meets them.
type Rules []Rule

// With returns the table with the values that NewSwitches makes of sets and seed.
func (rs Rules) With(sets []string, seed uint64) (Rules, error) {
	s, err := NewSwitches(rs, sets, seed)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(rs)
	for i, r := range out {
		if r.Switch != "" {
			out[i].Value = s.String(r.Switch)
		}
	}
	return out, nil
}

// Changed lists the switches that With has not left at their default, "NAME=VALUE" each.
func (rs Rules) Changed() (changed []string) {
	for _, r := range rs {
		if r.Value != "" && r.Value != r.Default {
			changed = append(changed, r.Switch+"="+r.Value)
		}
	}
	return changed
}

// WriteText prints the table for people.
func (rs Rules) WriteText(w io.Writer) error {
	var rows [][]string
	for _, r := range rs {
		rows = append(rows, []string{r.Name, string(r.Certain), r.Text}, []string{"", "", "source: " + r.Source})
		if r.Switch != "" {
			rows = append(rows, []string{"", "", r.howToSet()})
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(terminal.Columns(rows, nil), "\n"))
	return err
}

// howToSet returns the option of a rule's switch, and what is in force if that is not the default.
func (r Rule) howToSet() string {
	text := "--set " + r.Switch + "=" + r.Default
	if r.Words != nil {
		text += "   (one of " + strings.Join(r.Words, ", ") + ")"
	}
	if r.Value != "" && r.Value != r.Default {
		text += "   now " + r.Value
	}
	return text
}

// WriteJSON prints the table for programs: an array of objects with rule, source, certain, switch, default and value.
func (rs Rules) WriteJSON(w io.Writer) error {
	out := slices.Clone(rs)
	for i := range out {
		out[i].Value = cmp.Or(out[i].Value, out[i].Default)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
