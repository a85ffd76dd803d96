package fcm

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/hushpush/hush/push"
)

// Whatever FCM, or something in its place, may say: it is understood in bounded terms, and no token dies of anything but
// FCM's own word for it.
func FuzzParseRefusal(f *testing.F) {
	f.Add(404, `{"error":{"code":404,"message":"x","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}}`)
	f.Add(400, `{"error":{"details":[{"@type":"google.rpc.BadRequest","fieldViolations":[{"field":"message.token"}]},null,1,"x",[]]}}`)
	f.Add(429, `{"error":{"details":[{"@type":"google.rpc.QuotaFailure","violations":[{"subject":"device:x"}]}]}}`)
	f.Add(502, `<html>`)
	f.Add(200, strings.Repeat(`{"error":`, 10_000))
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := parseRefusal(status, []byte(body))
		if len(r.rpc) > 100 || len(r.code) > 100 {
			t.Errorf("got %d and %d bytes, want at most 100", len(r.rpc), len(r.code))
		}
		a := meaning(status, r)
		if a.fault == push.FaultToken && r.code != "UNREGISTERED" {
			t.Errorf("got a dead token for %d %q, want that for UNREGISTERED only", status, body)
		}
		if a.fault == push.FaultSuspect && r.code != "INVALID_ARGUMENT" && r.code != "SENDER_ID_MISMATCH" {
			t.Errorf("got a suspect token for %d %q", status, body)
		}
	})
}

func FuzzParseToken(f *testing.F) {
	f.Add(`{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}`)
	f.Add(`{"error":"invalid_grant","error_description":"x"}`)
	f.Add(`{"access_token":"a\nb","expires_in":-1e300}`)
	f.Add(`{"access_token":"a","expires_in":"3599"}`)
	f.Fuzz(func(t *testing.T, body string) {
		token, life := parseToken([]byte(body))
		reason, _ := oauthReason([]byte(body))
		if strings.ContainsAny(token.Reveal(), "\r\n \x00") || life < 0 || life > longestLife || strings.Trim(reason, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("got a token of %d bytes for %s, reason %q, of %q", len(token), life, reason, body)
		}
	})
}

func TestTheProjectsCredentialsForAPNsHoldNoAndroidDevice(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]push.Reach{
		"THIRD_PARTY_AUTH_ERROR": push.ReachDevice, "APNS_AUTH_ERROR": push.ReachDevice, "": push.ReachEnvironment,
	} {
		if got := reach(code); got != want {
			t.Errorf("%q is about the %q, want %q", code, got, want)
		}
	}
}

func FuzzAMessagesName(f *testing.F) {
	form := regexp.MustCompile(`^projects/[a-z0-9:.-]{1,40}/messages/[0-9A-Za-z:%-]{1,48}$`)
	project, id := strings.Repeat("p", 40), strings.Repeat("1", 48)
	for _, s := range []string{
		"", "projects/notes/messages/0:1", "projects/a.b:c-1/messages/0:1%A-z", "projects//messages/1", "projects/p/messages/", "projects/P/messages/1", "/projects/p/messages/1",
		"projects/p/messages/1/messages/2", "projects/" + project + "/messages/" + id, "projects/p" + project + "/messages/" + id, "projects/" + project + "/messages/1" + id,
		"projects/p/messages/1\n", "projects/p/messages/1_", "projects/p/messages/é",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := isMessageName(s), form.MatchString(s); got != want {
			t.Errorf("%q: got %t, want %t", s, got, want)
		}
	})
}

// What is read without encoding/json is what encoding/json reads.
func FuzzTheNameInAnAnswer(f *testing.F) {
	for _, body := range []string{
		`{"name":"projects/notes/messages/0:1"}`, "{\n  \"name\": \"projects/notes/messages/0:1\"\n}\n", `{"name":"projects/notes/messages/0:1"}}`, `{"name":"projects/notes/messages/0:1","name":"x"}`,
		`{"name":"projects/notes/messages/0:1"`, `{"name":"projects/notes/messages/0\u003a1"}`, `{"Name":"projects/notes/messages/0:1"}`, "\v{\"name\":\"projects/notes/messages/1\"}", `{"name" : "projects/p/messages/1" } 1`, `{"name":" projects/p/messages/1"}`,
		`x{"name":"projects/p/messages/1"}`, "\ufeff{\"name\":\"projects/p/messages/1\"}", `{ "name":"projects/p/messages/1"}`, ``,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var b struct {
			Name string `json:"name"`
		}
		want := ""
		if json.Unmarshal([]byte(body), &b) == nil {
			want = b.Name
		}
		if got := name([]byte(body)); got != want {
			t.Errorf("the name in %q is %q, want %q", body, got, want)
		}
	})
}

func TestTheNameInFCMsAnswerIsFoundAsItStands(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"name":"projects/notes/messages/0:1"}`, "{\n  \"name\": \"projects/notes/messages/0:1\"\n}\n"} {
		if got := usualName([]byte(body)); got != "projects/notes/messages/0:1" {
			t.Errorf("got %q of %q", got, body)
		}
	}
}

func BenchmarkTheNameInAnAnswer(b *testing.B) {
	body := []byte("{\n  \"name\": \"projects/notes-1234/messages/0:1500415314455276%31bd1c9631bd1c96\"\n}\n")
	b.ReportAllocs()
	for b.Loop() {
		if name(body) == "" {
			b.Fatal("none")
		}
	}
}
