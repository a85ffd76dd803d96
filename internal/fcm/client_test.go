package fcm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/fcm"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

func TestAWakeReachesThePhoneAsASilentDataMessage(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := setup(t, func(c *fcm.Config) { c.Now = func() time.Time { return now } })
	sent := wake("a\x00b <&> ü 🎈 \u2028", "second")
	sent.Priority, sent.ExpiresAt = push.High, now.Add(time.Hour-time.Second/2)
	answer, err := w.Wake(within(t), phone(), sent)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Provider != push.FCM || answer.Status != 200 || !strings.HasPrefix(answer.ProviderID, "projects/demo/messages/") {
		t.Errorf("got %+v, want FCM's 200 and its message name", answer)
	}
	var body struct {
		Message map[string]json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(w.requests("send")[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	for member := range body.Message {
		if member != "token" && member != "data" && member != "android" {
			t.Errorf("got member %q in the message, want token, data and android only", member)
		}
	}
	var android map[string]string
	var data map[string]string
	if err := errors.Join(json.Unmarshal(body.Message["android"], &android), json.Unmarshal(body.Message["data"], &data)); err != nil {
		t.Fatal(err)
	}
	if android["collapse_key"] != "hush" || android["priority"] != "high" || android["ttl"] != "3600s" || len(android) != 3 || len(data) != 1 {
		t.Errorf("got android %v and %d data, want collapse_key hush, priority high, ttl 3600s (rounded up) and hush alone", android, len(data))
	}
	hush := wakertest.Open(t, []byte(data["hush"]))
	if hush.Wake != string(sent.ID) || len(hush.Pushes) != 2 || *hush.Pushes[0].Payload != string(sent.Items[0].(push.PushItem).Payload) {
		t.Errorf("got %+v, want the wake with both payloads byte for byte", hush)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	details := func(code, field string) string {
		var list []string
		if code != "" {
			list = append(list, fmt.Sprintf(`{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q}`, code))
		}
		if field != "" {
			list = append(list, fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,"description":"x"}]}`, field))
		}
		return strings.Join(list, ",")
	}
	quota := func(subject string) string {
		return details("QUOTA_EXCEEDED", "") + fmt.Sprintf(`,{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":%q,"description":"x"}]}`, subject)
	}
	const (
		none     = 0
		retry    = 10 * time.Second
		perQuota = time.Minute
	)
	cases := []struct {
		status       int
		rpc, message string
		details      string
		reason       string
		fault        push.Fault
		wait         time.Duration
		unclear      bool
	}{
		{400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", details("INVALID_ARGUMENT", ""), "INVALID_ARGUMENT", push.FaultSuspect, none, false},
		{400, "INVALID_ARGUMENT", "Request contains an invalid argument.", details("INVALID_ARGUMENT", "message.token"), "INVALID_ARGUMENT", push.FaultSuspect, none, false},
		{400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", details("INVALID_ARGUMENT", "message.android.ttl"), "INVALID_ARGUMENT", push.FaultPush, none, false},
		{400, "INVALID_ARGUMENT", "Android message is too big", details("INVALID_ARGUMENT", ""), "INVALID_ARGUMENT", push.FaultPush, none, false},
		{400, "INVALID_ARGUMENT", "Invalid value at 'message.data[0].value'", details("", "message.data[0].value"), "INVALID_ARGUMENT", push.FaultPush, none, false},
		{400, "INVALID_ARGUMENT", "Invalid value at 'message.token'", details("", "message.token"), "INVALID_ARGUMENT", push.FaultPush, none, false}, // the JSON's shape
		{400, "INVALID_ARGUMENT", "Request contains an invalid argument.", "", "INVALID_ARGUMENT", push.FaultPush, none, false},
		{401, "UNAUTHENTICATED", "x", "", "UNAUTHENTICATED", push.FaultCredentials, retry, false},
		{401, "UNAUTHENTICATED", "x", details("THIRD_PARTY_AUTH_ERROR", ""), "THIRD_PARTY_AUTH_ERROR", push.FaultCredentials, none, false},
		{401, "UNAUTHENTICATED", "x", details("APNS_AUTH_ERROR", ""), "APNS_AUTH_ERROR", push.FaultCredentials, none, false},
		{403, "PERMISSION_DENIED", "SenderId mismatch", details("SENDER_ID_MISMATCH", ""), "SENDER_ID_MISMATCH", push.FaultSuspect, none, false},
		{403, "PERMISSION_DENIED", "x", "", "PERMISSION_DENIED", push.FaultCredentials, none, false},
		{404, "NOT_FOUND", "Requested entity was not found.", details("UNREGISTERED", ""), "UNREGISTERED", push.FaultToken, none, false},
		{404, "NOT_FOUND", "Requested entity was not found.", "", "NOT_FOUND", push.FaultCredentials, none, false}, // never prune
		{429, "RESOURCE_EXHAUSTED", "x", quota("project:demo"), "QUOTA_EXCEEDED", push.FaultQuota, perQuota, false},
		{429, "RESOURCE_EXHAUSTED", "x", quota("device:abc"), "QUOTA_EXCEEDED", push.FaultPace, perQuota, false},
		{429, "RESOURCE_EXHAUSTED", "x", "", "RESOURCE_EXHAUSTED", push.FaultQuota, perQuota, false},
		{500, "INTERNAL", "Internal error encountered.", details("INTERNAL", ""), "INTERNAL", push.FaultProvider, retry, false},
		{500, "INTERNAL", "x", details("UNSPECIFIED_ERROR", ""), "UNSPECIFIED_ERROR", push.FaultProvider, retry, false},
		{400, "INVALID_ARGUMENT", "x", details("UNSPECIFIED_ERROR", ""), "UNSPECIFIED_ERROR", push.FaultProvider, retry, false},
		{503, "UNAVAILABLE", "x", details("UNAVAILABLE", ""), "UNAVAILABLE", push.FaultProvider, retry, true},
		{503, "UNAVAILABLE", "x", "", "UNAVAILABLE", push.FaultProvider, retry, true},
		{504, "DEADLINE_EXCEEDED", "x", "", "DEADLINE_EXCEEDED", push.FaultProvider, retry, true},
		{418, "TEAPOT", "x", details("NEW_CODE", ""), "NEW_CODE", push.FaultProvider, retry, false}, // unknown: nothing is dropped
	}
	w := setup(t, func(c *fcm.Config) { c.RetryWait, c.QuotaWait = retry, perQuota })
	two := 2
	for _, c := range cases {
		body := fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[%s]}}`, c.status, c.message, c.rpc, c.details)
		count := 1
		if c.reason == "UNAUTHENTICATED" {
			count = two // one new access token is tried first
		}
		w.fault(fcmtest.Fault{Do: "answer", Status: c.status, Body: json.RawMessage(body), Count: &count})
		answer, e := w.send()
		if e == nil {
			t.Fatalf("%d %s: got no error", c.status, body)
		}
		longest := c.wait + c.wait/2
		if answer.Status != c.status || answer.Reason != c.reason || e.Reason != c.reason || e.Fault != c.fault || e.Unclear != c.unclear ||
			e.RetryAfter < c.wait || e.RetryAfter > longest || !e.DeadSince.IsZero() {
			t.Errorf("%d %s: got %d %q, fault %s, wait %s, unclear %v; want %q, %s, %s to %s, %v",
				c.status, body, answer.Status, answer.Reason, e.Fault, e.RetryAfter, e.Unclear, c.reason, c.fault, c.wait, longest, c.unclear)
		}
	}
}

func TestRetryAfterBeatsOurOwnWait(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for _, status := range []int{429, 500, 503} {
		w.fault(faultJSON(`{"do":"answer","status":%d,"retry_after":"37s"}`, status))
		if _, e := w.send(); e == nil || e.RetryAfter != 37*time.Second {
			t.Errorf("%d: got %+v, want 37s as Retry-After asks for", status, e)
		}
	}
}

func TestWaitsForAQuotaGrowWithTheTries(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for attempt, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 3: 4 * time.Minute, 40: time.Hour} {
		w.fault(fcmtest.Fault{Do: "answer", Status: 429})
		again := wake("42")
		again.Attempt = attempt
		_, err := w.Wake(within(t), phone(), again)
		var e *push.WakeError
		if !errors.As(err, &e) || e.Fault != push.FaultQuota || e.RetryAfter != want {
			t.Errorf("attempt %d: got %v, want FaultQuota and %s", attempt, e, want)
		}
	}
}

func TestOneAccessTokenIsFetchedForAll(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := w.Wake(within(t), phone(), wake("42")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(w.requests("oauth")); n != 1 {
		t.Errorf("got %d requests for an access token, want 1", n)
	}
}

func TestARefusedAccessTokenIsFetchedAnewOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.mustSend()
	w.sim.RevokeAccessTokens()
	var wg sync.WaitGroup
	var mended atomic.Int32
	for range 20 {
		wg.Go(func() {
			answer, err := w.Wake(within(t), phone(), wake("42"))
			if err != nil {
				t.Error(err)
			}
			mended.Add(int32(len(answer.Mended)))
		})
	}
	wg.Wait()
	if got, want := int(mended.Load()), len(w.requests("send"))-21; got != want || got == 0 {
		t.Errorf("the answers tell of %d refusals, want all %d", got, want)
	}
	if n := len(w.requests("oauth")); n != 2 {
		t.Errorf("got %d requests for an access token, want 2: the first, and one for all", n)
	}
}

func TestAnAccessTokenIsFetchedAnewShortlyBeforeItExpires(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	w := setup(t, func(c *fcm.Config) { c.Now = func() time.Time { return time.Unix(0, now.Load()) } })
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{0, 1}, {58 * time.Minute, 1}, {30 * time.Second, 1}, {45 * time.Second, 2}} {
		now.Add(int64(c.later))
		if c.later > 0 {
			w.creds.Put("notes", credential(w.sim.ServiceAccountJSON())) // asked again, the same
		}
		_, _ = w.send() // past the real hour the simulator refuses an assertion from the future; the request counts
		if n := len(w.requests("oauth")); n != c.want {
			t.Errorf("%s later: got %d requests for an access token, want %d", c.later, n, c.want)
		}
	}
}

func TestATokenEndpointThatRefusesMeansTheCredential(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	reason := "invalid_grant"
	w.fault(fcmtest.Fault{Match: fcmtest.FaultMatch{Endpoint: "oauth"}, Do: "answer", Status: 400, Reason: &reason})
	answer, e := w.send()
	if e == nil || e.Fault != push.FaultCredentials || e.Reason != reason || answer.Status != 400 || answer.Reason != reason || e.Unclear {
		t.Errorf("got %+v, %+v, want FaultCredentials with the endpoint's 400 invalid_grant", answer, e)
	}
	if _, e := w.send(); e == nil || len(w.requests("oauth")) != 1 {
		t.Errorf("got %v after %d requests, want the same without asking again at once", e, len(w.requests("oauth")))
	}
	w.Forget("notes")
	w.mustSend()
}

func TestATokenEndpointThatFailsIsTheProvidersFault(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *fcm.Config) { c.RetryWait = time.Millisecond })
	w.fault(faultJSON(`{"match":{"endpoint":"oauth"},"do":"answer","status":503,"retry_after":"20s"}`))
	if answer, e := w.send(); e == nil || e.Fault != push.FaultProvider || answer.Status != 503 || e.Unclear || e.RetryAfter != 20*time.Second {
		t.Errorf("got %+v, %+v, want FaultProvider, clear (FCM has seen nothing), 20s", answer, e)
	}
	time.Sleep(2 * time.Millisecond) // longer than RetryWait
	w.fault(fcmtest.Fault{Match: fcmtest.FaultMatch{Endpoint: "oauth"}, Do: "close"})
	if answer, e := w.send(); e == nil || e.Fault != push.FaultProvider || answer.Status != 0 || e.Unclear {
		t.Errorf("got %+v, %+v, want FaultProvider without an answer", answer, e)
	}
}

func TestLostConnections(t *testing.T) {
	t.Parallel()
	for _, do := range []string{"close", "take_and_close"} {
		t.Run(do, func(t *testing.T) {
			t.Parallel()
			w := setup(t, nil)
			w.mustSend()
			w.fault(faultJSON(`{"do":%q}`, do))
			answer, e := w.send()
			if e == nil || !e.Unclear || e.Fault != push.FaultProvider || answer.Status != 0 || e.RetryAfter < 10*time.Second {
				t.Errorf("got %+v, %+v, want it unclear, without an answer, to be tried after 10s", answer, e)
			}
			w.mustSend()
		})
	}
}

func TestAGoAwayIsGotOver(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.mustSend()
	w.fault(fcmtest.Fault{Do: "goaway"})
	w.mustSend()
}

func TestNoAnswerInTimeIsUnclear(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *fcm.Config) { c.RequestTimeout = 3 * time.Second })
	for range 20 { // the first may need longer on a busy machine, for the connection and the access token
		if _, e := w.send(); e == nil {
			break
		}
	}
	w.fault(faultJSON(`{"do":"delay","wait":"30s"}`))
	answer, e := w.send()
	if e == nil || !e.Unclear || e.Fault != push.FaultProvider || answer.Status != 0 || !strings.Contains(e.Error(), "request time-out") {
		t.Errorf("got %+v, %+v, want it unclear, and which clock ran out", answer, e)
	}
}

func TestAProviderThatCannotBeReachedIsClear(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *fcm.Config) { c.URL, c.TokenURL = "https://127.0.0.1:1", c.URL+"/token" })
	if _, e := w.send(); e == nil || e.Unclear || e.Fault != push.FaultProvider || e.RetryAfter < 10*time.Second {
		t.Errorf("got %+v, want the provider's fault, clear", e)
	}
	foreign := setup(t, func(c *fcm.Config) { c.CA = nil })
	if _, e := foreign.send(); e == nil || e.Unclear || e.Fault != push.FaultProvider {
		t.Errorf("got %+v, want the provider's fault where its certificate is not trusted", e)
	}
}

func TestAnAppWithoutACredential(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	stranger := phone()
	stranger.App = "other"
	_, err := w.Wake(within(t), stranger, wake("42"))
	var e *push.WakeError
	if !errors.As(err, &e) || e.Fault != push.FaultCredentials || e.Reason != "no_credentials" {
		t.Errorf("got %v, want FaultCredentials no_credentials", err)
	}
	w.creds.Fail(errors.New("the store is away"))
	if _, err := w.Wake(within(t), stranger, wake("42")); !errors.As(err, &e) || e.Fault != push.FaultProvider || e.Unclear {
		t.Errorf("got %v, want it to be tried again", err)
	}
}

func TestANewCredentialCountsOnceTheOldOneIsForgotten(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.mustSend()
	w.creds.Put("notes", credential(with(w.sim.ServiceAccountJSON(), "project_id", "elsewhere")))
	w.mustSend()
	w.Forget("notes")
	if answer, e := w.send(); e == nil || e.Fault == push.FaultToken {
		t.Errorf("got %+v, %+v, want the other project refused", answer, e)
	}
}

func TestHTTP1AndAnotherTokenURL(t *testing.T) {
	t.Parallel()
	var sends atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, `{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}`)
	})
	mux.HandleFunc("POST /v1/projects/demo/messages:send", func(rw http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.Header.Get("Authorization") != "Bearer ya29.x" {
			rw.WriteHeader(http.StatusTeapot)
		}
		sends.Add(1)
		fmt.Fprint(rw, `{"name":"projects/demo/messages/1"}`)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	w := setup(t, func(c *fcm.Config) { c.URL, c.TokenURL = srv.URL, srv.URL+"/oauth/token" })
	for range 3 {
		if answer := w.mustSend(); answer.ProviderID != "projects/demo/messages/1" {
			t.Errorf("got %+v, want the name of the message", answer)
		}
	}
	if sends.Load() != 3 {
		t.Errorf("got %d sends, want 3", sends.Load())
	}
}

func TestNoSecretShowsInErrorsAndLogs(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *fcm.Config) { c.RetryWait = time.Nanosecond })
	var account struct {
		PrivateKey string `json:"private_key"`
	}
	if err := json.Unmarshal(w.sim.ServiceAccountJSON(), &account); err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"provider token": token, "private key": account.PrivateKey[40:1000], "payload": "payload-that-nobody-may-see"}
	var seen strings.Builder
	try := func() {
		answer, err := w.Wake(within(t), phone(), wake(secrets["payload"]))
		fmt.Fprintf(&seen, "%v %+v\n", err, answer)
	}
	for _, f := range []string{
		`{"do":"answer","status":400}`, `{"do":"answer","status":403}`, `{"do":"answer","status":404}`, `{"do":"answer","status":401,"count":2}`,
		`{"do":"close"}`, `{"do":"take_and_close"}`, `{"match":{"endpoint":"oauth"},"do":"answer","status":400,"reason":"invalid_grant"}`,
		`{"match":{"endpoint":"oauth"},"do":"close"}`,
	} {
		w.sim.RevokeAccessTokens()
		w.fault(faultJSON("%s", f))
		try()
		w.sim.DeleteFaults()
	}
	for _, member := range []string{"type", "project_id", "client_email", "private_key", "token_uri"} {
		for _, value := range []string{"", account.PrivateKey[40:1000]} {
			raw := with(w.sim.ServiceAccountJSON(), member, value)
			_, err := w.Check(within(t), credential(raw))
			fmt.Fprintln(&seen, err)
			w.creds.Put("notes", credential(raw))
			w.Forget("notes")
			if member != "project_id" && member != "client_email" {
				try()
			}
		}
	}
	wakertest.NoSecrets(t, "errors", seen.String(), secrets)
	wakertest.NoSecrets(t, "log", w.log.String(), secrets)
}

func BenchmarkWakes(b *testing.B) {
	sim, err := fcmtest.Start(fcmtest.Config{Listen: "127.0.0.1:0", Set: []string{"quota.device_per_minute=100000000", "quota.device_per_hour=100000000", "quota.project_per_minute=100000000"}})
	if err != nil {
		b.Fatal(err)
	}
	defer sim.Close()
	if err := sim.Register(fcmtest.Token{Token: token, Package: "com.example.notes", Online: true}); err != nil {
		b.Fatal(err)
	}
	creds := &wakertest.Credentials{}
	creds.Put("notes", credential(sim.ServiceAccountJSON()))
	client, err := fcm.New(fcm.Config{Credentials: creds, URL: sim.URL(), CA: sim.CAPEM()})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.Wake(b.Context(), phone(), wake("42")); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "wakes/s")
}
