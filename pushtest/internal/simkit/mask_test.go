package simkit

import (
	"testing"
)

func TestMaskHidesTokensInAQuery(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/v1/x:send": "/v1/x:send",
		"/v1/x:send?access_token=ya29.a&alt=json":       "/v1/x:send?access_token=***&alt=json",
		"/v1/x:send?alt=json&Access_Token=ya29.a#there": "/v1/x:send?alt=json&Access_Token=***#there",
		"/v1/x:send?monkey=3":                           "/v1/x:send?monkey=3",
	} {
		if got := MaskPath(in); got != want {
			t.Errorf("MaskPath(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMaskKeepsTheSchemeOnly(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Bearer abc": "Bearer ***", "bearer  a b": "bearer ***", "abc": "***", "": "***"} {
		if got := MaskHeader("Authorization", in); got != want {
			t.Errorf("MaskHeader(%q) = %q, want %q", in, got, want)
		}
	}
	if got := MaskHeader("apns-topic", "x"); got != "x" {
		t.Errorf("another header became %q", got)
	}
}
