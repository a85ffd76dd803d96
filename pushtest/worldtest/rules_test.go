package worldtest_test

import (
	"slices"
	"testing"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// TestNoRuleLeansOnAChoiceOfOurs goes through the tables of both providers and of the phones: what nobody documents is a
// switch, and a seed varies it, or the table says why not.
func TestNoRuleLeansOnAChoiceOfOurs(t *testing.T) {
	t.Parallel()
	const seeds = 100
	chosen := map[string]map[string]bool{}
	for seed := range uint64(seeds) {
		rules, err := worldtest.Rules().With(nil, seed+1)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			if chosen[r.Switch] == nil {
				chosen[r.Switch] = map[string]bool{}
			}
			chosen[r.Switch][r.Value] = true
		}
	}
	names := map[string]bool{}
	for _, r := range worldtest.Rules() {
		if names[r.Name] || r.Name == "" || r.Text == "" || r.Source == "" {
			t.Errorf("rule %q comes twice, or has no text or source", r.Name)
		}
		names[r.Name] = true
		open := r.Certain == "inferred" || r.Certain == "uncertain"
		switch {
		case open && r.Fixed != "" && len(r.Varies) == 0:
		case open && r.Switch == "":
			t.Errorf("rule %s is %s and has no switch", r.Name, r.Certain)
		case open && len(chosen[r.Switch]) < 2:
			t.Errorf("rule %s is %s, and %d seeds all choose %v", r.Name, r.Certain, seeds, chosen[r.Switch])
		}
		if len(r.Varies) > 0 && !slices.Contains(r.Varies, r.Default) {
			t.Errorf("rule %s: a seed never chooses the default %s among %q", r.Name, r.Default, r.Varies)
		}
		for _, value := range r.Varies {
			set := r.Switch + "=" + value
			rules, err := worldtest.Rules().With([]string{set}, 7)
			if i := slices.IndexFunc(rules, func(o simkit.Rule) bool { return o.Name == r.Name }); err != nil || rules[i].Value != value {
				t.Errorf("--set %s with seed 7: %v; want it to win", set, err)
			}
		}
	}
}

func TestAGoodSenderPassesUnderEverySeed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		w := worldtest.New(t, nil, worldtest.Seed(seed+1))
		s := newSender(t, w)
		for _, p := range []*phonetest.Phone{w.IOS(t, phonetest.Suspended), w.Android(t, phonetest.Reclaimed)} {
			for n := range 2 {
				s.push(t, p.Platform(), p.Token(), "hello")
				w.WaitHandled(t, p, n+1)
			}
		}
		w.Close()
	}
}
