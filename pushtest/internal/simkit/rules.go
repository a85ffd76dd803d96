package simkit

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
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
	Words   []string  `json:"-"`       // for a switch that takes words: which ones; nil allows any
	Varies  []string  `json:"-"`       // what --seed chooses from while the switch is not set; nil: it does not vary
}

// Rules is a simulator's table, in the order in which a reader meets them.
type Rules []Rule

// WriteText prints the table for people.
func (rs Rules) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range rs {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", r.Name, r.Certain, r.Text)
		fmt.Fprintf(tw, "\t\tsource: %s\n", r.Source)
		if r.Switch != "" {
			fmt.Fprintf(tw, "\t\t--set %s=%s", r.Switch, r.Default)
			if r.Words != nil {
				fmt.Fprintf(tw, "   (one of %s)", strings.Join(r.Words, ", "))
			}
			fmt.Fprintln(tw)
		}
	}
	return tw.Flush()
}

// WriteJSON prints the table for programs: an array of objects with rule, source, certain, switch and default.
func (rs Rules) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(rs)
}

// Switches holds the values of a table's switches; it does not change after NewSwitches.
type Switches struct {
	values map[string]string
}

// NewSwitches takes each switch's default, varies with seed (0: nothing varies) those that may vary, then sets what sets
// says ("NAME=VALUE" each, the last one wins). Unknown names and values of the wrong kind are refused by name.
func NewSwitches(rules Rules, sets []string, seed uint64) (*Switches, error) {
	s := &Switches{values: map[string]string{}}
	byName := map[string]Rule{}
	rnd := NewRand(seed)
	for _, r := range rules {
		if r.Switch == "" {
			continue
		}
		if _, twice := byName[r.Switch]; twice {
			panic("simkit: two rules share the switch " + r.Switch)
		}
		byName[r.Switch] = r
		s.values[r.Switch] = r.Default
		if seed != 0 && len(r.Varies) > 0 {
			s.values[r.Switch] = r.Varies[rnd.IntN(len(r.Varies))]
		}
	}
	for _, set := range sets {
		name, value, ok := strings.Cut(set, "=")
		if !ok {
			return nil, fmt.Errorf("set %q: want NAME=VALUE", set)
		}
		r, known := byName[name]
		if !known {
			return nil, fmt.Errorf("set %q: there is no switch %q; --rules lists them", set, name)
		}
		if err := checkKind(r, value); err != nil {
			return nil, fmt.Errorf("set %q: %w", set, err)
		}
		s.values[name] = value
	}
	return s, nil
}

func checkKind(r Rule, value string) error {
	if r.Words != nil {
		if !slices.Contains(r.Words, value) {
			return fmt.Errorf("want one of %s", strings.Join(r.Words, ", "))
		}
		return nil
	}
	if _, err := strconv.ParseBool(r.Default); err == nil && (r.Default == "true" || r.Default == "false") {
		if value != "true" && value != "false" {
			return fmt.Errorf("want true or false")
		}
		return nil
	}
	if _, err := strconv.Atoi(r.Default); err == nil {
		if n, err := strconv.Atoi(value); err != nil || n < 0 {
			return fmt.Errorf("want a whole number, 0 or more")
		}
		return nil
	}
	if _, err := strconv.ParseFloat(r.Default, 64); err == nil {
		if f, err := strconv.ParseFloat(value, 64); err != nil || !(f >= 0) {
			return fmt.Errorf("want a number, 0 or more")
		}
		return nil
	}
	if _, err := time.ParseDuration(r.Default); err == nil {
		if d, err := time.ParseDuration(value); err != nil || d < 0 {
			return fmt.Errorf("want a duration such as %s, 0 or more", r.Default)
		}
	}
	return nil
}

// String is the value of a switch; an unknown name is a mistake in the simulator and panics.
func (s *Switches) String(name string) string {
	v, ok := s.values[name]
	if !ok {
		panic("simkit: no rule has the switch " + name)
	}
	return v
}

// Bool is the value of a switch that is true or false.
func (s *Switches) Bool(name string) bool { return s.String(name) == "true" }

// Int is the value of a switch that counts.
func (s *Switches) Int(name string) int {
	n, err := strconv.Atoi(s.String(name))
	mustBe(name, err)
	return n
}

// Float is the value of a switch that is a number.
func (s *Switches) Float(name string) float64 {
	f, err := strconv.ParseFloat(s.String(name), 64)
	mustBe(name, err)
	return f
}

// Duration is the value of a switch that is a span.
func (s *Switches) Duration(name string) time.Duration {
	d, err := time.ParseDuration(s.String(name))
	mustBe(name, err)
	return d
}

func mustBe(name string, err error) {
	if err != nil {
		panic("simkit: switch " + name + " has another kind: " + err.Error())
	}
}
