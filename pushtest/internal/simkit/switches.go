package simkit

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/nearest"
)

// Switches holds the values of a table's switches; it does not change after NewSwitches.
type Switches struct {
	values map[string]string
}

// NewSwitches takes each switch's default, varies with seed (0: nothing varies) those that may vary, then sets what sets
// says ("NAME=VALUE" each, the last one wins). Unknown names and values of the wrong kind are refused by name.
func NewSwitches(rules Rules, sets []string, seed uint64) (*Switches, error) {
	s := &Switches{values: map[string]string{}}
	byName := map[string]Rule{}
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
			s.values[r.Switch] = chosen(r, seed)
		}
	}
	for _, set := range sets {
		name, value, ok := strings.Cut(set, "=")
		if !ok {
			return nil, fmt.Errorf("set %q: want NAME=VALUE", set)
		}
		r, known := byName[name]
		if !known {
			return nil, UnknownSwitch(rules, set)
		}
		if err := checkKind(r, value); err != nil {
			return nil, fmt.Errorf("set %q: %w", set, err)
		}
		s.values[name] = value
	}
	return s, nil
}

// chosen returns what a seed makes of a switch. It depends on the switch's name and no other one's, so that a seed means the same
// when the table grows.
func chosen(r Rule, seed uint64) string {
	h := fnv.New64a()
	h.Write([]byte(r.Switch))
	return r.Varies[NewRand(seed^h.Sum64()).IntN(len(r.Varies))]
}

// UnknownSwitch refuses a setting whose name is no switch of the table, and names those that it may have meant: the nearest
// in spelling or, if none is near, those that hold the name.
func UnknownSwitch(rules Rules, set string) error {
	name, _, _ := strings.Cut(set, "=")
	var all, within []string
	for _, r := range rules {
		if r.Switch == "" {
			continue
		}
		all = append(all, r.Switch)
		if len(name) > 2 && strings.Contains(r.Switch, name) {
			within = append(within, r.Switch)
		}
	}
	near := nearest.All(name, all)
	if len(near) == 0 {
		near = within
	}
	if len(near) == 0 {
		return fmt.Errorf("set %q: there is no switch %q; --rules lists them", set, name)
	}
	return fmt.Errorf("set %q: there is no switch %q, perhaps %s; --rules lists them", set, name, strings.Join(near, " or "))
}

// checkKind returns what is wrong with a switch's value.
func checkKind(r Rule, value string) error {
	if r.Words != nil {
		if !slices.Contains(r.Words, value) {
			return fmt.Errorf("want one of %s", strings.Join(r.Words, ", "))
		}
		return nil
	}
	if r.Default == "true" || r.Default == "false" {
		if value != "true" && value != "false" {
			return fmt.Errorf("want true or false")
		}
		return nil
	}
	if _, err := strconv.Atoi(r.Default); err == nil {
		n, err := strconv.Atoi(value)
		return inRange(r, "a whole number", float64(n), err)
	}
	if _, err := strconv.ParseFloat(r.Default, 64); err == nil {
		f, err := strconv.ParseFloat(value, 64)
		return inRange(r, "a number", f, err)
	}
	if _, err := time.ParseDuration(r.Default); err == nil {
		least := max(r.Least, 0)
		if d, err := time.ParseDuration(value); err != nil || d.Seconds() < least {
			return fmt.Errorf("want a duration such as %s, %ss or more", r.Default, plain(least))
		}
	}
	return nil
}

func inRange(r Rule, what string, value float64, err error) error {
	least, most := max(r.Least, 0), r.Most
	if most == 0 {
		most = math.MaxFloat64
	}
	if err == nil && value >= least && value <= most { // which is never true of NaN
		return nil
	}
	want := fmt.Sprintf("want %s, %s", what, plain(least))
	if r.Most > 0 {
		return fmt.Errorf("%s to %s", want, plain(most))
	}
	return fmt.Errorf("%s or more", want)
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// String returns the value of a switch; an unknown name is a mistake in the simulator and panics.
func (s *Switches) String(name string) string {
	v, ok := s.values[name]
	if !ok {
		panic("simkit: no rule has the switch " + name)
	}
	return v
}

// Bool returns the value of a switch that is true or false.
func (s *Switches) Bool(name string) bool { return s.String(name) == "true" }

// Int returns the value of a switch that counts.
func (s *Switches) Int(name string) int {
	n, err := strconv.Atoi(s.String(name))
	mustBe(name, err)
	return n
}

// Float returns the value of a switch that is a number.
func (s *Switches) Float(name string) float64 {
	f, err := strconv.ParseFloat(s.String(name), 64)
	mustBe(name, err)
	return f
}

// Duration returns the value of a switch that is a span.
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
