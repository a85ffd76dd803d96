package jsonstring_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/jsonstring"
)

func FuzzAppendWritesWhatEncodingJSONWrites(f *testing.F) {
	for _, s := range []string{
		"", "plain", `{"cursor":1841,"note":"a\\b"}`, "\x00\x01\b\f\n\r\t\x1f\x7f", "<é>&\u2028\u2029\u2027\u202a🎈\ufffd", "\xff\xc3", "é\xe2\x80", "\xed\xa0\x80",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		text := "before" + strings.TrimSuffix(want.String(), "\n")
		if got := jsonstring.Append([]byte("before"), s); string(got) != text {
			t.Errorf("%q is %s, want %s", s, got, text)
		}
		if got := jsonstring.Append([]byte("before"), []byte(s)); string(got) != text {
			t.Errorf("the bytes of %q are %s, want %s", s, got, text)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for name, s := range map[string]string{"json": `{"cursor":1841,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`, "unicode": strings.Repeat("日本語", 7)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = jsonstring.Append(dst[:0], s)
			}
		})
	}
}
