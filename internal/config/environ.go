package config

import (
	"slices"
	"strings"
)

// Environ returns settings as variables ("NAME=value" each) for a server that is another process. Load makes the same Config
// of them, but for SecretKeyEmpty.
func Environ(c Config) []string {
	var environ []string
	for _, s := range settings {
		if text := s.value.write(&c); text != "" {
			environ = append(environ, s.variable()+"="+text)
		}
	}
	if key := c.SecretKey.Reveal(); key != "" {
		environ = append(environ, secretKeyEnv+"="+key)
	}
	return environ
}

// WithoutSettings returns an environment without the variables of settings, so that a server that is started with it has its
// defaults.
func WithoutSettings(environ []string) []string {
	known := variables()
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(known, name)
	})
}

// variables returns the names of all variables that Load reads.
func variables() []string {
	names := []string{configEnv, secretKeyEnv}
	for _, s := range settings {
		names = append(names, s.variable())
	}
	return names
}
