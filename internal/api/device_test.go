package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestADeviceRegistersRenewsAndLeaves(t *testing.T) {
	t.Parallel()
	everywhere(t, testADeviceRegistersRenewsAndLeaves)
}

func testADeviceRegistersRenewsAndLeaves(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	token := "Bearer " + w.token("notes", "alice")
	body := `{"device_id": "d1", "platform": "ios", "bundle_id": "com.example.notes", "environment": "production",
		"provider_token": "00ff", "app_state": "foreground", "facts": {"os_version": "18.1", "low_power": false, "name": "a\u0000\\u0000"}}`
	var first, again protocol.DeviceResponse
	w.request("PUT", "/v1/device", body, "Authorization", token).into(t, &first)
	if first.Credential == "" || first.OwnerGeneration != 1 {
		t.Fatalf("the first registration: %+v; want a credential and generation 1", first)
	}
	renewal := w.request("PUT", "/v1/device", strings.Replace(body, "00ff", "00fe", 1), "Hush-Device", first.Credential)
	if renewal.into(t, &again); renewal.status != 200 || again.Credential != "" || strings.Contains(renewal.body, "credential") {
		t.Errorf("a renewal: %d %s; want 200 without a credential", renewal.status, renewal.body)
	}
	var devices protocol.Devices
	w.must(200, "GET", "/v1/apps/notes/users/alice/devices", "").into(t, &devices)
	if d := devices.Devices[0]; len(devices.Devices) != 1 || d.Token != push.TokenOK || d.TokenGeneration != 2 || d.Facts["os_version"] != "18.1" || d.Facts["name"] != "a\x00\\u0000" {
		t.Errorf("alice's devices: %+v; want one with its second token and its facts", devices)
	}
	if a := w.must(200, "GET", "/v1/apps/notes/devices/d1", ""); strings.Contains(a.body, "00fe") {
		t.Errorf("the device: %s; want no provider token", a.body)
	}
	w.request("PUT", "/v1/device", body, "Authorization", token).is(t, "its owner without the credential", 403, "device_taken")
	w.request("PUT", "/v1/device", body, "Authorization", "Bearer "+w.token("notes", "mallory")).is(t, "a stranger", 403, "device_taken")

	var taken protocol.DeviceResponse
	w.request("PUT", "/v1/device", body, "Authorization", "Bearer "+w.token("notes", "bob"), "Hush-Device", first.Credential).into(t, &taken)
	if taken.Credential == "" || taken.OwnerGeneration != 2 {
		t.Errorf("a new owner: %+v; want a credential and generation 2", taken)
	}
	if got := w.sessions.all(); w.sessions != nil && !slices.Equal(got, []string{`notes/d1 "" 4002`}) {
		t.Errorf("sessions ended: %q; want the one of the former owner, with 4002", got)
	}
	w.request("GET", "/v1/inbox", "", "Hush-Device", first.Credential).is(t, "the former credential", 401, "register_again")

	if a := w.request("DELETE", "/v1/device", "", "Hush-Device", taken.Credential); a.status != 204 || a.body != "" {
		t.Errorf("leaving: %d %s; want 204 and no body", a.status, a.body)
	}
	w.request("DELETE", "/v1/device", "", "Hush-Device", taken.Credential).is(t, "leaving again", 401, "register_again")
	w.root("GET", "/v1/apps/notes/devices/d1", "").is(t, "the device afterwards", 404, "not_found")
	if got := w.sessions.all(); w.sessions != nil && len(got) != 2 {
		t.Errorf("sessions ended: %q; want one more", got)
	}
	if w.memory != nil && !slices.Contains(w.memory.looked, push.DeviceKey{App: "notes", Device: "d1"}) {
		t.Error("delivery was not told to look at the device")
	}
}

func TestADeviceTokenIsTheSameHoweverTheAppWritesItsDigits(t *testing.T) {
	t.Parallel()
	everywhere(t, testADeviceTokenIsTheSameHoweverTheAppWritesItsDigits)
}

func testADeviceTokenIsTheSameHoweverTheAppWritesItsDigits(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	body := `{"device_id": "d1", "platform": "ios", "bundle_id": "com.example.notes", "environment": "production", "provider_token": "00ff"}`
	var first protocol.DeviceResponse
	w.request("PUT", "/v1/device", body, "Authorization", "Bearer "+w.token("notes", "alice")).into(t, &first)
	if a := w.request("PUT", "/v1/device", strings.Replace(body, "00ff", "00FF", 1), "Hush-Device", first.Credential); a.status != 200 {
		t.Errorf("a renewal: %d %s; want 200", a.status, a.body)
	}
	var d protocol.Device
	if w.must(200, "GET", "/v1/apps/notes/devices/d1", "").into(t, &d); d.TokenGeneration != 1 {
		t.Errorf("token generation %d after 00ff and 00FF; want 1: it is one token", d.TokenGeneration)
	}
}

func TestABackendUnregistersADevice(t *testing.T) {
	t.Parallel()
	both(t, testABackendUnregistersADevice)
}

func testABackendUnregistersADevice(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	credential := w.phone("notes", "alice", "d/1")
	w.must(204, "DELETE", "/v1/apps/notes/devices/d%2F1", "")
	w.root("DELETE", "/v1/apps/notes/devices/d%2F1", "").is(t, "again", 404, "not_found")
	w.request("GET", "/v1/inbox", "", "Hush-Device", credential).is(t, "its credential", 401, "register_again")
	if got := w.sessions.all(); w.sessions != nil && !slices.Equal(got, []string{`notes/d/1 "" 4002`}) {
		t.Errorf("sessions ended: %q; want its own", got)
	}
}

func TestWhatIsWrongWithARegistrationIsToldByName(t *testing.T) {
	t.Parallel()
	both(t, testWhatIsWrongWithARegistrationIsToldByName)
}

func testWhatIsWrongWithARegistrationIsToldByName(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	token := "Bearer " + w.token("notes", "alice")
	for body, faults := range map[string][]string{
		`{}`: {"body.device_id required", "body.platform required"},
		`{"device_id": "..", "platform": "windows", "app_state": "asleep", "x": 1}`: {"body.device_id bad_id", "body.platform bad_value",
			"body.app_state bad_value", "body.x unknown_field"},
		`{"device_id": "d", "platform": "ios", "provider_token": "xyz", "package": "p"}`: {"body.provider_token bad_value", "body.package bad_value",
			"body.bundle_id required", "body.environment required"},
		`{"device_id": "d", "platform": "android", "environment": "production", "provider_token": "a\u0000", "package": "p"}`: {
			"body.environment bad_value", "body.provider_token bad_value"},
		`{"device_id": "d", "platform": "android", "provider_token": null}`:                                {"body.provider_token wrong_type"},
		`{"device_id": "d", "platform": "android", "facts": {"x": "` + strings.Repeat("x", 20_000) + `"}}`: {"body.facts out_of_range"},
		`{"device_id": "d", "platform": "android", "facts": {"x": 1e999}}`:                                 {"body.facts.x out_of_range"},
		`{"device_id": "d", "platform": "android", "facts": []}`:                                           {"body.facts wrong_type"},
		`{"device_id": 7, "platform": "android"}`:                                                          {"body.device_id wrong_type"},
	} {
		w.request("PUT", "/v1/device", body, "Authorization", token).is(t, body[:min(len(body), 200)], 422, "invalid", faults...)
	}
}

func TestTheInboxIsReadFromTheOldest(t *testing.T) {
	t.Parallel()
	both(t, testTheInboxIsReadFromTheOldest)
}

func testTheInboxIsReadFromTheOldest(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	credential := w.phone("notes", "alice", "d1")
	for i := range 3 {
		w.must(202, "POST", pushesPath, fmt.Sprintf(`{"to": {"devices": ["d1"]}, "resource_id": "both", "payload": "<%d>"}`, i))
	}
	var own, theirs protocol.Inbox
	a := w.request("GET", "/v1/inbox?limit=2", "", "Hush-Device", credential)
	a.into(t, &own)
	if own.Open != 3 || len(own.Deliveries) != 2 || own.Deliveries[0].Payload != "<0>" || own.Deliveries[0].ResourceID != "both" {
		t.Errorf("the inbox: %+v; want 3 open and the two oldest", own)
	}
	w.must(200, "GET", "/v1/apps/notes/devices/d1/inbox", "").into(t, &theirs)
	if theirs.Open != 3 || len(theirs.Deliveries) != 3 {
		t.Errorf("the inbox as the backend sees it: %+v; want 3", theirs)
	}
	w.request("GET", "/v1/inbox?limit=0", "", "Hush-Device", credential).is(t, "limit 0", 422, "invalid", "query.limit out_of_range")
	w.root("GET", "/v1/apps/notes/devices/d9/inbox", "").is(t, "an unknown device", 404, "not_found")
}

func TestReceiptsAreAnsweredEachByItself(t *testing.T) {
	t.Parallel()
	everywhere(t, testReceiptsAreAnsweredEachByItself)
}

func testReceiptsAreAnsweredEachByItself(t *testing.T, w *world) {
	t.Helper()
	w.notes()
	credential := w.phone("notes", "alice", "d1")
	var accepted protocol.PushAccepted
	w.must(202, "POST", pushesPath, `{"to": {"devices": ["d1"]}, "resource_id": "both"}`).into(t, &accepted)
	id := accepted.PushID
	receipts := []string{
		`{"push_id": "` + id + `", "event": "received", "path": "apns", "at": "2026-01-02T15:04:05.123Z"}`,
		`{"push_id": "` + id + `", "event": "handled", "result": "new_data", "path": "apns", "took": "120ms"}`,
		`{"push_id": "` + id + `", "event": "received", "path": "apns", "took": "-5s"}`, // the clock was set back
		`{"push_id": "no uuid", "event": "received", "path": "inbox"}`,
		`{"push_id": "no\u0000id", "event": "received", "path": "inbox"}`,
		`{"push_id": "", "event": "received", "path": "inbox"}`,
		`{"push_id": "` + id + `", "event": "handled", "path": "apns"}`,
		`{"push_id": "` + id + `", "event": "handled", "result": "great", "path": "apns"}`,
		`{"push_id": "` + id + `", "event": "received", "result": "no_data", "path": "apns"}`,
		`{"push_id": "` + id + `", "event": "opened", "path": "apns"}`,
		`{"push_id": "` + id + `", "event": "received", "path": "smoke"}`,
		`{"push_id": "` + id + `", "event": "received", "path": "apns", "took": "long"}`,
		`{"push_id": "` + id + `", "event": "received", "path": "apns", "x": 1}`,
		`{"push_id": 5, "event": "received", "path": "apns"}`,
		`{}`, `7`, `null`,
	}
	a := w.request("POST", "/v1/receipts", `{"receipts": [`+strings.Join(receipts, ",")+`]}`, "Hush-Device", credential)
	var got protocol.ReceiptsAnswer
	a.into(t, &got)
	var statuses []push.ReceiptStatus
	for _, r := range got.Receipts {
		statuses = append(statuses, r.Status)
	}
	want := []push.ReceiptStatus{"accepted", "accepted", "accepted", "gone", "gone", "gone"}
	want = append(want, slices.Repeat([]push.ReceiptStatus{"invalid"}, len(receipts)-len(want))...)
	if a.status != 200 || got.Open != 0 || !slices.Equal(statuses, want) || got.Receipts[6].PushID != id {
		t.Errorf("receipts: %d, open %d, %q (%s); want %q and 0 open", a.status, got.Open, statuses, a.body, want)
	}
	many, err := json.Marshal(map[string]any{"receipts": slices.Repeat([]int{1}, 1001)})
	if err != nil {
		t.Fatal(err)
	}
	for body, fault := range map[string]string{string(many): "body.receipts too_many", `{}`: "body.receipts required", `{"receipts": {}}`: "body.receipts wrong_type"} {
		w.request("POST", "/v1/receipts", body, "Hush-Device", credential).is(t, body[:min(len(body), 50)], 422, "invalid", fault)
	}
}
