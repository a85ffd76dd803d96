package fcmtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// iphone returns a token of an app on iOS.
func (w *world) iphone(token string, online bool) *phone {
	w.t.Helper()
	p := &phone{}
	err := w.Register(Token{Token: token, Package: "com.example.notes-1", Platform: IOS, Online: online,
		Deliver: func(m Message) { p.mu.Lock(); defer p.mu.Unlock(); p.got = append(p.got, m) }})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// toIOS sends a message with this apns block and more of the message.
func (w *world) toIOS(token, apns, more string) reply {
	w.t.Helper()
	return w.send(`{"message":{"token":"` + token + `","apns":` + apns + more + `}}`)
}

// silent is the apns block of a silent push.
const silent = `{"headers":{"apns-push-type":"background","apns-priority":"5","apns-topic":"com.example.notes-1"},"payload":{"aps":{"content-available":1},"n":1}}`

func TestAMessageToIOSBecomesAPushOfAPNs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.iphone("i:1", true)
	before := time.Now()
	if got := w.toIOS("i:1", silent, `,"data":{"k":"v","n":"not this"},"android":{"collapse_key":"c","ttl":"0s","priority":"HIGH","restricted_package_name":"com.other"}`); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	m := p.messages()[0]
	var body map[string]any
	if err := json.Unmarshal(m.APNs.Payload, &body); err != nil {
		t.Fatalf("body %s: %v", m.APNs.Payload, err)
	}
	if body["n"] != 1.0 || body["k"] != "v" || body["gcm.message_id"] != m.ID || body["google.c.fid"] != "i" || body["aps"].(map[string]any)["content-available"] != 1.0 {
		t.Errorf("body %s, want the payload, the data beside it, and FCM's own keys", m.APNs.Payload)
	}
	h := m.APNs.Headers
	expiration, err := strconv.ParseInt(h["apns-expiration"], 10, 64)
	if err != nil || time.Unix(expiration, 0).Before(before.Add(30*24*time.Hour-time.Minute)) {
		t.Errorf("apns-expiration %q, want one in 30 days", h["apns-expiration"])
	}
	if h["apns-priority"] != "5" || h["apns-topic"] != "com.example.notes-1" {
		t.Errorf("headers %v, want those of the message", h)
	}
	if m.CollapseKey != "" || m.Priority != Normal || m.TTL < 30*24*time.Hour-time.Minute {
		t.Errorf("%+v: what is Android's carried over", m)
	}
	if got := w.toIOS("i:1", `{}`, `,"data":{"k":"v"}`); got.status != 200 {
		t.Errorf("data alone and no headers: %d %s", got.status, got.raw)
	}
	if h := p.messages()[1].APNs.Headers; h["apns-priority"] != "10" || h["apns-topic"] != "com.example.notes-1" {
		t.Errorf("headers %v, want FCM's defaults", h)
	}
	w.toIOS("i:1", `{"payload":{"aps":{"badge":1}}}`, `,"notification":{"title":"<a>","body":"b"}`)
	if got := string(p.messages()[2].APNs.Payload); !strings.Contains(got, `"aps":{"badge":1,"alert":{"title":"<a>","body":"b"}}`) {
		t.Errorf("body %s, want the notification as its alert", got)
	}
}

func TestWhatAPNsWouldRefuseIsRefused(t *testing.T) {
	t.Parallel()
	const priority = `{"headers":{"apns-priority":"10"},"payload":{"aps":{"content-available":1}}}`
	for _, how := range []string{"fcm", "apns"} {
		w := setup(t, Set("ios.headers", how))
		w.iphone("i:1", true)
		for apns, reason := range map[string]string{
			priority:                                 "BadPriority",
			`{"headers":{"apns-priority":"7"}}`:      "BadPriority",
			`{"headers":{"APNS-Expiration":"soon"}}`: "BadExpirationDate",
			`{"headers":{"apns-collapse-id":"` + strings.Repeat("c", 65) + `"}}`:  "BadCollapseId",
			`{"headers":{"apns-push-type":"silent"}}`:                             "InvalidPushType",
			`{"headers":{"apns-topic":"com.example.other","apns-priority":"5"}}`:  "DeviceTokenNotForTopic",
			`{"headers":{"apns-topic":"com.example.notes-12","apns-priority":5}}`: "",
			`{"headers":{"apns-expiration":1},"payload":{"aps":{}}}`:              "",
			`{"payload":{"aps":{},"x":"` + strings.Repeat("x", 4100) + `"}}`:      "size",
			`{"payload":{"aps":{},"x":"` + strings.Repeat("x", 4096-17) + `"}}`:   "size", // FCM's own keys are too many
			`{"payload":"text"}`: "",
			`{"headers":{"apns-priority":"5"},"payload":{"aps":{}},"unknown":"x"}`: "",
		} {
			got := w.toIOS("i:1", apns, `,"data":{"k":"v"}`)
			if got.status != 400 || got.grpc != "INVALID_ARGUMENT" {
				t.Errorf("%s: %.80s: %d %s, want 400", how, apns, got.status, got.grpc)
			}
			switch {
			case reason == "": // of the shape: before FCM proper
				if got.code != "" || len(got.fields) == 0 {
					t.Errorf("%s: %.80s: %s", how, apns, got.raw)
				}
			case reason == "size":
				if got.message != "iOS message is too big" || got.code != "INVALID_ARGUMENT" {
					t.Errorf("%s: %.80s: %s", how, apns, got.raw)
				}
			case how == "fcm":
				if got.code != "INVALID_ARGUMENT" || len(got.fields) != 1 || got.fields[0].Field != "message.apns.headers" {
					t.Errorf("%s: %.80s: %s", how, apns, got.raw)
				}
			default:
				if got.code != "INVALID_ARGUMENT" || !strings.Contains(got.raw, typeApnsError) || !strings.Contains(got.raw, `"`+reason+`"`) {
					t.Errorf("%s: %.80s: %s, want an ApnsError with %s", how, apns, got.raw, reason)
				}
			}
		}
	}
	w := setup(t, Set("ios.data_priority", "accept"))
	w.iphone("i:1", true)
	if got := w.toIOS("i:1", priority, ""); got.status != 200 {
		t.Errorf("ios.data_priority=accept: %d %s", got.status, got.raw)
	}
}

func TestAWrongAPNsKeyIsNoDeadToken(t *testing.T) {
	t.Parallel()
	for word, apns := range map[string]bool{"missing": false, "wrong": true} {
		w := setup(t, Set("ios.credentials", word))
		w.iphone("i:1", true)
		p := w.phone("a:1", true)
		got := w.toIOS("i:1", silent, "")
		if got.status != 401 || got.grpc != "UNAUTHENTICATED" || got.code != "THIRD_PARTY_AUTH_ERROR" || strings.Contains(got.raw, typeApnsError) != apns {
			t.Errorf("%s: %d %s", word, got.status, got.raw)
		}
		if got := w.to("a:1", ""); got.status != 200 || len(p.messages()) != 1 {
			t.Errorf("%s: a message to Android: %d %s", word, got.status, got.raw)
		}
	}
}

func TestOneMessageWaitsForAPhoneWithIOS(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.iphone("i:1", false)
	for range 3 {
		w.toIOS("i:1", silent, "")
	}
	w.toIOS("i:1", strings.Replace(silent, `"apns-priority":"5"`, `"apns-priority":"5","apns-expiration":"0"`, 1), "")
	if got, want := w.outcomes(), []string{"replaced", "replaced", "stored", "discarded"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	w.Advance(29 * 24 * time.Hour)
	if err := w.SetOnline("i:1", true); err != nil {
		t.Fatal(err)
	}
	if got := p.messages(); len(got) != 1 || !got[0].Stored || got[0].RequestID != "3" {
		t.Errorf("on-line after 29 days it got %+v, want the third message", got)
	}
	w.SetOnline("i:1", false)
	w.toIOS("i:1", silent, "")
	w.Advance(31 * 24 * time.Hour)
	if got := w.last(); got.Outcome != "discarded" || got.Reason != DroppedExpired {
		t.Errorf("after 31 days: %s %s, want it expired", got.Outcome, got.Reason)
	}
}

func TestAnAppOnIOSThatIsGone(t *testing.T) {
	t.Parallel()
	for word, want := range map[string][]int{"next": {200, 404}, "now": {404, 404}} {
		w := setup(t, Set("ios.gone", word))
		w.iphone("i:1", true)
		w.Uninstall("i:1")
		for i, status := range want {
			if got := w.toIOS("i:1", silent, ""); got.status != status || status == 404 && got.code != "UNREGISTERED" {
				t.Errorf("%s: send %d after the app was removed: %d %s, want %d", word, i+1, got.status, got.code, status)
			}
		}
	}
}

func TestTheRateOfADeviceWithIOSIsItsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("ios.per_minute", "2"), Set("quota.device_per_minute", "1"))
	w.StopClock() // however slow the machine is
	w.iphone("i:1", true)
	for i, want := range []int{200, 200, 429} {
		if got := w.toIOS("i:1", silent, ""); got.status != want || want == 429 && (got.code != "QUOTA_EXCEEDED" || !got.quota) {
			t.Errorf("message %d: %d %s, want %d", i+1, got.status, got.raw, want)
		}
	}
}

func TestThePlatformOfATokenIsSetByTheControlAPI(t *testing.T) {
	t.Parallel()
	w := setup(t, Control())
	if status, v := w.ctl("POST", "/_sim/tokens", `{"token":"i:1","package":"com.example.notes-1"}`); status != 422 {
		t.Errorf("a bundle id with a hyphen on Android: %d %v, want 422", status, v)
	}
	if status, v := w.ctl("POST", "/_sim/tokens", `{"token":"i:1","platform":"windows"}`); status != 422 {
		t.Errorf("an unknown platform: %d %v, want 422", status, v)
	}
	if status, v := w.ctl("POST", "/_sim/tokens", `{"token":"i:1","package":"com.example.notes-1","platform":"ios"}`); status != 201 {
		t.Errorf("on iOS: %d %v, want 201", status, v)
	}
	if status, v := w.ctl("POST", "/_sim/tokens", `{"token":"i:1","package":"com.example.notes-2"}`); status != 200 {
		t.Errorf("changed: %d %v, want 200", status, v)
	}
	if got := w.toIOS("i:1", silent, ""); got.status != 400 {
		t.Errorf("the topic of the former bundle id: %d, want 400", got.status)
	}
}
