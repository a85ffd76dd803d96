package config

import (
	"slices"
	"strings"

	"github.com/hushpush/hush/internal/nearest"
)

// Mistyped is a HUSH_* variable that nobody reads, and the one that was probably meant.
type Mistyped struct{ Name, Meant string }

// MistypedVariables returns those of an environment ("NAME=value" each) that are near to a setting's variable, or to one of
// others, but none of them. A HUSH_* variable that is near to none is not for us to judge: Kubernetes gives every container
// HUSH_PORT and more where a service is called hush, and that is also why a mistyped one is no error.
func MistypedVariables(environ []string, others ...string) []Mistyped {
	known := append([]string{"HUSH_CONFIG", secretKeyEnv}, others...)
	for _, s := range settings {
		known = append(known, envName(s.name))
	}
	var all []Mistyped
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "HUSH_") || value == "" || slices.Contains(known, name) {
			continue
		}
		if meant := nearestVariable(name, known); meant != "" {
			all = append(all, Mistyped{name, meant})
		}
	}
	slices.SortFunc(all, func(a, b Mistyped) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// nearestVariable compares what follows HUSH_, which all have in common.
func nearestVariable(name string, known []string) string {
	rests := make([]string, len(known))
	for i, k := range known {
		rests[i] = strings.TrimPrefix(k, "HUSH_")
	}
	if near := nearest.Of(strings.TrimPrefix(name, "HUSH_"), rests); near != "" {
		return "HUSH_" + near
	}
	return ""
}
