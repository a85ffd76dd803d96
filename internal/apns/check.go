package apns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/pemkey"
	"github.com/hushpush/hush/push"
)

// idLen is how many characters Apple's key and team ids have.
const idLen = 10

// Check checks a credential before it is stored, without asking Apple, and returns what may be read back of it. Its errors are
// push.FieldErrors, with locations relative to the body. UpdatedAt is the time of the check.
func (c *Client) Check(_ context.Context, cred push.Credential) (push.CredentialInfo, error) {
	info := push.CredentialInfo{Provider: push.APNs, UpdatedAt: c.cfg.Now()}
	var errs push.FieldErrors
	switch a := cred.APNs; {
	case a == nil || a.Key == "" && len(a.P12) == 0:
		errs.Add("key", push.CodeRequired, "is missing; want the PEM of a .p8 signing key, or p12 with a certificate")
	case a.Key != "" && len(a.P12) > 0:
		errs.Add("p12", push.CodeOneOf, "is given beside key; want one of them")
	case a.Key != "":
		info.Kind, info.KeyID, info.TeamID, info.Topics = push.KindToken, a.KeyID, a.TeamID, a.Topics
		checkKey(*a, &errs)
	default:
		checkP12(*a, c.cfg.Now(), &info, &errs)
	}
	if err := errs.Err(); err != nil {
		return push.CredentialInfo{}, err
	}
	return info, nil
}

func checkKey(a push.APNsCredential, errs *push.FieldErrors) {
	if _, err := pemkey.P256(a.Key.Reveal()); err != nil {
		errs.Add("key", push.CodeBadCredential, err.Error())
	}
	if a.Password != "" {
		errs.Add("password", push.CodeOneOf, "is given beside key, which has none; want it with p12 only")
	}
	checkAppleID("key_id", a.KeyID, errs)
	checkAppleID("team_id", a.TeamID, errs)
	checkTopics(a.Topics, errs)
}

// Limits of the topics of one credential, which are read at each look at a device.
const (
	maxTopics     = 100
	maxTopicBytes = 255
)

// checkTopics checks that topics are bundle ids as they stand. They bind: the devices of any other app are not woken.
func checkTopics(topics []string, errs *push.FieldErrors) {
	if len(topics) > maxTopics {
		errs.Add("topics", push.CodeTooMany, fmt.Sprintf("has %d entries; want at most %d", len(topics), maxTopics))
		return
	}
	for i, topic := range topics {
		at := fmt.Sprintf("topics[%d]", i)
		switch {
		case strings.Contains(topic, "*"):
			errs.Add(at, push.CodeBadValue, "has a wildcard, which APNs does not know; want each bundle id as it is, or no topics for any")
		case topic == "" || strings.ContainsFunc(topic, func(r rune) bool { return r <= ' ' || r > '~' }):
			errs.Add(at, push.CodeBadValue, "is not a bundle id; want one like com.example.notes, without spaces, as the app has it in Xcode")
		case len(topic) > maxTopicBytes:
			errs.Add(at, push.CodeOutOfRange, fmt.Sprintf("has %d bytes; want at most %d", len(topic), maxTopicBytes))
		case slices.Contains(topics[:i], topic):
			errs.Add(at, push.CodeBadValue, "is there twice; want each bundle id once")
		}
	}
}

func checkAppleID(at, id string, errs *push.FieldErrors) {
	switch {
	case id == "":
		errs.Add(at, push.CodeRequired, fmt.Sprintf("is missing; want the %d characters that Apple shows", idLen))
	case !appleID(id):
		errs.Add(at, push.CodeBadCredential,
			fmt.Sprintf("has %d characters; want %d letters and digits, as Apple shows them", len(id), idLen))
	}
}

func appleID(id string) bool {
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return len(id) == idLen
}

func checkP12(a push.APNsCredential, now time.Time, info *push.CredentialInfo, errs *push.FieldErrors) {
	for _, f := range []struct {
		name  string
		given bool
	}{{"key_id", a.KeyID != ""}, {"team_id", a.TeamID != ""}, {"topics", len(a.Topics) > 0}} {
		if f.given {
			errs.Add(f.name, push.CodeOneOf, "is given beside p12, which names its own; want it with key only")
		}
	}
	cert, err := parseP12(a.P12, a.Password)
	if err != nil {
		errs.Add(locationOf(err), push.CodeBadCredential, err.Error())
		return
	}
	leaf := cert.Leaf
	info.Kind, info.ValidUntil = push.KindCertificate, &leaf.NotAfter
	info.TeamID = teamOf(leaf)
	switch {
	case now.After(leaf.NotAfter):
		errs.Add("p12", push.CodeBadCredential, "has expired on "+leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		errs.Add("p12", push.CodeBadCredential, "is not valid before "+leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	info.Topics = topicsOf(leaf)
	if len(info.Topics) == 0 {
		errs.Add("p12", push.CodeBadCredential, "names no topic: neither Apple's list of topics nor a bundle id in the subject; want an APNs certificate")
	}
}
