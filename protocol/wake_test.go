package protocol_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// sealedElsewhere was sealed by another implementation (pyca/cryptography, AESGCM) with the key 00 01 … 0f, the nonce 64 65 … 6f
// and the additional data "k1". Inside is a list of a kind that this version does not know, too.
const sealedElsewhere = "ZGVmZ2hpamtsbW5vYUA5xLBnmsC5DmYpv6kbiFWlSM-imfBtxF-BuoTCx8OXzGIUuygXobpoF3a9oGglvuVtUac3dh73ujFr9K5VTEbqZ37E0uGoHfxF8FuPE0j0" +
	"whM4mMdK4UlzMNmGOrRgQCsOGeb3tRHtsIuMfciSbD3Yrin1bi-YTkvrndwAOkW3D6Mgwq4DzFx1HSYyIVdDr8LlhJ9bGDGuaZzOS2dQdsZA5KE57Mr872e6pl71" +
	"PwXUSuDRhRToIovQb-lX-aw"

func TestAWakeThatWasSealedElsewhereIsOpened(t *testing.T) {
	t.Parallel()
	key := push.WakeKey{ID: "k1", Key: "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"}
	w, err := protocol.SealedWake{V: 2, K: "k1", S: sealedElsewhere}.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	if w.Wake != "0199c0de-0000-7000-8000-000000000000" || w.Exp != 1764406800 || len(w.Pushes) != 2 || w.Pushes[0].ID != "p1" ||
		w.Pushes[0].Resource != "both" || w.Pushes[0].Payload == nil || *w.Pushes[0].Payload != "42" || w.Pushes[1].ID != "p2" || w.Pushes[1].Payload != nil {
		t.Errorf("got %+v, want p1 with its payload, and p2 without", w)
	}
	if _, err := (protocol.SealedWake{V: 2, K: "k1", S: sealedElsewhere[:40] + "A" + sealedElsewhere[41:]}).Open(key); err == nil {
		t.Error("a wake that was changed on its way was opened")
	}
}

// A push in a wake and a sealed wake are written by hand: they are what encoding/json would write.
func FuzzAWakeIsWrittenAsEncodingJSONDoes(f *testing.F) {
	f.Add("p1", "both", "42", true, "k1")
	f.Add("", "\x00<é>", "\u2028\xff\"", false, "k\"1")
	f.Fuzz(func(t *testing.T, id, resource, payload string, with bool, keyID string) {
		p := protocol.WakePush{ID: id, Resource: resource}
		if with {
			p.Payload = &payload
		}
		if got, want := p.AppendJSON([]byte("[")), "["+encoded(t, p); string(got) != want {
			t.Errorf("a push is %s, want %s", got, want)
		}
		if keyID == "" {
			return
		}
		const limit = 4000
		wake := bytes.Repeat([]byte("x"), max(protocol.WakeRoom(keyID, limit), 0))
		got, err := protocol.AppendSealedWake([]byte("["), push.WakeKey{ID: keyID, Key: "sixteen bytes of"}, wake)
		if err != nil {
			t.Fatal(err)
		}
		var read protocol.SealedWake
		if err := json.Unmarshal(got[1:], &read); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		read.K = keyID // of what is not UTF-8, reading makes something else
		if want := "[" + encoded(t, read); string(got) != want {
			t.Errorf("a sealed wake is %s, want %s", got, want)
		}
		if size := len(got) - 1; len(wake) > 0 && (size > limit || size < limit-1) {
			t.Errorf("the largest wake in %d bytes has %d", limit, size)
		}
	})
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
