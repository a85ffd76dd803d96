package api_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// codes returns the codes of warnings.
func codes(warnings []protocol.Warning) []push.WarningCode {
	list := make([]push.WarningCode, len(warnings))
	for i, w := range warnings {
		list[i] = w.Code
	}
	return list
}

func TestAPushThatNobodyGetsSaysWhy(t *testing.T) {
	t.Parallel()
	w := setupServer(t, config.Config{})
	w.notes()
	send := func(body string) (path string) {
		t.Helper()
		var accepted protocol.PushAccepted
		w.must(202, "POST", pushesPath, body).into(t, &accepted)
		return pushesPath + "/" + accepted.PushID
	}
	read := func(path string) (p protocol.Push) {
		t.Helper()
		w.must(200, "GET", path, "").into(t, &p)
		return p
	}
	cancel := func(path string) (c protocol.Cancelled) {
		t.Helper()
		w.must(200, "DELETE", path, "").into(t, &c)
		return c
	}
	want := func(what string, got []protocol.Warning, want ...push.WarningCode) {
		t.Helper()
		if got == nil || !slices.Equal(codes(got), want) {
			t.Errorf("%s: warnings %v; want %v", what, got, want)
		}
	}
	deferred := map[string]push.WarningCode{`{"tags": {"any": ["beta"]}}`: push.NobodyHasTheTags, `{"all": true}`: push.NoDevices}

	for to, why := range deferred {
		path := send(fmt.Sprintf(`{"to": %s, "resource_id": "both"}`, to))
		eventually(t, "the push is final", func() bool { return read(path).Final })
		p := read(path)
		want(to, p.Warnings, why)
		if len(p.Deliveries) != 0 || !p.Expanded {
			t.Errorf("%s: %+v; want it expanded, without deliveries", to, p)
		}
		want(to+", cancelled too late", cancel(path).Warnings, why)
		var dry protocol.DryRun
		w.must(200, "POST", pushesPath, fmt.Sprintf(`{"to": %s, "resource_id": "both", "dry_run": true}`, to)).into(t, &dry)
		want(to+", a dry run", dry.Warnings, why)
	}

	w.phone("notes", "alice", "a1")
	w.must(200, "PUT", "/v1/apps/notes/users/alice/tags", `{"tags": ["beta"]}`)
	for _, to := range []string{`{"users": ["alice"]}`, `{"devices": ["a1"]}`, `{"tags": {"any": ["beta"]}}`, `{"all": true}`} {
		at := send(fmt.Sprintf(`{"to": %s, "resource_id": "both", "deliver_at": %q}`, to, later()))
		want(to+", for later", read(at).Warnings)
		want(to+", cancelled", cancel(at).Warnings, push.CancelledBeforeItBegan)
		want(to+", cancelled again", cancel(at).Warnings, push.CancelledBeforeItBegan)
		if p := read(at); !p.Final {
			t.Errorf("%s: %+v; want it final", to, p)
		} else {
			want(to+", read when it was cancelled", p.Warnings, push.CancelledBeforeItBegan)
		}
		now := send(fmt.Sprintf(`{"to": %s, "resource_id": "both"}`, to))
		eventually(t, "its delivery is made", func() bool { return len(read(now).Deliveries) == 1 })
		want(to+", cancelled in time", cancel(now).Warnings)
		want(to+", read after that", read(now).Warnings)
	}
}
