package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// plainPushes go the quick way.
var plainPushes = []string{
	`{"to":{"users":["alice","bob"]},"resource_id":"both","payload":"{\"cursor\":1841}"}`,
	` { "to" : { "devices" : [ "d" , "é🎈" ] } , "resource_id" : "" , "payload" : "\\\/\b\f\n\r\t" }
`,
	`{"resource_id":"r","to":{},"ttl":"0s","collapse_key":"","deliver":"session","deliver_at":"2026-01-02T15:04:05Z","dry_run":true}`,
	`{"to":{"users":[],"devices":[""]},"resource_id":"r","deliver":"wake","dry_run":false}`,
	"{\"to\":{\"users\":[\"\u2028\x7f\ufffd\"]},\"resource_id\":\"r\",\"deliver\":\"auto\",\"ttl\":\"\\n\"}",
}

// oddPushes go the long way: those that are wrong, and those that are rare.
var oddPushes = []string{
	``, ` `, `null`, `[]`, `{`, `{}`, `{"to":{}}`, `{"resource_id":"r"}`, `{"to":{},"resource_id":"r"}x`, `{"to":{},"resource_id":"r"}{}`,
	`{"to":{},"resource_id":"r",}`, `{"to":{} "resource_id":"r"}`, `{"to":{},,"resource_id":"r"}`, `{,"to":{},"resource_id":"r"}`,
	`{"to":{},"resource_id":"r","ttl":""}`, `{"to":{},"resource_id":"r","deliver_at":""}`, `{"to":{},"resource_id":"r","deliver":"never"}`,
	`{"to":{},"resource_id":"r","deliver":""}`, `{"to":{},"resource_id":"r","dry_run":"true"}`, `{"to":{},"resource_id":"r","dry_run":tru}`,
	`{"to":{},"to":{},"resource_id":"r"}`, `{"to":{},"resource_id":"r","Resource_id":"s"}`, `{"to":{},"resource_id":null}`, `{"to":{},"resource_id":1}`,
	`{"to":{"users":["a"],"users":["b"]},"resource_id":"r"}`, `{"to":{"users":[],"users":["b"]},"resource_id":"r"}`, `{"to":{"users":null},"resource_id":"r"}`,
	`{"to":{"users":["a",]},"resource_id":"r"}`, `{"to":{"users":["a" "b"]},"resource_id":"r"}`, `{"to":{"users":[["a"]]},"resource_id":"r"}`,
	`{"to":{"users":["a]},"resource_id":"r"}`, `{"to":{"all":true},"resource_id":"r"}`, `{"to":{"tags":{"any":["x"]}},"resource_id":"r"}`,
	`{"to":{},"resource_id":"\u0072"}`, `{"to":{},"resource_id":"r","payload":"\x"}`, `{"to":{},"resource_id":"r","payload":"\`, `{"to":{},"resource_id":"r","payload":"\ud800"}`,
	`{"\u0074o":{},"resource_id":"r"}`, "{\"to\":{},\"resource_id\":\"r\",\"payload\":\"\n\"}", "{\"to\":{},\"resource_id\":\"r\",\"payload\":\"\xff\"}",
	"{\"to\":{},\"resource_id\":\"r\"}\x00", "\x00{\"to\":{},\"resource_id\":\"r\"}", "\ufeff{\"to\":{},\"resource_id\":\"r\"}", `{"to":{},"resource_id":"r","more":1}`,
	`{"to":{"users":["` + strings.Repeat(`","`, maxItems) + `"]},"resource_id":"r"}`,
}

func TestWhatIsPlainGoesTheQuickWay(t *testing.T) {
	t.Parallel()
	for _, body := range plainPushes {
		if _, ok := readPlainPush([]byte(body)); !ok {
			t.Errorf("%s is not taken", body)
		}
		if _, ok := readPlainBatch([]byte(`{"pushes":[` + body + `,` + body + `]}`)); !ok {
			t.Errorf("%s is not taken in a batch", body)
		}
	}
	for _, body := range oddPushes {
		if got, ok := readPlainPush([]byte(body)); ok {
			t.Errorf("%.100s is taken: %+v", body, got)
		}
		if _, ok := readPlainBatch([]byte(`{"pushes":[` + plainPushes[0] + `,` + body + `]}`)); ok {
			t.Errorf("%.100s is taken in a batch", body)
		}
	}
	for _, body := range []string{
		`{"pushes":[]}`, `{}`, `{"pushes":{}}`, `{"pushes":[` + plainPushes[0] + `],"pushes":[` + plainPushes[0] + `]}`, `{"pushes":[` + plainPushes[0] + `],"x":1}`,
		`{"pushes":[` + strings.Repeat(plainPushes[0]+",", maxBatch) + plainPushes[0] + `]}`,
		`{"pushes":[` + strings.Repeat(`{"to":{"users":["`+strings.Repeat(`","`, maxItems-1)+`"]},"resource_id":"r"},`, 5) + plainPushes[0] + `]}`,
	} {
		if got, ok := readPlainBatch([]byte(body)); ok {
			t.Errorf("%.100s is taken: %d pushes", body, len(got))
		}
	}
}

// What the quick way reads, the long way finds no fault with, and reads alike.
func FuzzTheQuickWayReadsAsTheLongOne(f *testing.F) {
	for _, body := range append(plainPushes, oddPushes...) {
		if len(body) < 1000 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, ok := readPlainPush(body); ok {
			var want protocol.PushRequest
			if found, err := pushSchema().read(body, &want); err != nil || len(found) > 0 {
				t.Errorf("%q is taken, and the walk says %v, %v", body, found, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q is read as %+v, want %+v", body, got, want)
			}
		}
		whole := append(append([]byte(`{"pushes":[`), body...), "]}"...)
		got, ok := readPlainBatch(whole)
		if !ok {
			return
		}
		var long batchBody
		if err := json.Unmarshal(whole, &long); err != nil || len(long.Pushes) != len(got) {
			t.Fatalf("%q is read as %d pushes, want %d, %v", whole, len(got), len(long.Pushes), err)
		}
		for i := range got {
			want, found, err := batch{texts: long.Pushes}.read(i)
			if err != nil || len(found) > 0 || !reflect.DeepEqual(got[i], want) {
				t.Errorf("%q: push %d is read as %+v, want %+v, %v, %v", whole, i, got[i], want, found, err)
			}
		}
	})
}

// The quick answers are the bytes that encoding/json writes.
func FuzzTheQuickAnswerIsThatOfEncodingJSON(f *testing.F) {
	f.Add("0199c0de-0000-7000-8000-000000000000", 1, "unknown_user", "<alice>&\u2028\xff", "what is wrong")
	f.Add("", -1, "", "", "")
	f.Fuzz(func(t *testing.T, id string, deliveries int, code, user, detail string) {
		n := &deliveries
		if deliveries < 0 {
			n = nil
		}
		warnings := []push.Warning{{Code: push.WarningCode(code), User: user}, {Code: push.WarningCode(code)}}[:len(user)%3]
		accepted := protocol.PushAccepted{PushID: id, Deliveries: n, Warnings: warnings}
		sameJSON(t, appendAccepted([]byte("{"), accepted), accepted)
		b := protocol.BatchResponse{Results: []protocol.BatchResult{
			{Status: 202, PushID: id, Deliveries: n, Warnings: warnings}, {Status: 202, PushID: id},
			{Status: 422, Problem: &protocol.Problem{Status: 422, Detail: detail}},
		}}
		got, err := appendBatch(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, got, b)
	})
}

func sameJSON(t *testing.T, got []byte, of any) {
	t.Helper()
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(of); err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != want.String() {
		t.Errorf("got %s, want %s", got, want.String())
	}
}
