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

// plainPushes take the fast path.
var plainPushes = []string{
	`{"to":{"users":["alice","bob"]},"resource_id":"both","payload":"{\"cursor\":1841}"}`,
	` { "to" : { "devices" : [ "d" , "é🎈" ] } , "resource_id" : "" , "payload" : "\\\/\b\f\n\r\t" }
`,
	`{"resource_id":"r","to":{},"ttl":"0s","collapse_key":"","deliver":"session","deliver_at":"2026-01-02T15:04:05Z","dry_run":true}`,
	`{"to":{"users":[],"devices":[""]},"resource_id":"r","deliver":"wake","dry_run":false}`,
	"{\"to\":{\"users\":[\"\u2028\x7f\ufffd\"]},\"resource_id\":\"r\",\"deliver\":\"auto\",\"ttl\":\"\\n\"}",
}

// oddPushes take the slow path: invalid ones, and rare ones.
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
		`{"pushes":[` + strings.Repeat(plainPushes[0]+",", push.MaxBatch) + plainPushes[0] + `]}`,
		`{"pushes":[` + strings.Repeat(`{"to":{"users":["`+strings.Repeat(`","`, maxItems-1)+`"]},"resource_id":"r"},`, 5) + plainPushes[0] + `]}`,
	} {
		if got, ok := readPlainBatch([]byte(body)); ok {
			t.Errorf("%.100s is taken: %d pushes", body, len(got))
		}
	}
}

// If the fast path reads a push, the slow path finds no fault in it and reads the same.
func FuzzTheQuickWayReadsAsTheLongOne(f *testing.F) {
	for _, body := range append(plainPushes, oddPushes...) {
		if len(body) < 1000 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, ok := readPlainPush(body); ok {
			var want protocol.PushRequest
			if found, err := readItem(body, pushSchema(), &want); err != nil || len(found) > 0 {
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

// plainLines of an import take the fast path.
var plainLines = []string{
	`{"device_id":"d","platform":"ios","user":"alice"}`,
	` { "user" : "é🎈" , "platform" : "android" , "device_id" : "\"\\" , "package" : "com.example" , "provider_token" : "" , "facts" : { } } `,
	`{"device_id":"","platform":"ios","user":"","bundle_id":"","environment":"production","provider_token":"00FC","app_state":"foreground","wake_key_id":"k",` +
		`"facts":{"os_version":"18.1","beta":true,"":false}}`,
	`{"device_id":"d","platform":"ios","user":"u","environment":"development","app_state":"background","bundle_id":"\n","facts":{"a":"` +
		strings.Repeat("x", protocol.MaxFactsBytes-8) + `"}}`,
}

// oddLines take the slow path: invalid ones, and rare ones.
var oddLines = []string{
	``, `{`, `{}`, `[]`, `null`, `{"device_id":"d","platform":"ios"}`, `{"device_id":"d","user":"u"}`, `{"platform":"ios","user":"u"}`,
	`{"device_id":"d","platform":"ios","user":"u"}x`, `{"device_id":"d","platform":"ios","user":"u"}{}`, `{"device_id":"d","platform":"ios","user":"u",}`,
	`{"device_id":"d","device_id":"d","platform":"ios","user":"u"}`, `{"device_id":"d","platform":"ios","user":"u","User":"v"}`,
	`{"device_id":"d","platform":"web","user":"u"}`, `{"device_id":"d","platform":"","user":"u"}`, `{"device_id":"d","platform":"ios","user":"u","environment":""}`,
	`{"device_id":"d","platform":"ios","user":"u","app_state":""}`, `{"device_id":"d","platform":"ios","user":null}`, `{"device_id":7,"platform":"ios","user":"u"}`,
	`{"device_id":"d","platform":"ios","user":"u","provider_token":null}`, `{"device_id":"d","platform":"ios","user":"u","facts":null}`,
	`{"device_id":"d","platform":"ios","user":"u","facts":{"n":1}}`, `{"device_id":"d","platform":"ios","user":"u","facts":{"n":null}}`,
	`{"device_id":"d","platform":"ios","user":"u","facts":{"n":{}}}`, `{"device_id":"d","platform":"ios","user":"u","facts":{"n":true,"n":true}}`,
	`{"device_id":"d","platform":"ios","user":"u","facts":{},"facts":{}}`, `{"device_id":"d","platform":"ios","user":"u","more":1}`,
	`{"device_id":"\u0064","platform":"ios","user":"u"}`, "{\"device_id\":\"\xff\",\"platform\":\"ios\",\"user\":\"u\"}",
	`{"device_id":"d","platform":"ios","user":"u","facts":{"a":"` + strings.Repeat("x", protocol.MaxFactsBytes) + `"}}`,
}

func TestPlainLinesOfAnImportGoTheQuickWay(t *testing.T) {
	t.Parallel()
	for _, line := range plainLines {
		if _, ok := readPlainLine([]byte(line)); !ok {
			t.Errorf("%.200s is not taken", line)
		}
	}
	for _, line := range oddLines {
		if got, ok := readPlainLine([]byte(line)); ok {
			t.Errorf("%.200s is taken: %+v", line, got)
		}
	}
}

// If the fast path reads a line of an import, the slow path finds no fault in it and reads the same.
func FuzzALineIsReadAsTheLongWayReadsIt(f *testing.F) {
	for _, line := range append(plainLines, oddLines...) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, ok := readPlainLine(line)
		if !ok {
			return
		}
		var want protocol.ImportLine
		if found, err := readItem(line, importSchema(), &want); err != nil || len(found) > 0 {
			t.Errorf("%q is taken, and the walk says %v, %v", line, found, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, want %+v", line, got, want)
		}
	})
}

// BenchmarkReadImportLine takes a typical line of an import from its text to a registration.
func BenchmarkReadImportLine(b *testing.B) {
	line := importLine{n: 1, text: []byte(`{"device_id":"import-1","user":"user-1","platform":"ios","bundle_id":"com.example.notes","environment":"production",` +
		`"provider_token":"` + strings.Repeat("0a", 32) + `"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if e := readImportLine(line); e.err != nil {
			b.Fatal(e.err)
		}
	}
}

// Fast answers have the same bytes as encoding/json writes.
func FuzzTheQuickAnswerIsThatOfEncodingJSON(f *testing.F) {
	f.Add("0199c0de-0000-7000-8000-000000000000", 1, "unknown_user", "<alice>&\u2028\xff", "what is wrong")
	f.Add("", -1, "", "", "")
	f.Fuzz(func(t *testing.T, id string, deliveries int, code, user, detail string) {
		n := &deliveries
		if deliveries < 0 {
			n = nil
		}
		warnings := []protocol.Warning{{Code: push.WarningCode(code), User: user}, {Code: push.WarningCode(code)}}[:len(user)%3]
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
		for _, r := range []protocol.ImportResult{{Line: deliveries, Status: 201, DeviceID: user}, {Line: 1, Status: 422, DeviceID: id, Problem: &protocol.Problem{Detail: detail}}} {
			got, err := appendImportResult(nil, r)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, bytes.TrimSuffix(got, []byte("\n")), r)
		}
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
