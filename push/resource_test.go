package push

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAResourceHasAStrategy(t *testing.T) {
	t.Parallel()
	if err := (Resource{ID: "r"}).Check(); err == nil || !strings.Contains(err.Error(), "apns, fcm, or both") {
		t.Errorf("a resource with neither: %v; want an error that says what would be right", err)
	}
	for _, r := range []Resource{{APNs: &Strategy{}}, {FCM: &Strategy{}}, {APNs: &Strategy{}, FCM: &Strategy{Priority: High}}} {
		if err := r.Check(); err != nil {
			t.Errorf("%+v: %v; want none", r, err)
		}
	}
}

func TestWhatIsWrongWithAStrategyIsToldAllAtOnce(t *testing.T) {
	t.Parallel()
	long := MaxTTL + 1
	r := Resource{APNs: &Strategy{TTL: &long, Priority: High, Budget: Budget{Wakes: 0, Per: time.Millisecond, Burst: 9}, Rewake: Rewake{Times: -1}}}
	var errs FieldErrors
	if !errors.As(r.Check(), &errs) {
		t.Fatal("no errors")
	}
	got := make(map[string]Code)
	for _, e := range errs {
		got[e.Location] = e.Code
	}
	for at, code := range map[string]Code{
		"apns.ttl": CodeOutOfRange, "apns.priority": CodeNotSilent, "apns.budget.wakes": CodeOutOfRange, "apns.budget.per": CodeOutOfRange,
		"apns.budget.burst": CodeOutOfRange, "apns.rewake.times": CodeOutOfRange, "apns.rewake.after": CodeOutOfRange,
	} {
		if got[at] != code {
			t.Errorf("%s: %q, want %q; all: %v", at, got[at], code, errs)
		}
	}
}

func TestDefaultsAreTheFactSheets(t *testing.T) {
	t.Parallel()
	r := Resource{APNs: &Strategy{}, FCM: &Strategy{}}
	apns, fcm := r.Strategy(APNs), r.Strategy(FCM)
	if want := (Budget{3, time.Hour, 2}); apns.Budget != want {
		t.Errorf("APNs budget %+v, want %+v", apns.Budget, want)
	}
	if want := (Budget{20, time.Hour, 5}); fcm.Budget != want {
		t.Errorf("FCM budget %+v, want %+v", fcm.Budget, want)
	}
	if fcm.Priority != Normal || *fcm.TTL != DefaultTTL {
		t.Errorf("FCM priority %s, TTL %s; want normal, %s", fcm.Priority, *fcm.TTL, DefaultTTL)
	}
	if r := (Resource{APNs: &Strategy{}}); r.Strategy(FCM) != nil {
		t.Error("a resource without FCM strategy has one")
	}
}

func TestWhatIsNotSilentIsKnownInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, f := range []string{"alert", "sound", "badge", "title", "body", "content_available", "content-available", "contentAvailable", "ThreadID"} {
		if NotSilent(f) == "" {
			t.Errorf("%q passes as silent", f)
		}
	}
	for _, f := range []string{"ttl", "budget", "priority", "frequency", ""} {
		if why := NotSilent(f); why != "" {
			t.Errorf("%q: %s; want nothing", f, why)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for id, good := range map[string]bool{
		"alice": true, "a.b": true, "a b": true, "a/b": true, "😀": true, strings.Repeat("x", 128): true,
		"": false, ".": false, "..": false, strings.Repeat("x", 129): false, "a\nb": false, "a\x00": false, "\xff": false,
	} {
		if err := CheckID(id); (err == nil) != good {
			t.Errorf("CheckID(%q) = %v, want good %v", id, err, good)
		}
	}
	for id, good := range map[string]bool{"Sync_notes-1": true, "a.b": false, "": false, strings.Repeat("r", 33): false, strings.Repeat("r", 32): true, "é": false} {
		if err := CheckResourceID(id); (err == nil) != good {
			t.Errorf("CheckResourceID(%q) = %v, want good %v", id, err, good)
		}
	}
	for name, good := range map[string]bool{"notes-2": true, "Notes": false, "": false, strings.Repeat("a", 65): false} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("CheckName(%q) = %v, want good %v", name, err, good)
		}
	}
}

func TestSecretsHideThemselves(t *testing.T) {
	t.Parallel()
	s := Secret("hunter2")
	for _, out := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), s.LogValue().String(), fmt.Sprintf("%+v", Device{ProviderToken: s})} {
		if strings.Contains(out, "hunter2") {
			t.Errorf("a secret shows in %q", out)
		}
	}
}

func TestTagRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule TagRule
		tags []string
		want bool
	}{
		{TagRule{Any: []string{"a", "b"}}, []string{"b"}, true},
		{TagRule{Any: []string{"a", "b"}}, []string{"c"}, false},
		{TagRule{All: []string{"a", "b"}}, []string{"a"}, false},
		{TagRule{All: []string{"a", "b"}}, []string{"b", "a", "c"}, true},
		{TagRule{None: []string{"a"}}, nil, true},
		{TagRule{None: []string{"a"}, Any: []string{"b"}}, []string{"a", "b"}, false},
	} {
		if got := c.rule.Matches(c.tags); got != c.want {
			t.Errorf("%+v matches %v: %v, want %v", c.rule, c.tags, got, c.want)
		}
	}
}
