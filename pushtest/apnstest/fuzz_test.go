package apnstest

import (
	"strings"
	"testing"
	"time"
)

func FuzzProviderToken(f *testing.F) {
	k := Key{ID: defaultKeyID, Team: defaultTeamID}
	if err := k.open(); err != nil {
		f.Fatal(err)
	}
	good, err := k.SignToken(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("..")
	f.Add("e30.e30.e30")
	f.Add(strings.Replace(good, ".", ".e30", 1))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := parseJWT(token)
		if err == nil && c.verify(&k.private.PublicKey) && !strings.HasPrefix(token, c.signed) {
			t.Errorf("%q: what was verified is not what came", token)
		}
	})
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte(`{"aps":{"content-available":1}}`))
	f.Add([]byte(strings.Repeat("[", 5000)))
	f.Add([]byte(`{"aps":{},"aps":1}`))
	f.Add([]byte(`{"aps":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if hasAPS(body) && !strings.Contains(string(body), "{") {
			t.Errorf("%q has a dictionary aps?", body)
		}
		if !typeFits("background", body) && !typeFits("", body) && !hasAPS(body) {
			t.Errorf("%q fits no type, and has no aps", body)
		}
	})
}

func FuzzCertificateTopics(f *testing.F) {
	e, err := topicsExtension([]string{"com.example.notes", "com.example.notes.voip"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Value)
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, topic := range topicsIn(der) {
			if len(topic) > len(der) {
				t.Errorf("%x: a topic longer than the extension", der)
			}
		}
	})
}
