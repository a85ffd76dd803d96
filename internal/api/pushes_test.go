package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const pushesPath = "/v1/apps/notes/pushes"

func TestAPushIsAcceptedAndRead(t *testing.T) {
	t.Parallel()
	both(t, testAPushIsAcceptedAndRead)
}

func testAPushIsAcceptedAndRead(t *testing.T, w *world) {
	t.Helper()
	key := "Bearer " + w.notes()
	w.phone("notes", "alice", "a1")
	w.phone("notes", "alice", "a2")
	a := w.request("POST", pushesPath, `{"to": {"users": ["alice", "bob", "alice"]}, "resource_id": "both", "payload": "a\u0000b", "ttl": "24h", "collapse_key": "notes"}`, "Authorization", key)
	var accepted protocol.PushAccepted
	a.into(t, &accepted)
	if a.status != 202 || *accepted.Deliveries != 3 || !slices.Equal(accepted.Warnings, []protocol.Warning{{Code: "user_not_seen", User: "bob"}}) {
		t.Fatalf("POST: %d %s; want 202, 3 deliveries and a warning for bob", a.status, a.body)
	}
	id := accepted.PushID
	var inbox protocol.Inbox
	w.must(200, "GET", "/v1/apps/notes/devices/a1/inbox", "").into(t, &inbox)
	if len(inbox.Deliveries) != 1 || inbox.Deliveries[0].Payload != "a\x00b" {
		t.Errorf("the inbox is %+v; want the payload as it was sent, byte for byte", inbox)
	}
	var users []string
	for cursor := ""; ; {
		var p protocol.Push
		w.must(200, "GET", pushesPath+"/"+id+"?limit=2&cursor="+cursor, "").into(t, &p)
		for _, d := range p.Deliveries {
			users = append(users, d.User+" "+string(d.State)+" "+string(d.Events[0].Event))
		}
		if cursor = p.Cursor; cursor == "" {
			break
		}
	}
	if len(users) != 3 || !slices.Contains(users, "bob waiting waiting") {
		t.Errorf("the deliveries are %q; want three that wait", users)
	}
	var cancelled protocol.Cancelled
	w.must(204, "DELETE", "/v1/apps/notes/devices/a1", "")
	if w.memory != nil {
		w.memory.set(push.ID(id), 0, push.Undeliverable)
	}
	w.must(200, "DELETE", pushesPath+"/"+id, "").into(t, &cancelled)
	if cancelled.Cancelled != 2 || len(cancelled.AlreadyFinal) != 1 || cancelled.AlreadyFinal[0].State != push.Undeliverable {
		t.Errorf("cancelled: %+v; want 2, and one that had become undeliverable", cancelled)
	}
	for _, other := range []string{"nonsense", strings.ToUpper(id), string(push.NewID()), "%00"} {
		w.root("GET", pushesPath+"/"+other, "").is(t, "GET "+other, 404, "not_found")
		w.root("DELETE", pushesPath+"/"+other, "").is(t, "DELETE "+other, 404, "not_found")
		w.root("GET", pushesPath+"/"+other+"/events", "").is(t, "events of "+other, 404, "not_found")
	}
}

func TestWhatIsWrongWithAPushIsToldAtOnceAndByName(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := setup(t, func(c *api.Config) { c.Now = func() time.Time { return now } })
	w.notes()
	w.phone("notes", "alice", "known")
	ids := func(n int) string {
		b, err := json.Marshal(slices.Repeat([]string{"u"}, n))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for body, faults := range map[string][]string{
		`{}`: {"body.to required", "body.resource_id required"},
		`{"to": {"users": ["a"]}, "resource_id": "none"}`:                       {"body.resource_id unknown_resource"},
		`{"to": {"users": ["a"]}, "resource_id": "a b"}`:                        {"body.resource_id bad_id"},
		`{"to": {}, "resource_id": "both"}`:                                     {"body.to one_of"},
		`{"to": {"all": false}, "resource_id": "both"}`:                         {"body.to one_of"},
		`{"to": {"users": ["a"], "all": true}, "resource_id": "both"}`:          {"body.to one_of"},
		`{"to": {"users": ["a"], "devices": ["known"]}, "resource_id": "both"}`: {"body.to one_of"},
		`{"to": {"users": []}, "resource_id": "both"}`:                          {"body.to.users out_of_range"},
		`{"to": {"users": "a"}, "resource_id": "both"}`:                         {"body.to.users wrong_type"},
		`{"to": {"users": ["a", 1, null]}, "resource_id": "both"}`:              {"body.to.users[1] wrong_type", "body.to.users[2] wrong_type"},
		`{"to": {"users": ["a", "", ".", "..", "a\u0001"]}, "resource_id": "both"}`: {"body.to.users[1] bad_id", "body.to.users[2] bad_id",
			"body.to.users[3] bad_id", "body.to.users[4] bad_id"},
		`{"to": {"users": ["` + strings.Repeat("é", 65) + `"]}, "resource_id": "both"}`:                    {"body.to.users[0] bad_id"},
		`{"to": {"users": ` + ids(10_001) + `}, "resource_id": "both"}`:                                    {"body.to.users too_many"},
		`{"to": {"devices": ["known", "x", "known", "y/z"]}, "resource_id": "both"}`:                       {"body.to.devices[1] unknown_device", "body.to.devices[3] unknown_device"},
		`{"to": {"devices": ` + ids(10_001) + `}, "resource_id": "both"}`:                                  {"body.to.devices too_many"},
		`{"to": {"tags": {}}, "resource_id": "both"}`:                                                      {"body.to.tags required"},
		`{"to": {"tags": {"any": []}}, "resource_id": "both"}`:                                             {"body.to.tags required"},
		`{"to": {"tags": {"any": ["", "ok"], "nope": 1}}, "resource_id": "both"}`:                          {"body.to.tags.any[0] bad_value", "body.to.tags.nope unknown_field"},
		`{"to": {"all": true}, "resource_id": "both", "payload": "` + strings.Repeat("x", 64<<10+1) + `"}`: {"body.payload payload_too_large"},
		`{"to": {"all": true}, "resource_id": "both", "payload": {"a": 1}}`:                                {"body.payload wrong_type"},
		`{"to": {"all": true}, "resource_id": "both", "ttl": "-1s"}`:                                       {"body.ttl out_of_range"},
		`{"to": {"all": true}, "resource_id": "both", "ttl": "672h1s"}`:                                    {"body.ttl out_of_range"},
		`{"to": {"all": true}, "resource_id": "both", "ttl": "", "deliver_at": ""}`:                        {"body.ttl bad_value", "body.deliver_at bad_value"},
		`{"to": {"all": true}, "resource_id": "both", "ttl": 60}`:                                          {"body.ttl wrong_type"},
		`{"to": {"all": true}, "resource_id": "both", "ttl": "1 day", "collapse_key": "` + strings.Repeat("k", 65) + `", "deliver": "maybe", "x": 1, "dry_run": 0}`: {
			"body.ttl bad_value", "body.collapse_key out_of_range", "body.deliver bad_value", "body.x unknown_field", "body.dry_run wrong_type"},
		`{"to": {"all": true}, "resource_id": "both", "collapse_key": "a\u0000"}`:            {"body.collapse_key bad_value"},
		`{"to": {"all": true}, "resource_id": "both", "deliver_at": "2026-03-01T11:58:59Z"}`: {"body.deliver_at out_of_range"},
		`{"to": {"all": true}, "resource_id": "both", "deliver_at": "2026-03-29T12:00:01Z"}`: {"body.deliver_at out_of_range"},
		`{"to": {"all": true}, "resource_id": "both", "deliver_at": "tomorrow"}`:             {"body.deliver_at bad_value"},
		`{"To": {"all": true}, "to": {"all": true}, "resource_id": "both"}`:                  {"body.To unknown_field"},
		`{"to": {"all": true}, "resource_id": "both", "alert": "x"}`:                         {"body.alert unknown_field"},
		`[]`: {"body wrong_type"}, `null`: {"body wrong_type"}, `"x"`: {"body wrong_type"},
	} {
		if len(body) > 200 {
			w.root("POST", pushesPath, body).is(t, body[:200], 422, "invalid", faults...)
			continue
		}
		w.root("POST", pushesPath, body).is(t, body, 422, "invalid", faults...)
	}
	if len(w.memory.pushes) != 0 {
		t.Errorf("%d pushes were accepted; want none", len(w.memory.pushes))
	}
	tooMany := w.root("POST", pushesPath, `{"to": {"users": `+ids(10_001)+`}, "resource_id": "both"}`)
	if !strings.Contains(tooMany.body, "10001") || !strings.Contains(tooMany.body, "10000") {
		t.Errorf("10 001 users: %s; want the number and the limit told", tooMany.body)
	}
}

func TestGoodPushesOfAllKinds(t *testing.T) {
	t.Parallel()
	both(t, testGoodPushesOfAllKinds)
}

func testGoodPushesOfAllKinds(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	w.phone("notes", "a b/🙂", "..d/é")
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	justNow := time.Now().Add(-30 * time.Second).UTC().Format(time.RFC3339)
	for body, deliveries := range map[string]bool{
		`{"to": {"devices": ["..d/é"]}, "resource_id": "both", "payload": ""}`:                           true,
		`{"to": {"users": ["a b/🙂"]}, "resource_id": "both", "payload": "\ud83d\ude42", "ttl": "0s"}`:    true,
		`{"to": {"users": ["a"]}, "resource_id": "both", "deliver": "session", "ttl": "672h"}`:           true,
		`{"to": {"users": ["a"]}, "resource_id": "both", "deliver_at": "` + justNow + `"}`:               false,
		`{"to": {"users": ["a"]}, "resource_id": "both", "deliver_at": "` + soon + `"}`:                  false,
		`{"to": {"tags": {"any": ["x"], "none": ["y"]}}, "resource_id": "both"}`:                         false,
		`{"to": {"all": true}, "resource_id": "both", "payload": "` + strings.Repeat("x", 64<<10) + `"}`: false,
	} {
		a := w.root("POST", pushesPath, body, "Content-Type", "application/x-www-form-urlencoded")
		var accepted protocol.PushAccepted
		if a.status != 202 {
			t.Errorf("%.100s: %d %s; want 202", body, a.status, a.body)
			continue
		}
		a.into(t, &accepted)
		if (accepted.Deliveries != nil) != deliveries || !strings.Contains(a.body, `"warnings":[`) {
			t.Errorf("%.100s: %s; want deliveries told: %v, and warnings a list", body, a.body, deliveries)
		}
	}
}

func TestADryRunMakesNothing(t *testing.T) {
	t.Parallel()
	both(t, testADryRunMakesNothing)
}

func testADryRunMakesNothing(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	a := w.root("POST", pushesPath, `{"to": {"users": ["alice"]}, "resource_id": "both", "dry_run": true}`, "Idempotency-Key", "k")
	var run protocol.DryRun
	if a.into(t, &run); a.status != 200 || len(run.Deliveries) != 1 || run.Deliveries[0].Do != "wait" || run.Deliveries[0].Reason != push.ReasonNoDevice {
		t.Errorf("a dry run: %d %s; want what would be done with one device", a.status, a.body)
	}
	if w.memory != nil && len(w.memory.pushes)+len(w.memory.idempotent) != 0 {
		t.Error("a dry run left something behind; want nothing")
	}
}

func TestAnIdempotencyKeyBringsTheFirstAnswerBack(t *testing.T) {
	t.Parallel()
	both(t, testAnIdempotencyKeyBringsTheFirstAnswerBack)
}

func testAnIdempotencyKeyBringsTheFirstAnswerBack(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	body := `{"to": {"users": ["alice"]}, "resource_id": "both", "payload": "1"}`
	first := w.root("POST", pushesPath, body, "Idempotency-Key", "k 1")
	again := w.root("POST", pushesPath, body, "Idempotency-Key", "k 1")
	if first.status != 202 || again.status != 202 || first.body != again.body {
		t.Errorf("first %d %s, again %d %s; want the same", first.status, first.body, again.status, again.body)
	}
	w.root("POST", pushesPath, strings.Replace(body, "1", "2", 1), "Idempotency-Key", "k 1").is(t, "another body", 409, "conflict")
	w.must(204, "DELETE", "/v1/apps/notes/resources/both", "")
	if late := w.root("POST", pushesPath, body, "Idempotency-Key", "k 1"); late.body != first.body {
		t.Errorf("after its resource was deleted: %d %s; want the first answer", late.status, late.body)
	}
	w.root("POST", pushesPath, body, "Idempotency-Key", "new").is(t, "another key then", 422, "invalid", "body.resource_id unknown_resource")
	for _, key := range []string{strings.Repeat("k", 256), "tab\there", "é"} {
		w.root("POST", pushesPath, body, "Idempotency-Key", key).is(t, "key "+key, 422, "invalid", "header.Idempotency-Key bad_value")
	}
	w.root("POST", pushesPath, `{"to": 1, "resource_id": "both"}`, "Idempotency-Key", "a", "Idempotency-Key", "b").
		is(t, "two keys and a wrong body", 422, "invalid", "header.Idempotency-Key too_many", "body.to wrong_type")
	if w.memory != nil && len(w.memory.pushes) != 1 {
		t.Errorf("%d pushes; want 1", len(w.memory.pushes))
	}
}

func TestABatchTakesTheGoodAndTellsTheWrong(t *testing.T) {
	t.Parallel()
	both(t, testABatchTakesTheGoodAndTellsTheWrong)
}

func testABatchTakesTheGoodAndTellsTheWrong(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	batch := `{"pushes": [
		{"to": {"users": ["alice"]}, "resource_id": "both", "payload": "1"},
		{"to": {"users": ["alice"]}, "resource_id": "both", "ttl": "soon", "x": 1},
		5,
		{"to": {"devices": ["nobody's"]}, "resource_id": "both"},
		{"to": {"all": true}, "resource_id": "both", "dry_run": true},
		{"to": {"tags": {"all": ["x"]}}, "resource_id": "both", "payload": "2"}]}`
	a := w.root("POST", pushesPath+"/batch", batch, "Idempotency-Key", "b")
	var r protocol.BatchResponse
	a.into(t, &r)
	var got []string
	for _, result := range r.Results {
		line := fmt.Sprint(result.Status)
		if result.Problem != nil {
			for _, f := range result.Problem.Errors {
				line += " " + f.Location + " " + string(f.Code)
			}
		}
		got = append(got, line)
	}
	want := []string{"202", "422 body.x unknown_field body.ttl bad_value", "422 body wrong_type",
		"422 body.to.devices[0] unknown_device", "422 body.dry_run bad_value", "202"}
	if a.status != 200 || !slices.Equal(got, want) {
		t.Errorf("the batch: %d %q; want %q", a.status, got, want)
	}
	if r.Results[0].PushID == "" || *r.Results[0].Deliveries != 1 || r.Results[5].Deliveries != nil || !strings.Contains(a.body, `"warnings":[]`) {
		t.Errorf("the good ones: %s; want push ids, deliveries where known, and warnings always", a.body)
	}
	if again := w.root("POST", pushesPath+"/batch", batch, "Idempotency-Key", "b"); again.body != a.body {
		t.Errorf("again: %s; want %s", again.body, a.body)
	}
	w.root("POST", pushesPath+"/batch", strings.Replace(batch, "1", "3", 1), "Idempotency-Key", "b").is(t, "another batch", 409, "conflict")
	if w.memory != nil {
		testABatchAfterACrash(t, w, batch, a.body)
	}
	item := `{"to": {"all": true}, "resource_id": "both"},`
	w.root("POST", pushesPath+"/batch", `{"pushes": [`+strings.TrimSuffix(strings.Repeat(item, 1001), ",")+`]}`).
		is(t, "1 001 pushes", 422, "invalid", "body.pushes too_many")
	w.root("POST", pushesPath+"/batch", `{"pushes": []}`).is(t, "no push", 422, "invalid", "body.pushes out_of_range")
	w.root("POST", pushesPath+"/batch", `{"pushes": [{"a": 1, "a": 2}]}`).is(t, "a doubled name in an item", 400, "bad_json")
}

func testABatchAfterACrash(t *testing.T, w *world, batch, first string) {
	t.Helper()
	delete(w.memory.idempotent, "notes/b") // as if the server had been killed before it stored the answer
	if again := w.root("POST", pushesPath+"/batch", batch, "Idempotency-Key", "b"); again.body != first || len(w.memory.pushes) != 2 {
		t.Errorf("after a crash half-way: %s and %d pushes; want %s and 2", again.body, len(w.memory.pushes), first)
	}
}
