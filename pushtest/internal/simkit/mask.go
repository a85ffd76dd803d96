package simkit

import (
	"regexp"
	"strings"
)

// Masked stands in the ledger where a secret was.
const Masked = "***"

// MaskHeader hides the secret of an authorization header and keeps its scheme ("bearer ***"), so that a reader still sees
// how the client spelled it. Other headers come back as they are.
func MaskHeader(name, value string) string {
	if !strings.EqualFold(name, "authorization") && !strings.EqualFold(name, "proxy-authorization") && !strings.EqualFold(name, "cookie") {
		return value
	}
	scheme, _, ok := strings.Cut(value, " ")
	if !ok || len(scheme) > 16 {
		return Masked
	}
	return scheme + " " + Masked
}

var secretParameter = regexp.MustCompile(`(?i)([?&](?:access_token|oauth_token|bearer_token|assertion|key)=)[^&#]+`)

// MaskPath hides what clients put into the query of a path that belongs into a header.
func MaskPath(path string) string {
	if !strings.ContainsAny(path, "?&") { // as nearly all: the ledger masks every request
		return path
	}
	return secretParameter.ReplaceAllString(path, "${1}"+Masked)
}
