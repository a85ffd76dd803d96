package main

import (
	"strings"
	"testing"
)

func TestWhyTakesOneDeviceOrOneUser(t *testing.T) {
	t.Parallel()
	env := map[string]string{"HUSH_KEY": "k", "HUSH_APP": "notes"}
	for args, want := range map[string]string{
		"device why":            "takes a DEVICE, or --user USER; want one of them",
		"device why --user u d": "takes a DEVICE, or --user USER; want one of them",
		"device why d e":        `does not know what to do with "e"; it takes DEVICE`,
	} {
		if got := hush(t, env, "", strings.Fields(args)...); got.code != exitUsage || !strings.Contains(got.errout, want) {
			t.Errorf("hush %s: exit %d, said %q; want %d and %q", args, got.code, got.errout, exitUsage, want)
		}
	}
}
