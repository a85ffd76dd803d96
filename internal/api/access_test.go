package api_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// need is the lowest role that a call requires; device stands for calls with a device's secrets.
var calls = []struct{ need, method, path, body string }{
	{"root", "GET", "/v1/apps", ""},
	{"root", "PUT", "/v1/apps/notes", "{}"},
	{"root", "GET", "/v1/apps/notes", ""},
	{"root", "DELETE", "/v1/apps/notes", ""},
	{"root", "GET", "/v1/apps/notes/keys", ""},
	{"root", "POST", "/v1/apps/notes/keys", `{"role": "wrong"}`},
	{"root", "DELETE", "/v1/apps/notes/keys/k", ""},
	{"root", "GET", "/v1/status", ""},
	{"admin", "PUT", "/v1/apps/notes/signing-keys/k1", `{"wrong": 1}`},
	{"admin", "GET", "/v1/apps/notes/signing-keys", ""},
	{"admin", "GET", "/v1/apps/notes/signing-keys/k1", ""},
	{"admin", "DELETE", "/v1/apps/notes/signing-keys/k1", ""},
	{"admin", "PUT", "/v1/apps/notes/providers/apns", `{"wrong": 1}`},
	{"admin", "PUT", "/v1/apps/notes/providers/fcm", `{"wrong": 1}`},
	{"admin", "DELETE", "/v1/apps/notes/providers/apns", ""},
	{"admin", "DELETE", "/v1/apps/notes/providers/fcm", ""},
	{"admin", "GET", "/v1/apps/notes/providers", ""},
	{"admin", "GET", "/v1/apps/notes/resources", ""},
	{"admin", "PUT", "/v1/apps/notes/resources/r", `{"wrong": 1}`},
	{"admin", "GET", "/v1/apps/notes/resources/r", ""},
	{"admin", "DELETE", "/v1/apps/notes/resources/r", ""},
	{"admin", "POST", "/v1/apps/notes/devices/import", "{}"},
	{"send", "POST", "/v1/apps/notes/user-tokens", `{"wrong": 1}`},
	{"send", "PUT", "/v1/apps/notes/users/alice/tags", `{"wrong": 1}`},
	{"send", "DELETE", "/v1/apps/notes/devices/d", ""},
	{"send", "GET", "/v1/apps/notes/devices/d/inbox", ""},
	{"send", "POST", "/v1/apps/notes/pushes", `{"wrong": 1}`},
	{"send", "POST", "/v1/apps/notes/pushes/batch", `{"wrong": 1}`},
	{"send", "DELETE", "/v1/apps/notes/pushes/p", ""},
	{"read", "GET", "/v1/apps/notes/users/alice/devices", ""},
	{"read", "GET", "/v1/apps/notes/devices/d", ""},
	{"read", "GET", "/v1/apps/notes/devices/d/explain", ""},
	{"read", "GET", "/v1/apps/notes/pushes", ""},
	{"read", "GET", "/v1/apps/notes/pushes/p", ""},
	{"read", "GET", "/v1/apps/notes/pushes/p/events", ""},
	{"device", "PUT", "/v1/device", `{"wrong": 1}`},
	{"device", "DELETE", "/v1/device", ""},
	{"device", "GET", "/v1/inbox", ""},
	{"device", "POST", "/v1/receipts", `{"wrong": 1}`},
}

var ranks = map[string]int{"read": 1, "send": 2, "admin": 3, "root": 4, "device": 9}

func TestRolesAreAskedForBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	both(t, testRolesAreAskedForBeforeAnythingElse)
}

func testRolesAreAskedForBeforeAnythingElse(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	w.must(201, "PUT", "/v1/apps/other", "{}")
	token := w.token("notes", "alice")
	credential := w.phone("notes", "alice", "d")
	keys := map[string]string{}
	for _, role := range []string{"read", "send", "admin"} {
		keys[role] = w.key("notes", role)
	}
	stranger := w.key("other", "admin")
	for _, c := range calls {
		what := c.method + " " + c.path
		w.request(c.method, c.path, c.body).is(t, what+" without a key", 401, "unauthenticated")
		w.request(c.method, c.path, "{").is(t, what+" without a key, with no JSON", 401, "unauthenticated")
		w.request(c.method, c.path, c.body, "Authorization", "Bearer nonsense").is(t, what+" with nonsense", 401, "unauthenticated")
		w.request(c.method, c.path, c.body, "Authorization", "Basic "+w.rootKey).is(t, what+" with Basic", 401, "unauthenticated")
		if c.need == "device" {
			w.request(c.method, c.path, c.body, "Authorization", "Bearer "+w.rootKey).is(t, what+" with the root key", 401, "unauthenticated")
			w.request(c.method, c.path, c.body, "Hush-Device", "nonsense").is(t, what+" with an unknown credential", 401, "register_again")
			continue
		}
		w.request(c.method, c.path, c.body, "Authorization", "Bearer "+token).is(t, what+" with a user token", 401, "unauthenticated")
		w.request(c.method, c.path, c.body, "Authorization", "Bearer "+credential).is(t, what+" with a credential", 401, "unauthenticated")
		w.request(c.method, c.path, c.body, "Authorization", "Bearer "+stranger).is(t, what+" with another app's key", 403, "forbidden")
		elsewhere := strings.Replace(c.path, "/notes", "/nowhere", 1)
		w.request(c.method, elsewhere, c.body, "Authorization", "Bearer "+keys["admin"]).is(t, c.method+" "+elsewhere+" with a key of notes", 403, "forbidden")
		for role, key := range keys {
			if ranks[role] < ranks[c.need] {
				w.request(c.method, c.path, c.body, "Authorization", "Bearer "+key).is(t, what+" with role "+role, 403, "forbidden")
			}
		}
	}
}

func TestTheLeastRoleIsEnough(t *testing.T) {
	t.Parallel()
	both(t, testTheLeastRoleIsEnough)
}

func testTheLeastRoleIsEnough(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	for _, c := range calls {
		if c.need == "device" || c.need == "root" {
			continue
		}
		a := w.request(c.method, c.path, c.body, "Authorization", "Bearer "+w.key("notes", c.need))
		if a.status == 401 || a.status == 403 || a.status >= 500 {
			t.Errorf("%s %s with role %s: %d %s; want it to be let in", c.method, c.path, c.need, a.status, a.body)
		}
	}
}

func TestUnauthenticatedAnswersSayHow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.request("GET", "/v1/apps", "")
	if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
		t.Errorf("WWW-Authenticate is %q; want Bearer", got)
	}
}

// sign returns a user token, as an app's backend makes it.
func sign(t *testing.T, secret string, aud any, user string, expires time.Time) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"aud": aud, "sub": user, "exp": expires.Unix()})
	token.Header["kid"] = "k1"
	s, err := token.SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheAppOfADevicesCallIsTheOneWhoseKeySignedTheToken(t *testing.T) {
	t.Parallel()
	both(t, testTheAppOfADevicesCallIsTheOneWhoseKeySignedTheToken)
}

func testTheAppOfADevicesCallIsTheOneWhoseKeySignedTheToken(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	w.must(201, "PUT", "/v1/apps/other", "{}")
	w.must(201, "PUT", "/v1/apps/twin", "{}")
	const secret, otherSecret = "0123456789abcdef0123456789abcdef", "another secret of 32 bytes or more"
	for app, s := range map[string]string{"notes": secret, "twin": secret, "other": otherSecret} {
		w.must(201, "PUT", "/v1/apps/"+app+"/signing-keys/k1", `{"alg": "HS256", "secret": "`+base64.StdEncoding.EncodeToString([]byte(s))+`"}`)
	}
	later := time.Now().Add(time.Hour)
	register := func(id, token string, more ...string) answer {
		return w.request("PUT", "/v1/device", `{"device_id": "`+id+`", "platform": "android"}`, append([]string{"Authorization", "Bearer " + token}, more...)...)
	}
	if a := register("d1", sign(t, secret, []string{"notes", "other", "https://x"}, "alice", later)); a.status != 200 {
		t.Errorf("aud of several, one of which has the key: %d %s; want 200", a.status, a.body)
	}
	w.must(200, "GET", "/v1/apps/notes/devices/d1", "")
	w.root("GET", "/v1/apps/other/devices/d1", "").is(t, "the app whose key did not sign", 404, "not_found")
	register("d2", sign(t, secret, []string{"notes", "twin"}, "alice", later)).is(t, "two apps with the same key", 401, "unauthenticated")
	register("d2", sign(t, secret, "notes", "alice", time.Now().Add(-time.Minute))).is(t, "an expired token", 401, "token_expired")
	register("d2", sign(t, otherSecret, "notes", "alice", later)).is(t, "a forged token", 401, "unauthenticated")
	credential := w.phone("other", "bob", "b1")
	register("b1", sign(t, secret, "notes", "alice", later), "Hush-Device", credential).is(t, "another app's token beside the credential", 403, "forbidden")
	if a := register("d9", sign(t, otherSecret, "other", "carl", later), "Hush-Device", "gone"); a.status != http.StatusOK {
		t.Errorf("a void credential beside a good token, for a new device: %d %s; want 200", a.status, a.body)
	}
}
