package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/protocol"
)

// records holds a log's audit records.
type records struct{ logged.Buffer }

// sinceLast returns the audit records since the last call.
func (r *records) sinceLast(t *testing.T) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(r.Take()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record["msg"] == "audit" {
			list = append(list, record)
		}
	}
	return list
}

func setupAudited(t *testing.T, options ...func(*api.Config)) (*world, *records) {
	t.Helper()
	r := &records{}
	w := setup(t, append(options, func(c *api.Config) { c.Logger = slog.New(slog.NewJSONHandler(r, nil)) })...)
	return w, r
}

// one waits for the one record of the last call, which is written after the answer was sent.
func (r *records) one(t *testing.T, what string) map[string]any {
	t.Helper()
	var list []map[string]any
	eventually(t, what+": an audit record", func() bool { list = append(list, r.sinceLast(t)...); return len(list) > 0 })
	if len(list) != 1 {
		t.Errorf("%s: %d records %v; want one", what, len(list), list)
	}
	return list[0]
}

// notAdministrative lists the calls of keys that change something as their everyday work.
var notAdministrative = []string{"createPush", "createPushes", "cancelPush", "createUserToken", "putTags", "checkAPNs", "checkFCM"}

// administrative has one valid call for each administrative change, in an order in which they work.
var administrative = []struct{ id, what, method, path, body, target string }{
	{"putApp", "app.put", "PUT", "/v1/apps/notes", "", ""},
	{"createKey", "key.create", "POST", "/v1/apps/notes/keys", `{"role": "send"}`, "NEW"},
	{"deleteKey", "key.delete", "DELETE", "/v1/apps/notes/keys/NEW", "", "NEW"},
	{"putSigningKey", "signing_key.put", "PUT", "/v1/apps/notes/signing-keys/k1", `{"alg": "HS256", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}`, "k1"},
	{"deleteSigningKey", "signing_key.delete", "DELETE", "/v1/apps/notes/signing-keys/k1", "", "k1"},
	{"putAPNs", "provider.put", "PUT", "/v1/apps/notes/providers/apns", `{"key": "SECRET", "key_id": "K", "team_id": "T", "topics": ["t"]}`, "apns"},
	{"putFCM", "provider.put", "PUT", "/v1/apps/notes/providers/fcm", `{"service_account": {}}`, "fcm"},
	{"deleteAPNs", "provider.delete", "DELETE", "/v1/apps/notes/providers/apns", "", "apns"},
	{"deleteFCM", "provider.delete", "DELETE", "/v1/apps/notes/providers/fcm", "", "fcm"},
	{"putResource", "resource.put", "PUT", "/v1/apps/notes/resources/both", `{"fcm": {"ttl": "1h"}}`, "both"},
	{"deleteResource", "resource.delete", "DELETE", "/v1/apps/notes/resources/both", "", "both"},
	{"importDevices", "device.import", "POST", "/v1/apps/notes/devices/import", `{"user": "u", "device_id": "d", "platform": "android", "package": "c"}`, ""},
	{"deleteDevice", "device.delete", "DELETE", "/v1/apps/notes/devices/d", "", "d"},
	{"deleteApp", "app.delete", "DELETE", "/v1/apps/notes", "", ""},
	{"rotateRootKey", "root_key.rotate", "POST", "/v1/root-key/rotate", `{"keep": "1h"}`, "root-1"},
	{"rotateSecretKey", "secret_key.rotate", "POST", "/v1/secret-key/rotate", "", "k2"},
}

func TestEachAdministrativeChangeIsOneAuditRecord(t *testing.T) {
	t.Parallel()
	w, log := setupAudited(t)
	made := ""
	for _, call := range administrative {
		path, target := strings.ReplaceAll(call.path, "NEW", made), strings.ReplaceAll(call.target, "NEW", made)
		a := w.root(call.method, path, call.body)
		if a.status >= 300 {
			t.Fatalf("%s: %d %s", call.id, a.status, a.body)
		}
		if call.id == "createKey" {
			var key protocol.Key
			a.into(t, &key)
			made, target = key.KeyID, key.KeyID
		}
		got := log.one(t, call.id)
		app := any("notes")
		if !strings.Contains(path, "/apps/") {
			app = nil
		}
		if got["what"] != call.what || got["outcome"] != "ok" || got["app"] != app || !strings.HasPrefix(fmt.Sprint(got["who"]), "key root-") || got["role"] != "root" ||
			got["from"] != "127.0.0.1" || target != "" && got["target"] != target || got["status"] != float64(a.status) {
			t.Errorf("%s: %v; want what %s, outcome ok, app notes, who root, from 127.0.0.1, target %q, status %d", call.id, got, call.what, target, a.status)
		}
		if strings.Contains(fmt.Sprint(got), "SECRET") || strings.Contains(fmt.Sprint(got), "MDEy") {
			t.Errorf("%s: %v shows a secret", call.id, got)
		}
	}
	w.root("PUT", "/v1/apps/notes/resources/both", `{"apns": 1}`)
	w.root("DELETE", "/v1/apps/notes/keys/none", "")
	if got := log.sinceLast(t); len(got) != 0 {
		t.Errorf("calls that changed nothing: %v; want no record", got)
	}
	if metrics := w.request("GET", "/metrics", "").body; !strings.Contains(metrics, `hush_audit_events_total{outcome="ok",what="provider.put"} 2`) {
		t.Error("the metrics do not count two provider.put")
	}
}

// TestNoAdministrativeCallIsLeftOut fails for a new route without an audit record.
func TestNoAdministrativeCallIsLeftOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
		}
	}
	if err := json.Unmarshal([]byte(w.request("GET", "/openapi.json", "").body), &document); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for path, operations := range document.Paths {
		for method, op := range operations {
			if method == "get" || len(op.Security) == 0 || op.Security[0]["serverKey"] == nil {
				continue
			}
			seen++
			audited := slices.ContainsFunc(administrative, func(c struct{ id, what, method, path, body, target string }) bool { return c.id == op.OperationID })
			if audited == slices.Contains(notAdministrative, op.OperationID) {
				t.Errorf("%s %s (%s): is it an administrative change? Give its route an audit name and a line in administrative, or a place in notAdministrative", method, path, op.OperationID)
			}
		}
	}
	if seen < len(administrative) {
		t.Errorf("the document has %d calls of keys that change something; want %d or more", seen, len(administrative))
	}
}

func TestEachRefusedAuthenticationIsAnAuditRecord(t *testing.T) {
	t.Parallel()
	w, log := setupAudited(t)
	w.notes()
	read := w.key("notes", "read")
	other := w.phone("notes", "alice", "d1")
	_ = other
	log.sinceLast(t)
	forged := "x." + base64.RawURLEncoding.EncodeToString([]byte("{}")) + ".y"
	for _, tt := range []struct {
		name, method, path  string
		headers             []string
		what, code, who, at string
	}{
		{"no key", "PUT", "/v1/apps/notes", nil, "app.put", "unauthenticated", "unknown", "WARN"},
		{"an unknown key", "DELETE", "/v1/apps/notes", []string{"Authorization", "Bearer hush_key_unknown"}, "app.delete", "unauthenticated", "unknown", "WARN"},
		{"a key of a lesser role", "DELETE", "/v1/apps/notes", []string{"Authorization", "Bearer " + read}, "app.delete", "forbidden", "key ", "WARN"},
		{"a read of another app", "GET", "/v1/apps/other/resources", []string{"Authorization", "Bearer " + read}, "listResources", "forbidden", "key ", "WARN"},
		{"a forged token", "PUT", "/v1/device", []string{"Authorization", "Bearer " + forged}, "putOwnDevice", "unauthenticated", "unknown", "WARN"},
		{"an unknown credential", "GET", "/v1/inbox", []string{protocol.HeaderDevice, "hush_dev_unknown"}, "getOwnInbox", "register_again", "unknown", "INFO"},
	} {
		w.request(tt.method, tt.path, "", tt.headers...)
		got := log.one(t, tt.name)
		if got["what"] != tt.what || got["outcome"] != "refused" || got["code"] != tt.code || !strings.HasPrefix(fmt.Sprint(got["who"]), tt.who) ||
			got["from"] != "127.0.0.1" || got["level"] != tt.at {
			t.Errorf("%s: %v; want %+v", tt.name, got, tt)
		}
		for _, secret := range []string{"hush_key_unknown", read, forged, "hush_dev_unknown"} {
			if strings.Contains(fmt.Sprint(got), secret) {
				t.Errorf("%s: %v shows a secret", tt.name, got)
			}
		}
	}
}

func TestManyRefusalsAreSummedUp(t *testing.T) {
	t.Parallel()
	w, log := setupAudited(t)
	const asked = 40
	for range asked {
		w.request("GET", "/v1/apps", "", "Authorization", "Bearer hush_key_guess").is(t, "a guess", http.StatusUnauthorized, "unauthenticated")
	}
	eventually(t, "all refusals are counted", func() bool {
		return strings.Contains(w.request("GET", "/metrics", "").body, fmt.Sprintf(`hush_audit_events_total{outcome="refused",what="listApps"} %d`, asked))
	})
	w.api.Close()
	told, summed := 0, 0
	for _, r := range log.sinceLast(t) {
		if count, ok := r["count"].(float64); ok {
			summed += int(count)
			if r["from"] != "127.0.0.1" || r["code"] != "unauthenticated" {
				t.Errorf("the sum %v; want from where, and the code", r)
			}
			continue
		}
		told++
	}
	if told != 10 || told+summed != asked {
		t.Errorf("%d told, %d summed up; want 10 told, and all %d", told, summed, asked)
	}
}

func TestARefusalIsAuditedAlsoOfAnAddressThatIsToldToWait(t *testing.T) {
	t.Parallel()
	w, log := setupAudited(t, func(c *api.Config) { c.Front = &strictFront{allowed: 1} })
	for _, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		if a := w.request("GET", "/v1/apps", "", "Authorization", "Bearer hush_key_guess"); a.status != status {
			t.Fatalf("a guess: %d %s; want %d", a.status, a.body, status)
		}
		if got := log.one(t, "a guess"); got["outcome"] != "refused" || got["status"] != float64(status) || got["code"] == "" {
			t.Errorf("%v; want a refusal with status %d and its code", got, status)
		}
	}
}
