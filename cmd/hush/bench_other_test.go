//go:build !linux

package main

import "testing"

// processesIn finds none: this system does not tell.
func processesIn(*testing.T, string) []string { return nil }
