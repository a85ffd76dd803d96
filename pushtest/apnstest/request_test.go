package apnstest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// TestEachRuleOfARequestIsTold breaks one rule at a time.
func TestEachRuleOfARequestIsTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.register(apnstest.Token{Token: token(2), Topic: "com.example.other", Online: true})
	w.register(apnstest.Token{Token: token(3), Topic: topic, Environment: apnstest.Development, Online: true})
	do := func(f ...func(*http.Request)) []func(*http.Request) { return f }
	voip := do(header("apns-push-type", "voip"), header("apns-topic", topic+".voip"))
	for _, tc := range []struct {
		name   string
		change []func(*http.Request)
		status int
		reason apnstest.Reason
	}{
		{"nothing is wrong", nil, 200, ""},
		{"GET", do(func(r *http.Request) { r.Method = "GET" }), 405, "MethodNotAllowed"},
		{"another path", do(path("/3/devices/" + token(1))), 404, "BadPath"},
		{"another version", do(path("/2/device/" + token(1))), 404, "BadPath"},
		{"more path", do(path("/3/device/" + token(1) + "/x")), 404, "BadPath"},
		{"no token", do(path("/3/device/")), 400, "MissingDeviceToken"},
		{"repeated header", do(func(r *http.Request) { r.Header.Add("apns-topic", topic) }), 400, "DuplicateHeaders"},
		{"repeated header of no meaning", do(func(r *http.Request) { r.Header["X-A"] = []string{"1", "1"} }), 400, "DuplicateHeaders"},
		{"apns-id is no UUID", do(header("apns-id", "1")), 400, "BadMessageId"},
		{"apns-id in braces", do(header("apns-id", "{eabeae54-14a8-11e5-b60b-1697f925ec7b}")), 400, "BadMessageId"},
		{"apns-id", do(header("apns-id", "eabeae54-14a8-11e5-b60b-1697f925ec7b")), 200, ""},
		{"apns-id in upper case", do(header("apns-id", "EABEAE54-14A8-11E5-B60B-1697F925EC7B")), 200, ""},
		{"unknown push type", do(header("apns-push-type", "Background")), 400, "InvalidPushType"},
		{"no push type", do(without("apns-push-type")), 200, ""},
		{"expiration 0", do(header("apns-expiration", "0")), 200, ""},
		{"expiration no number", do(header("apns-expiration", "tomorrow")), 400, "BadExpirationDate"},
		{"expiration negative", do(header("apns-expiration", "-1")), 400, "BadExpirationDate"},
		{"expiration with a fraction", do(header("apns-expiration", "1.5")), 400, "BadExpirationDate"},
		{"priority 1", do(header("apns-priority", "1")), 200, ""},
		{"priority 10 for background", do(header("apns-priority", "10")), 200, ""},
		{"no priority", do(without("apns-priority")), 200, ""},
		{"priority 7", do(header("apns-priority", "7")), 400, "BadPriority"},
		{"priority 05", do(header("apns-priority", "05")), 400, "BadPriority"},
		{"collapse id of 64 bytes", do(header("apns-collapse-id", strings.Repeat("x", 64))), 200, ""},
		{"collapse id of 65 bytes", do(header("apns-collapse-id", strings.Repeat("x", 65))), 400, "BadCollapseId"},
		{"collapse id of 33 characters, 66 bytes", do(header("apns-collapse-id", strings.Repeat("ä", 33))), 400, "BadCollapseId"},
		{"no topic", do(without("apns-topic")), 400, "MissingTopic"},
		{"a topic of the wrong form", do(header("apns-topic", "com example")), 400, "BadTopic"},
		{"a topic of nobody", do(header("apns-topic", "com.example.nobody")), 400, "TopicDisallowed"},
		{"voip without suffix", do(header("apns-push-type", "voip")), 400, "BadTopic"},
		{"no payload", do(body("")), 400, "PayloadEmpty"},
		{"payload of 4096 bytes", do(body(strings.Repeat("x", 4096))), 200, ""},
		{"payload of 4097 bytes", do(body(strings.Repeat("x", 4097))), 413, "PayloadTooLarge"},
		{"voip payload of 5120 bytes", append(voip, body(strings.Repeat("x", 5120))), 200, ""},
		{"voip payload of 5121 bytes", append(voip, body(strings.Repeat("x", 5121))), 413, "PayloadTooLarge"},
		{"payload of 100 000 bytes", do(body(strings.Repeat("x", 100_000))), 413, "PayloadTooLarge"},
		{"payload that is no JSON", do(body("hello")), 200, ""},
		{"unknown token", do(to(token(9))), 400, "BadDeviceToken"},
		{"token not hexadecimal", do(to("xyz")), 400, "BadDeviceToken"},
		{"token in upper case", do(to(strings.ToUpper(token(1)))), 200, ""},
		{"token of the other environment", do(to(token(3))), 400, "BadDeviceToken"},
		{"token of another topic", do(to(token(2))), 400, "DeviceTokenNotForTopic"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := w.send(tc.change...)
			a.mustBe(t, tc.status, tc.reason, tc.name)
			if len(a.Header.Get("apns-id")) != 36 {
				t.Errorf("apns-id of the answer is %q, want a UUID", a.Header.Get("apns-id"))
			}
			if tc.status == 200 && a.Body != "" {
				t.Errorf("200 has the body %q", a.Body)
			}
			if tc.status != 200 && a.Header.Get("content-type") != "application/json" {
				t.Errorf("content-type is %q", a.Header.Get("content-type"))
			}
			if strings.Contains(a.Body, "timestamp") {
				t.Errorf("timestamp without 410: %s", a.Body)
			}
		})
	}
}

func TestPushTypesWantTheirSuffix(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for typ, suffix := range map[string]string{
		"alert": "", "background": "", "voip": ".voip", "complication": ".complication", "fileprovider": ".pushkit.fileprovider",
		"location": ".location-query", "pushtotalk": ".voip-ptt", "liveactivity": ".push-type.liveactivity",
		"widgets": ".push-type.widgets", "controls": ".push-type.controls", "mdm": "",
	} {
		w.send(header("apns-push-type", typ), header("apns-topic", topic+suffix)).mustBe(t, 200, "", typ)
	}
}

func TestTheAPNsIDComesBackAsItWasSent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const id = "EABEAE54-14A8-11E5-B60B-1697F925EC7B"
	if got := w.send(header("apns-id", id)).Header.Get("apns-id"); got != id {
		t.Errorf("got %q, want %q", got, id)
	}
	if got := w.send(header("apns-id", id), header("apns-priority", "3")).Header.Get("apns-id"); got != id {
		t.Errorf("with a refusal: got %q, want %q", got, id)
	}
	if got := w.send(header("apns-id", "1")).Header.Get("apns-id"); len(got) != 36 {
		t.Errorf("for a bad one: got %q, want a new UUID", got)
	}
}

func TestTheUniqueIDIsOfTheDevelopmentEnvironment(t *testing.T) {
	t.Parallel()
	if got := setup(t).send().Header.Get("apns-unique-id"); got != "" {
		t.Errorf("production: got %q, want none", got)
	}
	if got := setup(t, apnstest.In(apnstest.Development)).send().Header.Get("apns-unique-id"); len(got) != 36 {
		t.Errorf("development: got %q, want a UUID", got)
	}
}

func TestSwitchesChangeWhatIsUncertain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, value string
		change      func(*http.Request)
		reason      apnstest.Reason
	}{
		{"background.priority", "refuse", header("apns-priority", "10"), "BadPriority"},
		{"payload.json", "refuse", body("hello"), "PayloadEmpty"},
		{"payload.json", "refuse", body(`{"aps":1}`), "PayloadEmpty"},
		{"payload.json", "refuse", body(strings.Repeat("[", 4000)), "PayloadEmpty"},
		{"apns_id.case", "lower", header("apns-id", "EABEAE54-14A8-11E5-B60B-1697F925EC7B"), "BadMessageId"},
		{"apns_push_type.required", "true", without("apns-push-type"), "InvalidPushType"},
	} {
		w := setup(t, apnstest.Set(tc.name, tc.value))
		w.send().mustBe(t, 200, "", tc.name+" and a good request")
		w.send(tc.change).mustBe(t, 400, tc.reason, tc.name)
	}
	both := func(r *http.Request) { r.Header.Set("apns-priority", "7"); r.Header.Del("authorization") }
	setup(t).send(both).mustBe(t, 403, "MissingProviderToken", "order, auth_first")
	setup(t, apnstest.Set("order", "headers_first")).send(both).mustBe(t, 400, "BadPriority", "order, headers_first")
	w := setup(t, apnstest.Set("device_token.length", "64"))
	w.register(apnstest.Token{Token: "ff01", Topic: topic})
	w.send().mustBe(t, 200, "", "a token of 64 digits")
	w.send(to("ff01")).mustBe(t, 400, "BadDeviceToken", "a known token of 4 digits")
	w = setup(t, apnstest.Set("apns_topic.suffix", "accept"))
	w.send(header("apns-push-type", "voip")).mustBe(t, 200, "", "apns_topic.suffix")
	w = setup(t, apnstest.Set("provider_token.scheme", "any"))
	w.send(header("authorization", "BEARER "+w.jwt)).mustBe(t, 200, "", "provider_token.scheme")
}

func TestTooManyRequestsMayBlockTheProvider(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("device.rate", "1"), apnstest.Set("device.over", "block"),
		apnstest.WithKey(apnstest.Key{}), apnstest.WithKey(apnstest.Key{ID: "BBBBBBBBBB", Team: "TEAM000002"}))
	w.StopClock() // however slow the machine is
	w.register(apnstest.Token{Token: token(2), Topic: topic, Online: true})
	w.register(apnstest.Token{Token: token(3), Topic: topic, Online: true})
	w.send().mustBe(t, 200, "", "within the rate")
	w.send().mustBe(t, 429, "TooManyRequests", "above it")
	w.send(to(token(2))).mustBe(t, 429, "TooManyRequests", "another token")
	w.client.CloseIdleConnections()
	w.client = w.Client()
	defer w.client.CloseIdleConnections()
	w.send(to(token(3)), header("authorization", "bearer "+w.sign(w.Keys()[1], time.Now()))).mustBe(t, 200, "", "another team")
	w.Advance(61 * time.Second)
	w.client.CloseIdleConnections()
	w.client = w.Client()
	defer w.client.CloseIdleConnections()
	w.send(to(token(2))).mustBe(t, 200, "", "a minute later")
}

func TestTooManyRequestsToOneToken(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("device.rate", "2"))
	w.StopClock() // however slow the machine is
	w.register(apnstest.Token{Token: token(2), Topic: topic, Online: true})
	for range 2 {
		w.send().mustBe(t, 200, "", "within the rate")
	}
	w.send().mustBe(t, 429, "TooManyRequests", "above it")
	w.send(to(token(2))).mustBe(t, 200, "", "another token")
	w.Advance(61e9)
	w.send().mustBe(t, 200, "", "a minute later")
	for value, want := range map[string]bool{"true": true, "false": false} {
		w := setup(t, apnstest.Set("device.rate", "1"), apnstest.Set("answer.retry_after", value))
		w.StopClock() // however slow the machine is
		w.send().mustBe(t, 200, "", "within the rate")
		a := w.send()
		a.mustBe(t, 429, "TooManyRequests", "above it")
		if n, err := strconv.Atoi(a.Header.Get("retry-after")); want != (err == nil && n >= 1 && n <= 60) {
			t.Errorf("answer.retry_after=%s: Retry-After is %q", value, a.Header.Get("retry-after"))
		}
	}
}
