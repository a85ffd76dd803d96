package store

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestWhatIsStoredAsJSONComesBackWhole(t *testing.T) {
	t.Parallel()
	until := time.UnixMicro(1_700_000_000_123_456).UTC()
	for _, a := range []push.Audience{
		{Users: []string{"alice", "bob"}}, {Devices: []string{"d1"}}, {All: true}, {},
		{Tags: &push.TagRule{Any: []string{"a"}, All: []string{"b", "c"}, None: []string{"d"}}}, {Tags: &push.TagRule{}},
	} {
		if got, err := decodeAudience(encodeAudience(a)); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("an audience came back as %+v, %v; want %+v", got, err, a)
		}
	}
	for _, c := range []push.Credential{
		{APNs: &push.APNsCredential{Key: "pem", KeyID: "k", TeamID: "t", Topics: []string{"com.example"}, P12: []byte{0, 1}, Password: "secret"}},
		{FCM: &push.FCMCredential{ServiceAccount: []byte(`{"type":"service_account"}`)}},
	} {
		var row credentialRow
		if err := json.Unmarshal([]byte(encode(storedCredential(c))), &row); err != nil || !reflect.DeepEqual(row.credential(), c) {
			t.Errorf("a credential came back as another one, %v", err)
		}
	}
	info := push.CredentialInfo{Provider: push.APNs, Kind: push.KindToken, KeyID: "k", TeamID: "t", Topics: []string{"com.example"},
		ProjectID: "p", ClientEmail: "e", ValidUntil: &until, UpdatedAt: until}
	var infoRow credentialInfoRow
	if err := decode(encode(credentialInfoRow(info)), &infoRow); err != nil || !reflect.DeepEqual(push.CredentialInfo(infoRow), info) {
		t.Errorf("what may be read back of a credential came back as %+v, %v; want %+v", infoRow, err, info)
	}
	for _, a := range []push.Accepted{
		{ID: push.NewID(), Deliveries: 3, Warnings: []push.Warning{{Code: push.UserNotSeen, User: "alice"}, {Code: push.NoDevices}}}, {ID: push.NewID()},
	} {
		var row acceptedRow
		if err := decode(encode(storedAccepted(a)), &row); err != nil || !reflect.DeepEqual(row.accepted(), a) {
			t.Errorf("an answer came back as %+v, %v; want %+v", row.accepted(), err, a)
		}
	}
}

// The next version has to read what this one stores. These are the texts that have been stored so far.
func TestTheFormsOfWhatIsStoredStay(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for want, got := range map[string]string{
		`{"users":["alice"]}`:                                              encodeAudience(push.Audience{Users: []string{"alice"}}),
		`{"tags":{"any":["a"],"all":["b"],"none":["c"]}}`:                  encodeAudience(push.Audience{Tags: &push.TagRule{Any: []string{"a"}, All: []string{"b"}, None: []string{"c"}}}),
		`{"devices":["d1"],"all":true}`:                                    encodeAudience(push.Audience{Devices: []string{"d1"}, All: true}),
		`{"id":"i","deliveries":1,"warnings":[{"code":"x","user":"bob"}]}`: encode(storedAccepted(push.Accepted{ID: "i", Deliveries: 1, Warnings: []push.Warning{{Code: "x", User: "bob"}}})),
		`{"apns":{"key":"k","key_id":"i","team_id":"t","topics":["x"],"p12":"AA==","password":"p"}}`: encode(storedCredential(push.Credential{
			APNs: &push.APNsCredential{Key: "k", KeyID: "i", TeamID: "t", Topics: []string{"x"}, P12: []byte{0}, Password: "p"}})),
		`{"fcm":{"service_account":{"a":1}}}`: encode(storedCredential(push.Credential{FCM: &push.FCMCredential{ServiceAccount: []byte(`{"a":1}`)}})),
		`{"provider":"fcm","kind":"service_account","project_id":"p","client_email":"e","updated_at":"2026-01-02T15:04:05Z"}`: encode(credentialInfoRow(push.CredentialInfo{
			Provider: push.FCM, Kind: push.KindServiceAccount, ProjectID: "p", ClientEmail: "e", UpdatedAt: at})),
	} {
		if got != want {
			t.Errorf("stored as %s, want %s", got, want)
		}
	}
}
