package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const troubledStatus = `{"standing": "trouble", "version": "1.2.3", "engine": "sqlite", "engine_version": "3.50.4", "node": "01a22539-deca-7a10-91f9-301ed5ec69f2",
	"started_at": "2026-01-02T15:04:05Z", "uptime": "3h12m0s", "database": {"reachable": true}, "sessions": 12,
	"backlog": {"due": 500, "in_memory": 3, "oldest_at": "2026-01-02T18:00:00Z", "in_work": 2, "limit": 100, "full": true, "oldest": "1m40s", "late": true},
	"commits": {"last_at": "2026-01-02T18:16:05Z", "last": "1.2ms", "count": 1201, "p50": "900µs", "p99": "12.4ms", "slowest": "310ms", "slow": true},
	"last_hour": {"since": "2026-01-02T17:16:05Z", "pushes": 1, "deliveries": {"handled": 10, "expired": 2},
		"wakes": {"apns": {"sent": 10, "taken": 9, "refused": {"token": 1}}, "fcm": {"sent": 0, "taken": 0, "refused": {}}}, "tokens_dropped": {"apns": 1}},
	"apps_in_trouble": 1, "apps": [{"app": "notes", "providers": {
		"apns": {"standing": "credential_refused", "since": "2026-01-02T18:00:00Z",
			"troubles": [{"standing": "credential_refused", "environment": "production", "since": "2026-01-02T18:00:00Z", "failed": 12, "devices": 3, "pushes": 1}],
			"last_error": {"at": "2026-01-02T18:15:00Z", "fault": "credentials", "status": 403, "reason": "InvalidProviderToken", "detail": "a page \u001b[2J that steers ` + longWord + `"},
			"wakes": {"sent": 12, "taken": 0, "refused": {"credentials": 12}}},
		"fcm": {"standing": "ok", "troubles": [], "wakes": {"sent": 0, "taken": 0, "refused": {}}}}}], "cursor": "CURSOR"}`

const longWord = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

func TestStatusShowsWhatIsWrongFirst(t *testing.T) {
	t.Parallel()
	second := strings.Replace(strings.Replace(troubledStatus, `"app": "notes"`, `"app": "other"`, 1), `"cursor": "CURSOR"`, `"cursor": ""`, 1)
	a := fakeAPI(t, map[string][]answer{"GET /v1/status": {{200, troubledStatus}}, "GET /v1/status?cursor=CURSOR": {{200, second}}})
	env := map[string]string{"HUSH_KEY": "k", "HUSH_SERVER": a.url}
	r := hush(t, env, "", "status")
	if r.code != exitDone || r.errout != "" {
		t.Fatalf("exit %d, %q; want 0 for a server that was reached", r.code, r.errout)
	}
	order := []string{"trouble  work is late: 500 due, the oldest for 1m40s", "trouble  pushes are refused: the backlog has reached limits.backlog (100)", "trouble  commits are slow", "310ms", "trouble  notes at apns: the credential is refused in production since",
		"12 wakes failed", "3 devices", "1 push", "trouble  other at apns", "hush 1.2.3, up 3h12m0s since", "sqlite 3.50.4", "sessions   12", "500 due, 3 in memory, 2 in work, the oldest for 1m40s; pushes are", "refused from 100 on",
		"last 1.2ms", "99 of 100", "1 push, 2 expired, 10 handled", "apns: 10 wakes, 9 taken, 1 token; 1 token dropped", "fcm: 0 wakes", "notes  apns  credential_refused",
		"403 InvalidProviderToken", "notes  fcm  ok", "other  apns"}
	rest := r.out
	for _, want := range order {
		i := strings.Index(rest, want)
		if i < 0 {
			t.Fatalf("the page lacks %q behind what comes before it:\n%s", want, r.out)
		}
		rest = rest[i+len(want):]
	}
	for line := range strings.Lines(r.out) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 || strings.Contains(line, "\x1b") {
			t.Errorf("the line %q; want 80 columns at most, and nothing that steers a terminal", line)
		}
	}
	if r = hush(t, env, "", "status", "--json"); r.code != exitDone || strings.TrimSpace(r.out) != troubledStatus {
		t.Errorf("--json: exit %d, %s; want the answer as it came", r.code, r.out)
	}
}

func TestStatusOfAServerThatIsWell(t *testing.T) {
	t.Parallel()
	a := fakeAPI(t, map[string][]answer{"GET /v1/status": {{200, `{"standing": "ok", "version": "dev", "engine": "postgres", "engine_version": "16.4", "node": "n",
		"started_at": "2026-01-02T15:04:05Z", "uptime": "1s", "database": {"reachable": true}, "backlog": {}, "commits": {}, "last_hour": {"since": "2026-01-02T15:04:05Z"}, "apps": []}`}}})
	r := hush(t, map[string]string{"HUSH_KEY": "k", "HUSH_SERVER": a.url}, "", "status")
	if r.code != exitDone || !strings.HasPrefix(r.out, "ok  nothing is wrong\n") || !strings.Contains(r.out, "none yet") {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.errout)
	}
	if r = hush(t, map[string]string{"HUSH_KEY": "k", "HUSH_SERVER": "http://127.0.0.1:1"}, "", "status"); r.code != exitUnreachable {
		t.Errorf("a server that is not there: exit %d, want %d", r.code, exitUnreachable)
	}
}
