package simkit

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSwitchesRefuseWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	rules := Rules{
		{Name: "a", Switch: "on", Default: "true"}, {Name: "b", Switch: "most", Default: "4"}, {Name: "c", Switch: "share", Default: "0.5"},
		{Name: "d", Switch: "life", Default: "1h"}, {Name: "e", Switch: "word", Default: "x", Words: []string{"x", "y"}, Varies: []string{"x", "y"}},
		{Name: "f"}, {Name: "g", Switch: "part", Default: "0.75", Most: 1}, {Name: "i", Switch: "wait", Default: "1m", Least: 2}, {Name: "h", Switch: "some", Default: "3", Least: 1},
	}
	for _, bad := range []string{"on", "on=yes", "most=-1", "most=x", "share=x", "share=NaN", "share=Inf", "part=1.1", "some=0", "life=10", "life=-1h", "wait=1s", "word=z", "nothing=1"} {
		if _, err := NewSwitches(rules, []string{bad}, 0); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("set %q: got error %v, want one that names it", bad, err)
		}
	}
	s, err := NewSwitches(rules, []string{"on=false", "most=7", "share=1", "life=90s"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Bool("on") || s.Int("most") != 7 || s.Float("share") != 1 || s.Duration("life") != 90*time.Second || s.String("word") != "x" {
		t.Errorf("switches read back as %v", s.values)
	}
	seen := map[string]bool{}
	for seed := range uint64(20) {
		s, _ := NewSwitches(rules, nil, seed)
		seen[s.String("word")] = true
	}
	if len(seen) != 2 {
		t.Errorf("20 seeds varied the word over %v only", seen)
	}
}

func TestASeedMeansTheSameWhenTheTableGrows(t *testing.T) {
	t.Parallel()
	word := Rule{Name: "b", Switch: "word", Default: "x", Varies: []string{"x", "y", "z"}}
	grown := Rules{{Name: "a", Switch: "new", Default: "x", Varies: []string{"x", "y", "z"}}, word}
	for seed := range uint64(20) {
		before, _ := NewSwitches(Rules{word}, nil, seed)
		after, _ := NewSwitches(grown, nil, seed)
		if got, want := after.String("word"), before.String("word"); got != want {
			t.Errorf("seed %d: %q with another rule before it, want %q as without", seed, got, want)
		}
		set, _ := NewSwitches(grown, []string{"word=y"}, seed)
		if got := set.String("word"); got != "y" {
			t.Errorf("seed %d and word=y: %q, want what was set", seed, got)
		}
	}
}

func TestWhatIsInForceIsShown(t *testing.T) {
	t.Parallel()
	rules := Rules{{Name: "a", Switch: "most", Default: "4"}, {Name: "b", Switch: "word", Default: "x"}, {Name: "c"}}
	with, err := rules.With([]string{"word=y"}, 0)
	if got := with.Changed(); !slices.Equal(got, []string{"word=y"}) {
		t.Errorf("changed: %q; want what was set alone", got)
	}
	if err != nil || with[0].Value != "4" || with[1].Value != "y" || with[2].Value != "" || rules[1].Value != "" {
		t.Errorf("with word=y: %+v, %v", with, err)
	}
}

func TestAnUnknownSwitchIsToldWhichItMayHaveMeant(t *testing.T) {
	t.Parallel()
	rules := Rules{{Switch: "device.rate", Default: "1"}, {Switch: "streams.first", Default: "1"}, {Switch: "streams.max", Default: "1"}, {}}
	for name, want := range map[string]string{
		"device.rat": "perhaps device.rate;", "streams": "perhaps streams.first or streams.max;", "device_rate": "perhaps device.rate;",
		"qqqqqqqqqq": `no switch "qqqqqqqqqq"; --rules`, "": `no switch ""; --rules`,
	} {
		if got := UnknownSwitch(rules, name+"=1").Error(); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", name, got, want)
		}
	}
}
