package api_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
)

func TestAppsAreMadeListedAndDeleted(t *testing.T) {
	t.Parallel()
	both(t, testAppsAreMadeListedAndDeleted)
}

func testAppsAreMadeListedAndDeleted(t *testing.T, w *world) {
	t.Helper()
	w.must(201, "PUT", "/v1/apps/notes", "{}")
	w.must(200, "PUT", "/v1/apps/notes", "")
	for i := range 4 {
		w.must(201, "PUT", fmt.Sprintf("/v1/apps/a%d", i), "{}")
	}
	var app protocol.App
	w.must(200, "GET", "/v1/apps/notes", "").into(t, &app)
	if app.App != "notes" || app.CreatedAt.IsZero() {
		t.Errorf("the app: %+v; want notes with the time of its making", app)
	}
	var names []string
	for cursor := ""; ; {
		var page protocol.Apps
		w.must(200, "GET", "/v1/apps?limit=2&cursor="+cursor, "").into(t, &page)
		for _, a := range page.Apps {
			names = append(names, a.App)
		}
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "a0 a1 a2 a3 notes" {
		t.Errorf("pages of two: %q; want all five apps, each once", got)
	}
	w.must(204, "DELETE", "/v1/apps/notes", "")
	w.root("GET", "/v1/apps/notes", "").is(t, "a deleted app", 404, "not_found")
	w.root("DELETE", "/v1/apps/notes", "").is(t, "deleting it again", 404, "not_found")
	if got := w.sessions.all(); w.sessions != nil && !slices.Equal(got, []string{"notes 4002"}) {
		t.Errorf("sessions ended: %q; want those of the app, with 4002", got)
	}
	w.root("PUT", "/v1/apps/No%20App", "{}").is(t, "a bad name", 422, "invalid", "path.app bad_id")
	for _, limit := range []string{"0", "1001", "-1", "9999999999999999999999"} {
		w.root("GET", "/v1/apps?limit="+limit, "").is(t, "limit "+limit, 422, "invalid", "query.limit out_of_range")
	}
	w.root("GET", "/v1/apps?limt=1", "").is(t, "a slip in a name", 422, "invalid", "query.limt unknown_field")
	w.root("GET", "/v1/secret-key?x", "").is(t, "a parameter where there are none", 422, "invalid", "query.x unknown_field")
	w.root("GET", "/v1/apps?limit=1&limit=2", "").is(t, "a parameter given twice", 422, "invalid", "query.limit too_many")
	w.root("GET", "/v1/apps?limit=%zz", "").is(t, "a value that cannot be decoded", 422, "invalid", "query.limit bad_value")
	w.root("GET", "/v1/apps?%zz=1", "").is(t, "a name that cannot be decoded", 422, "invalid", "query bad_value")
	w.root("GET", "/v1/apps?limit;x=1", "").is(t, "a semicolon in a name", 422, "invalid", "query.limit;x unknown_field")
	w.root("GET", "/v1/apps?limit=ten", "").is(t, "limit ten", 422, "invalid", "query.limit wrong_type")
	w.root("GET", "/v1/apps?cursor=%25%25", "").is(t, "a cursor that is none", 422, "invalid", "query.cursor bad_value")
}

func TestServerKeysAreShownOnce(t *testing.T) {
	t.Parallel()
	both(t, testServerKeysAreShownOnce)
}

func testServerKeysAreShownOnce(t *testing.T, w *world) {
	t.Helper()
	w.must(201, "PUT", "/v1/apps/notes", "{}")
	var key protocol.Key
	w.must(201, "POST", "/v1/apps/notes/keys", `{"role": "read"}`).into(t, &key)
	if key.Secret == "" || key.KeyID == "" || key.Role != "read" {
		t.Errorf("a new key: %+v; want id, role and secret", key)
	}
	list := w.must(200, "GET", "/v1/apps/notes/keys", "")
	if strings.Contains(list.body, key.Secret) || !strings.Contains(list.body, key.KeyID) {
		t.Errorf("the list: %s; want the key %s without its secret", list.body, key.KeyID)
	}
	w.must(204, "DELETE", "/v1/apps/notes/keys/"+key.KeyID, "")
	w.request("GET", "/v1/apps/notes/users/alice/devices", "", "Authorization", "Bearer "+key.Secret).
		is(t, "a deleted key", 401, "unauthenticated")
	w.root("DELETE", "/v1/apps/notes/keys/"+key.KeyID, "").is(t, "deleting it again", 404, "not_found")
	w.root("POST", "/v1/apps/notes/keys", `{"role": "root"}`).is(t, "a key for root", 422, "invalid", "body.role bad_value")
	w.root("POST", "/v1/apps/notes/keys", `{}`).is(t, "no role", 422, "invalid", "body.role required")
	w.root("POST", "/v1/apps/none/keys", `{"role": "root"}`).is(t, "an unknown app", 404, "not_found")
}

func TestSigningKeysAreNeverReadBack(t *testing.T) {
	t.Parallel()
	both(t, testSigningKeysAreNeverReadBack)
}

func testSigningKeysAreNeverReadBack(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	secret := base64.StdEncoding.EncodeToString([]byte("a secret of 32 bytes or more, plainly"))
	body := `{"alg": "HS256", "secret": "` + secret + `"}`
	for i, want := range []int{201, 200} {
		if a := w.must(want, "PUT", "/v1/apps/notes/signing-keys/k1", body); strings.Contains(a.body, secret) {
			t.Errorf("PUT %d answers %s; want no secret", i, a.body)
		}
	}
	if a := w.must(200, "GET", "/v1/apps/notes/signing-keys/k1", ""); strings.Contains(a.body, secret) || !strings.Contains(a.body, "HS256") {
		t.Errorf("GET answers %s; want the alg and no secret", a.body)
	}
	for name, tt := range map[string]struct{ kid, body, fault string }{
		"short secret":   {"k2", `{"alg": "HS256", "secret": "c2hvcnQ="}`, "body.secret out_of_range"},
		"not base64":     {"k2", `{"alg": "HS256", "secret": "%%%"}`, "body.secret bad_value"},
		"other alg":      {"k2", `{"alg": "none", "secret": "` + secret + `"}`, "body.alg bad_value"},
		"no key":         {"k2", `{"alg": "ES256"}`, "body.public_key required"},
		"no public key":  {"k2", `{"alg": "ES256", "public_key": "x"}`, "body.public_key bad_value"},
		"Hush's own kid": {"hush-own-1", body, "path.kid bad_id"},
		"bad kid":        {"K_1", body, "path.kid bad_id"},
	} {
		w.root("PUT", "/v1/apps/notes/signing-keys/"+tt.kid, tt.body).is(t, name, 422, "invalid", tt.fault)
	}
	w.must(204, "DELETE", "/v1/apps/notes/signing-keys/k1", "")
	w.root("GET", "/v1/apps/notes/signing-keys/k1", "").is(t, "after deletion", 404, "not_found")
}

func TestKeysTellTheirNameLastUseAndEnd(t *testing.T) {
	t.Parallel()
	everywhere(t, testKeysTellTheirNameLastUseAndEnd)
}

func testKeysTellTheirNameLastUseAndEnd(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	facts := fmt.Sprintf(`"name": "der Schlüssel", "expires_at": %q`, end.Format(time.RFC3339))
	var key protocol.Key
	w.must(201, "POST", "/v1/apps/notes/keys", `{"role": "read", `+facts+`}`).into(t, &key)
	w.must(201, "PUT", "/v1/apps/notes/signing-keys/k1", `{"alg": "HS256", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", `+facts+`}`)
	own := w.token("notes", "alice")
	check := func(what string, f protocol.KeyFacts) {
		t.Helper()
		if f.Name != "der Schlüssel" || f.ExpiresAt == nil || !f.ExpiresAt.Equal(end) || f.CreatedAt.IsZero() {
			t.Errorf("%s: %+v; want its name, its making and the end %s", what, f, end)
		}
	}
	check("the answer", key.KeyFacts)
	find := func() (server protocol.Key, k1, hush protocol.SigningKey) {
		t.Helper()
		var keys protocol.Keys
		w.must(200, "GET", "/v1/apps/notes/keys", "").into(t, &keys)
		for _, k := range keys.Keys {
			if k.KeyID == key.KeyID {
				server = k
			}
		}
		for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
			var list protocol.SigningKeys
			w.must(200, "GET", "/v1/apps/notes/signing-keys?limit=1&cursor="+cursor, "").into(t, &list)
			for _, k := range list.SigningKeys {
				if k.MadeBy == protocol.MadeByHush {
					hush = k
				} else {
					k1 = k
				}
			}
			cursor = list.Cursor
		}
		return server, k1, hush
	}
	server, k1, hush := find()
	check("the server key in its list", server.KeyFacts)
	check("the signing key in its list", k1.KeyFacts)
	if k1.KID != "k1" || hush.KID == "" || k1.LastUsedAt != nil || server.LastUsedAt != nil {
		t.Errorf("the lists: %+v, %+v, %+v; want k1 and Hush's own key, and no use yet", server, k1, hush)
	}
	if w.memory == nil { // a whole server, which records uses
		w.request("GET", "/v1/apps/notes/users/alice/devices", "", "Authorization", "Bearer "+key.Secret)
		w.request("PUT", "/v1/device", `{}`, "Authorization", "Bearer "+own)
		eventually(t, "both keys have a last use", func() bool {
			server, _, hush := find()
			return server.LastUsedAt != nil && hush.LastUsedAt != nil && time.Since(*server.LastUsedAt) < time.Minute
		})
	}
	past := `"expires_at": "2020-01-02T15:04:05Z"`
	w.root("POST", "/v1/apps/notes/keys", `{"role": "read", `+past+`}`).is(t, "an end in the past", 422, "invalid", "body.expires_at out_of_range")
	w.root("POST", "/v1/apps/notes/keys", `{"role": "read", "expires_at": "soon"}`).is(t, "no time", 422, "invalid", "body.expires_at bad_value")
	w.root("POST", "/v1/apps/notes/keys", `{"role": "read", "name": "a\u0000b"}`).is(t, "a name with U+0000", 422, "invalid", "body.name bad_value")
	w.root("POST", "/v1/apps/notes/keys", `{"role": "read", "name": "`+strings.Repeat("n", 129)+`"}`).is(t, "a long name", 422, "invalid", "body.name out_of_range")
	w.root("PUT", "/v1/apps/notes/signing-keys/k2", `{"alg": "HS256", "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", `+past+`}`).
		is(t, "a signing key with an end in the past", 422, "invalid", "body.expires_at out_of_range")
	w.must(204, "DELETE", "/v1/apps/notes/signing-keys/"+hush.KID, "")
	w.request("PUT", "/v1/device", `{}`, "Authorization", "Bearer "+own).is(t, "a token of a deleted key of Hush's own", 401, "unauthenticated")
	w.phone("notes", "alice", "d1") // the next token is made with a new key
}

func TestUserTokensLiveAsLongAsTold(t *testing.T) {
	t.Parallel()
	both(t, testUserTokensLiveAsLongAsTold)
}

func testUserTokensLiveAsLongAsTold(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	var token protocol.UserToken
	w.must(200, "POST", "/v1/apps/notes/user-tokens", `{"user": "alice", "ttl": "2h"}`).into(t, &token)
	if token.Token == "" || token.ExpiresAt.IsZero() {
		t.Errorf("a user token: %+v; want it and its end", token)
	}
	for body, faults := range map[string][]string{
		`{"user": "", "ttl": "745h"}`:      {"body.user bad_id", "body.ttl out_of_range"},
		`{"user": "a", "ttl": "-1s"}`:      {"body.ttl out_of_range"},
		`{"user": "a", "ttl": "tomorrow"}`: {"body.ttl bad_value"},
		`{"user": 1, "ttl": "1h", "x": 1}`: {"body.user wrong_type", "body.x unknown_field"},
		`{"user": ".."}`:                   {"body.user bad_id"},
	} {
		w.root("POST", "/v1/apps/notes/user-tokens", body).is(t, body, 422, "invalid", faults...)
	}
}

func TestProviderCredentialsAreCheckedAndNotReadBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	apns := `{"key": "pem of the key", "key_id": "K", "team_id": "T", "topics": ["com.example.notes"]}`
	w.must(201, "PUT", "/v1/apps/notes/providers/apns", apns)
	w.must(200, "PUT", "/v1/apps/notes/providers/apns", apns)
	w.must(201, "PUT", "/v1/apps/notes/providers/fcm", `{"service_account": {"type": "service_account", "private_key": "pem of the key"}}`)
	list := w.must(200, "GET", "/v1/apps/notes/providers", "")
	if strings.Contains(list.body, "pem of the key") || !strings.Contains(list.body, `"key_id":"K"`) || !strings.Contains(list.body, "service_account") {
		t.Errorf("what is read back: %s; want kinds and ids, no keys", list.body)
	}
	if got := strings.Join(w.memory.renewed, " "); got != "notes/apns notes/apns notes/fcm" {
		t.Errorf("delivery heard of new credentials for %q; want each", got)
	}
	for body, fault := range map[string]string{
		`{"key": "bad", "key_id": "K", "team_id": "T", "topics": ["a"]}`: "body.key bad_credential",
		`{"key": "pem", "p12": "AA=="}`:                                  "body one_of",
		`{}`:                                                             "body one_of",
		`{"p12": "%"}`:                                                   "body.p12 bad_value",
	} {
		w.root("PUT", "/v1/apps/notes/providers/apns", body).is(t, body, 422, "invalid", fault)
	}
	w.root("PUT", "/v1/apps/notes/providers/fcm", `{"service_account": "x"}`).is(t, "a string", 422, "invalid", "body.service_account bad_credential")
	w.root("PUT", "/v1/apps/notes/providers/fcm", `{}`).is(t, "nothing", 422, "invalid", "body.service_account required")
	w.must(204, "DELETE", "/v1/apps/notes/providers/fcm", "")
	w.root("DELETE", "/v1/apps/notes/providers/fcm", "").is(t, "deleting it again", 404, "not_found")
}

func TestResourcesAreReadBackAsTheyWereStored(t *testing.T) {
	t.Parallel()
	both(t, testResourcesAreReadBackAsTheyWereStored)
}

func testResourcesAreReadBackAsTheyWereStored(t *testing.T, w *world) {
	t.Helper()
	w.must(201, "PUT", "/v1/apps/notes", "{}")
	body := `{"apns": {"ttl": "24h", "budget": {"wakes": 3, "per": "1h", "burst": 2}, "rewake": {"times": 2, "after": "30m"}},
		"fcm": {"ttl": "0s", "priority": "high", "collapse_key": "k"}, "client_send": true}`
	w.must(201, "PUT", "/v1/apps/notes/resources/both", body)
	w.must(200, "PUT", "/v1/apps/notes/resources/both", body)
	var r protocol.Resource
	w.must(200, "GET", "/v1/apps/notes/resources/both", "").into(t, &r)
	if r.ResourceID != "both" || r.APNs.TTL != "24h0m0s" || r.APNs.Budget.Burst != 2 || r.FCM.TTL != "0s" || r.FCM.Priority != "high" ||
		r.FCM.CollapseKey != "k" || !r.ClientSend || r.APNs.Rewake.After != "30m0s" || r.FCM.Budget != nil {
		t.Errorf("read back: %+v, apns %+v, fcm %+v; want what was stored", r, r.APNs, r.FCM)
	}
	if a := w.must(201, "PUT", "/v1/apps/notes/resources/again", `{"apns": {}}`); !strings.Contains(a.body, `"client_send":false`) {
		t.Errorf("a resource without client_send: %s; want it told as false", a.body)
	}
	var list protocol.Resources
	w.must(200, "GET", "/v1/apps/notes/resources", "").into(t, &list)
	if len(list.Resources) != 2 {
		t.Errorf("the list: %+v; want two", list)
	}
	w.must(204, "DELETE", "/v1/apps/notes/resources/both", "")
	w.root("GET", "/v1/apps/notes/resources/both", "").is(t, "after deletion", 404, "not_found")
}

func TestWhatIsNotSilentOrWrongInAResourceIsRefusedByName(t *testing.T) {
	t.Parallel()
	both(t, testWhatIsNotSilentOrWrongInAResourceIsRefusedByName)
}

func testWhatIsNotSilentOrWrongInAResourceIsRefusedByName(t *testing.T, w *world) {
	t.Helper()
	w.must(201, "PUT", "/v1/apps/notes", "{}")
	for body, faults := range map[string][]string{
		`{}`:                                    {"body.apns one_of"},
		`{"apns": null}`:                        {"body.apns wrong_type"},
		`{"apns": {"alert": "hi"}}`:             {"body.apns.alert not_silent"},
		`{"apns": {"priority": 10}}`:            {"body.apns.priority not_silent"},
		`{"apns": {"priority": "5"}}`:           {"body.apns.priority not_silent"},
		`{"apns": {"content_available": true}}`: {"body.apns.content_available not_silent"},
		`{"apns": {"content-available": 1}}`:    {"body.apns.content-available not_silent"},
		`{"title": "x", "fcm": {}}`:             {"body.title not_silent"},
		`{"fcm": {"notification": {"title": "x", "body": "y"}}}`: {"body.fcm.notification not_silent",
			"body.fcm.notification.title not_silent", "body.fcm.notification.body not_silent"},
		`{"fcm": {"android": {"notification": {"sound": 1}}}}`: {"body.fcm.android unknown_field",
			"body.fcm.android.notification not_silent", "body.fcm.android.notification.sound not_silent"},
		`{"apns": {"budget": {"wakes": 1, "per": "1h", "badge": [{"Sound": 1}]}}}`: {"body.apns.budget.badge not_silent",
			"body.apns.budget.badge[0].Sound not_silent"},
		`{"apns": {"headers": [{"apns-priority": 10}]}}`: {"body.apns.headers unknown_field", "body.apns.headers[0].apns-priority not_silent"},
		`{"apns": 5, "fcm": {"badge": 1}}`:               {"body.apns wrong_type", "body.fcm.badge not_silent"},
		`{"fcm": {"priority": "max"}}`:                   {"body.fcm.priority bad_value"},
		`{"fcm": {"priority": 10}}`:                      {"body.fcm.priority wrong_type"},
		`{"fcm": {"ttl": "-1s", "budget": {"wakes": 0, "per": "1h"}, "rewake": {"times": 99, "after": "0s"}}}`: {
			"body.fcm.ttl out_of_range", "body.fcm.budget.wakes out_of_range", "body.fcm.rewake.times out_of_range", "body.fcm.rewake.after out_of_range"},
		`{"fcm": {"ttl": "29d", "budget": {"wakes": 1.5, "per": 7}}}`: {
			"body.fcm.ttl bad_value", "body.fcm.budget.wakes wrong_type", "body.fcm.budget.per wrong_type"},
		`{"fcm": {"budget": {}}}`:                                                    {"body.fcm.budget.wakes required", "body.fcm.budget.per required"},
		`{"fcm": {}, "resource_id": "other"}`:                                        {"body.resource_id bad_value"},
		`{"fcm": {}, "client_send": "yes"}`:                                          {"body.client_send wrong_type"},
		`{"fcm": {"ttl": "673h"}, "apns": {"rewake": {"times": 1, "after": "1ms"}}}`: {"body.fcm.ttl out_of_range", "body.apns.rewake.after out_of_range"},
	} {
		w.root("PUT", "/v1/apps/notes/resources/r", body).is(t, body, 422, "invalid", faults...)
	}
	w.root("PUT", "/v1/apps/notes/resources/a%2Fb", `{"fcm": {}}`).is(t, "a slash in the id", 422, "invalid", "path.resource_id bad_id")
	w.root("PUT", "/v1/apps/notes/resources/"+strings.Repeat("a", 33), `{"fcm": {}}`).is(t, "a long id", 422, "invalid", "path.resource_id bad_id")
	w.root("GET", "/v1/apps/notes/resources/r", "").is(t, "after all that", 404, "not_found")
}
