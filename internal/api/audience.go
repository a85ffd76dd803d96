package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/push"
)

// audienceStore looks up the devices that a push names.
type audienceStore interface {
	// MissingDevices returns those of the ids that belong to no registered device, in their order.
	MissingDevices(ctx context.Context, app string, ids []string) ([]string, error)
}

// Limits of tags.
const (
	maxTags     = 100 // of a user, and in each part of a tag rule
	maxTagBytes = 64
)

// checkTags checks a list of tags.
func checkTags(f *faults, at string, tags []string) {
	if len(tags) > maxTags {
		f.add(at, push.CodeTooMany, "has %d tags; want at most %d", len(tags), maxTags)
	}
	for i, tag := range tags {
		if err := checkTag(tag); err != nil {
			f.add(indexed(at, i), push.CodeBadValue, "%s", err.Error())
		}
	}
}

func checkTag(tag string) error {
	switch {
	case tag == "" || len(tag) > maxTagBytes:
		return fmt.Errorf("has %d bytes; want 1 to %d", len(tag), maxTagBytes)
	case strings.IndexFunc(tag, unicode.IsControl) >= 0:
		return errors.New("has a control character; want none")
	}
	return nil
}

func indexed(at string, i int) string { return fmt.Sprintf("%s[%d]", at, i) }

// checkAudience checks whom a push is for. It looks up the devices and reports each unknown one.
func (a *API) checkAudience(ctx context.Context, f *faults, app string, to *push.Audience) error {
	const at = "body.to"
	if f.has(at) {
		return nil
	}
	var kinds []string
	for _, kind := range []struct {
		name  string
		given bool
	}{
		{"users", to.Users != nil || f.has(at+".users")}, {"devices", to.Devices != nil || f.has(at+".devices")},
		{"tags", to.Tags != nil || f.has(at+".tags")}, {"all", to.All || f.has(at+".all")},
	} {
		if kind.given {
			kinds = append(kinds, kind.name)
		}
	}
	switch len(kinds) {
	case 0:
		f.add(at, push.CodeOneOf, "names nobody; want exactly one of users, devices, tags, or all: true")
	case 1:
	default:
		f.add(at, push.CodeOneOf, "has %s; want exactly one of users, devices, tags, or all: true", strings.Join(kinds, " and "))
	}
	checkIDs(f, at+".users", to.Users)
	checkIDs(f, at+".devices", to.Devices)
	if to.Tags != nil {
		checkTagRule(f, at+".tags", *to.Tags)
	}
	if len(to.Devices) > 0 && len(to.Devices) <= push.MaxAudience {
		if err := a.checkDevicesKnown(ctx, f, app, at+".devices", to.Devices); err != nil {
			return err
		}
	}
	to.Users, to.Devices = unique(to.Users), unique(to.Devices)
	return nil
}

func checkIDs(f *faults, at string, ids []string) {
	switch {
	case ids == nil:
		return
	case len(ids) == 0:
		f.add(at, push.CodeOutOfRange, "is empty; want 1 to %d ids", push.MaxAudience)
	case len(ids) > push.MaxAudience:
		f.add(at, push.CodeTooMany, "has %d ids; want at most %d, or several pushes", len(ids), push.MaxAudience)
		return
	}
	for i, id := range ids {
		if err := push.CheckID(id); err != nil {
			f.add(indexed(at, i), push.CodeBadID, "%s", err.Error())
		}
	}
}

func checkTagRule(f *faults, at string, rule push.TagRule) {
	if len(rule.Any)+len(rule.All)+len(rule.None) == 0 && !f.has(at+".any") && !f.has(at+".all") && !f.has(at+".none") {
		f.add(at, push.CodeRequired, "gives no tag; want any, all or none with at least one, or all: true instead of tags")
	}
	checkTags(f, at+".any", rule.Any)
	checkTags(f, at+".all", rule.All)
	checkTags(f, at+".none", rule.None)
}

// checkDevicesKnown reports each device that is not registered.
func (a *API) checkDevicesKnown(ctx context.Context, f *faults, app, at string, ids []string) error {
	good := make([]string, 0, len(ids))
	for _, id := range ids {
		if push.CheckID(id) == nil {
			good = append(good, id)
		}
	}
	unknown, err := a.Store.MissingDevices(ctx, app, unique(good))
	if err != nil || len(unknown) == 0 {
		return err
	}
	isUnknown := make(map[string]bool, len(unknown))
	for _, id := range unknown {
		isUnknown[id] = true
	}
	for i, id := range ids {
		if isUnknown[id] {
			f.add(indexed(at, i), push.CodeUnknownDevice, "is %s, which is not registered; want a registered device", rest.Quoted(id))
		}
	}
	return nil
}

// unique returns the ids without repetitions, in order; nil stays nil.
func unique(ids []string) []string {
	if len(ids) < 2 {
		return ids
	}
	seen := make(map[string]bool, len(ids))
	out := ids[:0:0]
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
