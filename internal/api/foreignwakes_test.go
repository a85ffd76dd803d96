package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestARegistrationGivesTheKeyThatItDoesNotName(t *testing.T) {
	t.Parallel()
	everywhere(t, testARegistrationGivesTheKeyThatItDoesNotName)
}

func testARegistrationGivesTheKeyThatItDoesNotName(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	body := `{"device_id": "d1", "platform": "android", "package": "com.example"`
	var first, again, named, bobs protocol.DeviceResponse
	w.request("PUT", "/v1/device", body+"}", "Authorization", "Bearer "+w.token("notes", "alice")).into(t, &first)
	if first.WakeKey == nil || len(first.WakeKey.ID) != 24 || len(first.WakeKey.Key) != 22 {
		t.Fatalf("the first registration gives %+v; want a wake key of 16 bytes with an id of its time and 96 bits", first.WakeKey)
	}
	w.request("PUT", "/v1/device", body+`, "wake_key_id": "another"}`, "Hush-Device", first.Credential).into(t, &again)
	if again.WakeKey == nil || *again.WakeKey != *first.WakeKey {
		t.Errorf("to who names another key, a renewal gives %+v; want the same, %+v", again.WakeKey, first.WakeKey)
	}
	w.request("PUT", "/v1/device", body+`, "wake_key_id": "`+first.WakeKey.ID+`"}`, "Hush-Device", first.Credential).into(t, &named)
	if named.WakeKey != nil {
		t.Errorf("to who has the newest key, a renewal gives %+v; want none", named.WakeKey)
	}
	w.request("PUT", "/v1/device", body+`, "wake_key_id": "`+first.WakeKey.ID+`"}`, "Hush-Device", first.Credential, "Authorization", "Bearer "+w.token("notes", "bob")).into(t, &bobs)
	if bobs.WakeKey == nil || bobs.WakeKey.ID == first.WakeKey.ID || bobs.WakeKey.Key == first.WakeKey.Key {
		t.Errorf("a new owner gets %+v; want a key of its own", bobs.WakeKey)
	}
	if a := w.request("POST", "/v1/foreign-wakes", `{"k": "`+first.WakeKey.ID+`", "s": "AAAA"}`, "Hush-Device", bobs.Credential); a.status != 204 || a.body != "" {
		t.Errorf("bob asks for alice's key: %d %s; want 204 and no body", a.status, a.body)
	}
	var own protocol.ForeignWakeAnswer
	w.request("POST", "/v1/foreign-wakes", `{"k": "`+bobs.WakeKey.ID+`", "s": "AAAA"}`, "Hush-Device", bobs.Credential).into(t, &own)
	if own.WakeKey != *bobs.WakeKey {
		t.Errorf("bob's own key: %+v, want %+v", own.WakeKey, bobs.WakeKey)
	}
	w.request("PUT", "/v1/device", body+`, "wake_key_id": "`+strings.Repeat("k", 129)+`"}`, "Hush-Device", bobs.Credential).is(t, "a long id", 422, "invalid", "body.wake_key_id out_of_range")
	w.request("POST", "/v1/foreign-wakes", `{"k": "a"}`, "Hush-Device", bobs.Credential).is(t, "no s", 422, "invalid", "body.s required")
	w.request("POST", "/v1/foreign-wakes", `{"k": "a", "s": "`+strings.Repeat("A", 9<<10)+`"}`, "Hush-Device", bobs.Credential).is(t, "a long body", 413, "body_too_large")
}

func FuzzForeignWake(f *testing.F) {
	a, m := target(f)
	m.apps["notes"] = push.App{Name: "notes"}
	devices := map[string]push.Device{}
	for _, user := range []string{"alice", "bob"} {
		token := push.Secret("t-" + user)
		got, _, err := m.Register(f.Context(), push.Registration{DeviceID: user, Platform: push.Android, Package: "p", ProviderToken: &token}, "notes",
			push.Caller{User: user}, nil, a.Auth.Hash(user))
		if err != nil {
			f.Fatal(err)
		}
		devices[user] = got.Device
	}
	f.Add(`{"k":"` + devices["alice"].WakeKeyID + `","s":"AAAA"}`)
	f.Add(`{"k":"` + devices["bob"].WakeKeyID + `","s":"` + strings.Repeat("A", 60) + `"}`)
	f.Add(`{"k":"\u0000","s":"!"}`)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/v1/foreign-wakes", strings.NewReader(body))
		r.Header.Set(protocol.HeaderDevice, "bob")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
		if d, _ := m.Device(t.Context(), push.DeviceKey{App: "notes", Device: "alice"}); d.ProviderToken == "" {
			t.Errorf("%q took alice's token", body)
		}
	})
}
