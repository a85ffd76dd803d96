package fcm

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// message is a send's body (Firebase, "projects.messages").
type message struct {
	Message struct {
		Token   string            `json:"token"`
		Data    map[string]string `json:"data"`
		Android struct {
			CollapseKey string `json:"collapse_key"`
			Priority    string `json:"priority"`
			TTL         string `json:"ttl"`
		} `json:"android"`
	} `json:"message"`
}

// The body is written by hand: it is what encoding/json would write.
func FuzzABodyIsAMessage(f *testing.F) {
	f.Add("token", "42", int64(60), true)
	f.Add("to\"ken\\<é>\u2028\xff", `{"a":"\u0000"}`, int64(-1), false)
	f.Fuzz(func(t *testing.T, token, payload string, seconds int64, high bool) {
		now := time.Unix(1_700_000_000, 5)
		w := push.Wake{ID: push.NewID(), Key: wakertest.Key, Items: []push.Item{push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: []byte(payload), PayloadBytes: len(payload)}}}
		if seconds >= 0 {
			w.ExpiresAt = now.Add(time.Duration(seconds%1e9) * time.Second)
		}
		want := message{}
		if want.Message.Android.Priority = "normal"; high {
			w.Priority, want.Message.Android.Priority = push.High, "high"
		}
		got, refused := body(&push.Device{ProviderToken: push.Secret(token)}, &w, now)
		if refused != nil {
			t.Fatal(refused)
		}
		var read message
		if err := json.Unmarshal(got, &read); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		want.Message.Token = token
		want.Message.Data = map[string]string{protocol.WakeField: read.Message.Data[protocol.WakeField]} // sealed with a nonce: another one each time
		want.Message.Android.CollapseKey, want.Message.Android.TTL = protocol.WakeField, ttl(w.ExpiresAt, now)
		var text bytes.Buffer
		plain := json.NewEncoder(&text)
		plain.SetEscapeHTML(false)
		if err := plain.Encode(want); err != nil || string(got)+"\n" != text.String() {
			t.Errorf("the body is %s, want %s, %v", got, &text, err)
		}
		wakertest.Open(t, []byte(read.Message.Data[protocol.WakeField]))
	})
}
