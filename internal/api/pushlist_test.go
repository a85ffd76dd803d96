package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// pushed sends a push and returns its id.
func (w *world) pushed(body string) string {
	w.t.Helper()
	var accepted protocol.PushAccepted
	w.must(202, "POST", pushesPath, body).into(w.t, &accepted)
	return accepted.PushID
}

// listed returns all pages of a list of pushes, each of at most limit.
func (w *world) listed(query string, limit int) []protocol.ListedPush {
	w.t.Helper()
	var all []protocol.ListedPush
	for cursor := ""; ; {
		var page protocol.Pushes
		w.must(200, "GET", fmt.Sprintf("%s?limit=%d&cursor=%s&%s", pushesPath, limit, cursor, query), "").into(w.t, &page)
		if len(page.Pushes) > limit {
			w.t.Errorf("a page has %d pushes; want at most %d", len(page.Pushes), limit)
		}
		all = append(all, page.Pushes...)
		if cursor = page.Cursor; cursor == "" {
			return all
		}
	}
}

func idsListed(list []protocol.ListedPush) []string {
	ids := []string{}
	for _, p := range list {
		ids = append(ids, p.PushID)
	}
	return ids
}

func TestPushesAreListedByWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		w.notes()
		w.must(201, "PUT", "/v1/apps/notes/resources/other", `{"fcm": {}}`)
		w.must(201, "PUT", "/v1/apps/elsewhere", "{}")
		w.must(201, "PUT", "/v1/apps/elsewhere/resources/both", `{"fcm": {}}`)
		w.must(202, "POST", "/v1/apps/elsewhere/pushes", `{"to": {"users": ["alice"]}, "resource_id": "both"}`)
		w.phone("notes", "alice", "a/1")
		w.phone("notes", "alice", "a2")
		w.phone("notes", `b"o\b%_`, "b1")
		before := time.Now()
		toAlice := w.pushed(`{"to": {"users": ["alice"]}, "resource_id": "both"}`)
		toBoth := w.pushed(`{"to": {"users": ["alice", "b\"o\\b%_"]}, "resource_id": "other"}`)
		toNobody := w.pushed(`{"to": {"users": ["carol"]}, "resource_id": "both"}`)
		cancelled := w.pushed(`{"to": {"users": ["carol"]}, "resource_id": "both"}`)
		w.must(200, "DELETE", pushesPath+"/"+cancelled, "")
		later := `"deliver_at": "` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"`
		scheduled := w.pushed(`{"to": {"users": ["alice", "dave"]}, "resource_id": "both", ` + later + `}`)
		never := w.pushed(`{"to": {"users": ["alice"]}, "resource_id": "both", ` + later + `}`)
		w.must(200, "DELETE", pushesPath+"/"+never, "")
		toTag := w.pushed(`{"to": {"tags": {"any": ["alice"]}}, "resource_id": "both", ` + later + `}`)
		all := []string{toTag, never, scheduled, cancelled, toNobody, toBoth, toAlice} // newest first

		for _, c := range []struct {
			query string
			want  []string
		}{
			{"", all},
			{"resource=other", []string{toBoth}},
			{"resource=nowhere", nil},
			{"user=alice", []string{never, scheduled, toBoth, toAlice}},
			{"user=" + url.QueryEscape(`b"o\b%_`), []string{toBoth}},
			{"user=b%25", nil},
			{"user=nobody", nil},
			{"user=alice&resource=both", []string{never, scheduled, toAlice}},
			{"user=carol&state=waiting", []string{toNobody}},
			{"user=carol&state=cancelled", []string{cancelled}},
			{"user=alice&state=handled", nil},
			{"state=waiting", []string{toNobody, toBoth, toAlice}},
			{"state=cancelled", []string{never, cancelled}},
			{"state=scheduled", []string{toTag, scheduled}},
			{"state=scheduled&user=dave", []string{scheduled}},
			{"after=" + url.QueryEscape(before.Add(-time.Hour).Format(time.RFC3339Nano)), all},
			{"after=" + url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339Nano)), nil},
			{"before=" + url.QueryEscape(before.Format(time.RFC3339Nano)), nil},
			{"before=9999-12-31T23:59:59Z&after=0001-01-01T00:00:00Z", all},
		} {
			for _, limit := range []int{1, 2, 7, 1000} {
				if got := idsListed(w.listed(c.query, limit)); !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 {
					t.Errorf("%q in pages of %d: %q; want %q", c.query, limit, got, c.want)
				}
			}
		}
		middle := w.listed("", 10)[4]
		exact := url.QueryEscape(middle.AcceptedAt.Format(time.RFC3339Nano))
		if got := idsListed(w.listed("after="+exact, 10)); !slices.Equal(got, all[:5]) {
			t.Errorf("accepted at %s or later: %q; want %q", exact, got, all[:5])
		}
		if got := idsListed(w.listed("before="+exact, 10)); !slices.Equal(got, all[5:]) {
			t.Errorf("accepted before %s: %q; want %q", exact, got, all[5:])
		}
	})
}

func TestAListedPushSaysWhatItsOwnPageSays(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		w.notes()
		w.phone("notes", "alice", "a1")
		ids := []string{
			w.pushed(`{"to": {"users": ["alice", "bob"]}, "resource_id": "both"}`),
			w.pushed(`{"to": {"users": ["bob"]}, "resource_id": "both", "ttl": "0s"}`),
			w.pushed(`{"to": {"users": ["bob", "bob", "carol"]}, "resource_id": "both", "deliver_at": "` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`),
		}
		toNobody := w.pushed(`{"to": {"tags": {"any": ["beta"]}}, "resource_id": "both"}`)
		never := w.pushed(`{"to": {"tags": {"any": ["beta"]}}, "resource_id": "both", "deliver_at": "` + later() + `"}`)
		neverAlice := w.pushed(`{"to": {"users": ["alice"]}, "resource_id": "both", "deliver_at": "` + later() + `"}`)
		w.must(200, "DELETE", pushesPath+"/"+never, "")
		w.must(200, "DELETE", pushesPath+"/"+neverAlice, "")
		eventually(t, "the push to nobody is final", func() bool { return w.listed("", 10)[2].Final })
		ids = append(ids, toNobody, never, neverAlice)
		listed := w.listed("", 10)
		slices.Reverse(listed)
		for i, id := range ids {
			var p protocol.Push
			w.must(200, "GET", pushesPath+"/"+id, "").into(t, &p)
			want := protocol.ListedPush{PushID: id, ResourceID: p.ResourceID, AcceptedAt: p.AcceptedAt, DeliverAt: p.DeliverAt, ExpiresAt: p.ExpiresAt,
				Final: p.Final, Expanded: p.Expanded, Counts: p.Counts, Warnings: p.Warnings}
			if got := fmt.Sprintf("%+v", listed[i]); got != fmt.Sprintf("%+v", want) && (p.DeliverAt == nil || listed[i].Counts[push.Scheduled] != 2) {
				t.Errorf("listed %s\nits page %+v", got, want)
			}
		}
	})
}

func TestNewPushesDoNotMoveACursor(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		w.notes()
		var ids []string
		for range 4 {
			ids = append(ids, w.pushed(`{"to": {"users": ["alice"]}, "resource_id": "both"}`))
		}
		var first, second protocol.Pushes
		w.must(200, "GET", pushesPath+"?limit=2", "").into(t, &first)
		w.pushed(`{"to": {"users": ["alice"]}, "resource_id": "both"}`)
		w.must(200, "GET", pushesPath+"?limit=2&cursor="+first.Cursor, "").into(t, &second)
		if got := idsListed(second.Pushes); !slices.Equal(got, []string{ids[1], ids[0]}) || second.Cursor != "" {
			t.Errorf("the second page is %q, cursor %q; want the two oldest, and no more", got, second.Cursor)
		}
	})
}

func TestWhatIsWrongWithAListIsToldByName(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.notes()
		w.root("GET", pushesPath+"?state=lost&resource=%2F&user=.&after=yesterday&before=2026-13-01T00:00:00Z&limit=1001&cursor=!", "").is(t, "a wrong list", 422, "invalid",
			"query.state bad_value", "query.resource bad_id", "query.user bad_id", "query.after bad_value", "query.before bad_value",
			"query.limit out_of_range", "query.cursor bad_value")
		w.root("GET", "/v1/apps/nowhere/pushes", "").is(t, "no such app", 404, "not_found")
		if a := w.root("GET", pushesPath+"?state=lost", ""); !strings.Contains(a.body, "undeliverable") {
			t.Errorf("%s; want it to name the states", a.body)
		}
	})
}
