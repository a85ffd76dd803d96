package config

import (
	"slices"
	"strings"

	"github.com/hushpush/hush/internal/nearest"
)

// Mistyped is a HUSH_* variable that nothing reads, and the one that was probably meant.
type Mistyped struct{ Name, Meant string }

// MistypedVariables returns the HUSH_* variables of an environment ("NAME=value" each) that resemble a setting's variable, or
// one of others, without being one. A variable that resembles none is ignored: Kubernetes gives every container HUSH_PORT and
// more where a service is called hush. For the same reason a mistyped variable is not an error.
func MistypedVariables(environ []string, others ...string) []Mistyped {
	known := append(variables(), others...)
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

// nearestVariable compares what follows HUSH_, which all variables have in common.
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
