package apns_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/apns"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

func TestAWakeIsASilentBackgroundPush(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	sent := w.wake("a\x00b <&> ü 🎈 \u2028", "second")
	answer, err := w.Wake(within(t), phone(), sent)
	if err != nil {
		t.Fatal(err)
	}
	if want := (push.Answer{Provider: push.APNs, Status: 200, ProviderID: string(sent.ID)}); !reflect.DeepEqual(answer, want) {
		t.Errorf("got %+v, want %+v", answer, want)
	}
	r := w.apple.requests()[0]
	if r.path != "/3/device/"+token {
		t.Errorf("got path %s, want the device token's", r.path)
	}
	for name, want := range map[string]string{
		"apns-push-type": "background", "apns-priority": "5", "apns-topic": "com.example.notes", "apns-collapse-id": "hush",
		"apns-id": string(sent.ID), "apns-expiration": strconv.FormatInt(sent.ExpiresAt.Add(time.Second-1).Unix(), 10),
	} {
		if got := r.header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("got %s %q, want %q once", name, got, want)
		}
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(r.body, &body); err != nil || len(body) != 2 || string(body["aps"]) != `{"content-available":1}` {
		t.Errorf("got %.200s, %v, want aps with content-available alone, and hush", r.body, err)
	}
	hush := wakertest.Open(t, body["hush"])
	if hush.Wake != string(sent.ID) || len(hush.Pushes) != 2 || *hush.Pushes[0].Payload != string(sent.Items[0].(push.PushItem).Payload) {
		t.Errorf("got %+v, want the wake with both payloads byte for byte", hush)
	}
	claims, header := w.apple.verify(t, r.jwt)
	if header["kid"] != keyID || header["alg"] != "ES256" || claims["iss"] != teamID || len(claims) != 2 {
		t.Errorf("got token header %v and claims %v, want alg, kid, iss and iat", header, claims)
	}
}

func TestTheBodyNeverExceedsAPNsLimit(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for _, payloads := range [][]string{
		{strings.Repeat("x", 64<<10)}, {strings.Repeat("\x00", 600)}, {strings.Repeat("x", 2000), strings.Repeat("y", 2000), "z"},
	} {
		w.apple.answers(nil)
		if _, err := w.Wake(within(t), phone(), w.wake(payloads...)); err != nil {
			t.Fatal(err)
		}
		if r := w.apple.requests()[0]; len(r.body) > 4096 || !json.Valid(r.body) {
			t.Errorf("got %d bytes, want JSON of at most 4096", len(r.body))
		}
	}
}

func TestExpirationIsZeroForNowOrNever(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for name, at := range map[string]time.Time{"now or never": {}, "past": w.clock.Now().Add(-time.Minute), "within this second": w.clock.Now()} {
		w.apple.answers(nil)
		wk := w.wake("42")
		wk.ExpiresAt = at
		if _, err := w.Wake(within(t), phone(), wk); err != nil {
			t.Fatal(err)
		}
		if got := w.apple.requests()[0].header.Get("apns-expiration"); got != "0" {
			t.Errorf("%s: got apns-expiration %s, want 0", name, got)
		}
	}
}

func TestTheProviderKeepsAWakeAsLongAsTheAppTakesIt(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for _, past := range []time.Duration{0, time.Nanosecond, time.Second / 2, time.Second - time.Nanosecond} {
		w.apple.answers(nil)
		wk := w.wake("42")
		wk.ExpiresAt = w.clock.Now().Truncate(time.Second).Add(time.Minute + past)
		wk.EndsAt = wk.ExpiresAt
		if _, err := w.Wake(within(t), phone(), wk); err != nil {
			t.Fatal(err)
		}
		var body struct{ Hush json.RawMessage }
		r := w.apple.requests()[0]
		if err := json.Unmarshal(r.body, &body); err != nil {
			t.Fatal(err)
		}
		exp := wakertest.Open(t, body.Hush).Exp
		if got, want := r.header.Get("apns-expiration"), strconv.FormatInt(exp, 10); got != want || exp == 0 {
			t.Errorf("%s past a second: got apns-expiration %s beside exp %s, want the same", past, got, want)
		}
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	const (
		none  = 0
		soon  = time.Second
		later = 15 * time.Minute
	)
	cases := []struct {
		status  int
		reason  string
		fault   push.Fault
		wait    time.Duration
		unclear bool
	}{
		{400, "BadCollapseId", push.FaultPush, none, false},
		{400, "BadDeviceToken", push.FaultSuspect, none, false},
		{400, "BadExpirationDate", push.FaultPush, none, false},
		{400, "BadMessageId", push.FaultPush, none, false},
		{400, "BadPriority", push.FaultPush, none, false},
		{400, "BadTopic", push.FaultCredentials, none, false},
		{400, "DeviceTokenNotForTopic", push.FaultSuspect, none, false},
		{400, "DuplicateHeaders", push.FaultPush, none, false},
		{400, "IdleTimeout", push.FaultProvider, soon, false},
		{400, "InvalidPushType", push.FaultPush, none, false},
		{400, "MissingDeviceToken", push.FaultPush, none, false},
		{400, "MissingTopic", push.FaultCredentials, none, false},
		{400, "PayloadEmpty", push.FaultPush, none, false},
		{400, "TopicDisallowed", push.FaultCredentials, none, false},
		{403, "BadCertificate", push.FaultCredentials, none, false},
		{403, "BadCertificateEnvironment", push.FaultCredentials, none, false},
		{403, "ExpiredProviderToken", push.FaultCredentials, later, false},
		{403, "Forbidden", push.FaultCredentials, none, false},
		{403, "InvalidProviderToken", push.FaultCredentials, none, false},
		{403, "MissingProviderToken", push.FaultCredentials, none, false},
		{403, "UnrelatedKeyIdInToken", push.FaultCredentials, none, false},
		{403, "BadEnvironmentKeyIdInToken", push.FaultCredentials, none, false},
		{403, "BadEnvironmentKeyInToken", push.FaultCredentials, none, false},
		{404, "BadPath", push.FaultPush, none, false},
		{405, "MethodNotAllowed", push.FaultPush, none, false},
		{410, "ExpiredToken", push.FaultToken, none, false},
		{410, "Unregistered", push.FaultToken, none, false},
		{413, "PayloadTooLarge", push.FaultPush, none, false},
		{429, "TooManyProviderTokenUpdates", push.FaultCredentials, later, false},
		{429, "TooManyRequests", push.FaultPace, later, false},
		{500, "InternalServerError", push.FaultProvider, later, false},
		{503, "ServiceUnavailable", push.FaultProvider, later, true},
		{503, "Shutdown", push.FaultProvider, soon, true},

		{400, "NewReason", push.FaultPush, none, false}, // what nobody knows yet
		{403, "NewReason", push.FaultCredentials, none, false},
		{418, "NewReason", push.FaultProvider, later, false},
		{503, "NewReason", push.FaultProvider, later, true},
		{599, "NewReason", push.FaultProvider, later, true},
	}
	w := setup(t, nil)
	for _, c := range cases {
		w.apple.answers(func(int, seen) (int, string, string) { return c.status, "", fmt.Sprintf(`{"reason":%q}`, c.reason) })
		answer, e := w.send()
		if e == nil {
			t.Fatalf("%d %s: got no error", c.status, c.reason)
		}
		longest := c.wait + c.wait/2
		if answer.Status != c.status || answer.Reason != c.reason || answer.ProviderID == "" || e.Reason != c.reason || e.Fault != c.fault ||
			e.Unclear != c.unclear || e.RetryAfter < c.wait || e.RetryAfter > longest {
			t.Errorf("%d %s: got %+v, fault %s, wait %s, unclear %v; want %s, %s to %s, %v",
				c.status, c.reason, answer, e.Fault, e.RetryAfter, e.Unclear, c.fault, c.wait, longest, c.unclear)
		}
	}
}

func TestA410SaysSinceWhenTheTokenIsDead(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for body, want := range map[string]time.Time{
		`{"reason":"Unregistered","timestamp":1454948015990}`: time.UnixMilli(1454948015990),
		`{"reason":"Unregistered"}`:                           {},
		`{"reason":"Unregistered","timestamp":-1}`:            {},
		`{"reason":"Unregistered","timestamp":1e300}`:         {},
	} {
		w.apple.once(410, body)
		if _, e := w.send(); e == nil || e.Fault != push.FaultToken || !e.DeadSince.Equal(want) {
			t.Errorf("%s: got %+v, want FaultToken, dead since %v", body, e, want)
		}
	}
}

func TestRetryAfterBeatsOurOwnWait(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *apns.Config) { c.RetryWait = time.Minute })
	for body, want := range map[string]time.Duration{"": time.Minute, "7": 7 * time.Second} {
		w.apple.answers(func(int, seen) (int, string, string) { return 503, body, `{"reason":"ServiceUnavailable"}` })
		if _, e := w.send(); e == nil || e.RetryAfter != want {
			t.Errorf("Retry-After %q: got %+v, want %s", body, e, want)
		}
	}
}

func TestTheEnvironmentsHaveTheirHosts(t *testing.T) {
	t.Parallel()
	development := newApple(t)
	w := setup(t, nil)
	split := setup(t, func(c *apns.Config) {
		c.DevelopmentURL = development.URL
		c.CA = append(c.CA, development.ca()...)
	})
	d := phone()
	d.Environment = push.Development
	for _, world := range []*world{w, split} {
		if _, err := world.Wake(within(t), d, world.wake("42")); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.apple.requests()); got != 1 {
		t.Errorf("got %d requests at the only host, want 1", got)
	}
	if got, other := len(development.requests()), len(split.apple.requests()); got != 1 || other != 0 {
		t.Errorf("got %d requests for development and %d for production, want 1 and 0", got, other)
	}
}

func TestAppsWithOneKeyShareItsToken(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	cred := keyCredential(t, w.apple.key)
	cred.APNs.Topics = nil
	w.creds.Put("other", cred)
	other := phone()
	other.App, other.Environment = "other", push.Development
	w.mustSend()
	w.clock.advance(time.Minute)
	if _, err := w.Wake(within(t), other, w.wake("42")); err != nil {
		t.Fatal(err)
	}
	if r := w.apple.requests(); r[0].jwt != r[1].jwt {
		t.Error("got two provider tokens, want one per key, for all apps and environments")
	}
}

func TestAnAppWithoutACredential(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	stranger := phone()
	stranger.App = "other"
	_, err := w.Wake(within(t), stranger, w.wake("42"))
	if e := wakeError(t, err); e == nil || e.Fault != push.FaultCredentials || e.Reason != "no_credentials" {
		t.Errorf("got %v, want FaultCredentials no_credentials", err)
	}
	w.creds.Fail(errors.New("the store is away"))
	_, err = w.Wake(within(t), stranger, w.wake("42"))
	if e := wakeError(t, err); e == nil || e.Fault != push.FaultProvider || e.Unclear {
		t.Errorf("got %v, want it to be tried again", err)
	}
}

func TestTheStoreIsNotAskedForEachWake(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for range 5 {
		w.mustSend()
	}
	if n := w.creds.Asked(); n != 1 {
		t.Errorf("got %d questions for 5 wakes, want 1", n)
	}
	w.clock.advance(time.Minute)
	w.mustSend()
	if n := w.creds.Asked(); n != 2 {
		t.Errorf("got %d questions a minute later, want 2", n)
	}
	w.apple.once(403, `{"reason":"InvalidProviderToken"}`)
	if _, e := w.send(); e == nil {
		t.Fatal("got no refusal")
	}
	w.mustSend()
	if n := w.creds.Asked(); n != 3 {
		t.Errorf("got %d questions after a refused credential, want 3: another node may have stored a new one", n)
	}
}

func TestANewCredentialCountsOnceTheOldOneIsForgotten(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.mustSend()
	cred := keyCredential(t, w.apple.key)
	cred.APNs.TeamID = "NEWTEAM123"
	w.creds.Put("notes", cred)
	var wg sync.WaitGroup
	for range 20 { // in flight meanwhile
		wg.Go(func() {
			if _, err := w.Wake(within(t), phone(), w.wake("42")); err != nil {
				t.Error(err)
			}
		})
	}
	w.Forget("notes")
	wg.Wait()
	w.apple.answers(nil)
	w.mustSend()
	if claims, _ := w.apple.verify(t, w.apple.requests()[0].jwt); claims["iss"] != "NEWTEAM123" {
		t.Errorf("got team %v, want that of the new credential", claims["iss"])
	}
}

func TestAProviderThatCannotBeReachedIsClear(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*apns.Config){
		"nobody listens": func(c *apns.Config) { c.URL = "https://127.0.0.1:1" },
		"foreign CA":     func(c *apns.Config) { c.CA = nil },
	} {
		w := setup(t, change)
		answer, e := w.send()
		if e == nil || e.Unclear || e.Fault != push.FaultProvider || answer.Status != 0 || e.RetryAfter < time.Second {
			t.Errorf("%s: got %+v, %+v, want the provider's fault, clear, after a second or more", name, answer, e)
		}
	}
}

func TestNoAnswerInTimeIsUnclear(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *apns.Config) { c.RequestTimeout = 3 * time.Second })
	for range 20 { // the first may need longer on a busy machine, for the connection
		if _, e := w.send(); e == nil {
			break
		}
	}
	release := make(chan struct{})
	w.apple.answers(func(int, seen) (int, string, string) { <-release; return 200, "", "" })
	answer, e := w.send()
	close(release)
	if e == nil || !e.Unclear || e.Fault != push.FaultProvider || answer.Status != 0 || !strings.Contains(e.Error(), "request time-out") {
		t.Errorf("got %+v, %+v, want it unclear, and which clock ran out", answer, e)
	}
}

func TestABundleIDThatNoHeaderCanCarryIsNotSent(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	d := phone()
	d.BundleID = "com.example\r\nnotes"
	_, err := w.Wake(within(t), d, w.wake("42"))
	if e := wakeError(t, err); e == nil || e.Fault != push.FaultPush || len(w.apple.requests()) != 0 {
		t.Errorf("got %v after %d requests, want it refused without one", err, len(w.apple.requests()))
	}
}

func TestAClosedClientSendsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.mustSend()
	w.Close()
	w.Close()
	if _, e := w.send(); e == nil || e.Unclear {
		t.Errorf("got %+v, want it refused, clear", e)
	}
}

func TestNoSecretShowsInErrorsAndLogs(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	cred := keyCredential(t, w.apple.key)
	pem := cred.APNs.Key.Reveal()
	bundle, password := newP12(t, certOptions{topics: []string{"com.example.notes"}})
	secrets := map[string]string{
		"provider token": token, "key": pem[30 : len(pem)-30], "payload": "payload-that-nobody-may-see", "password": password, "p12": string(bundle),
	}
	var text strings.Builder
	try := func() {
		answer, err := w.Wake(within(t), phone(), w.wake(secrets["payload"]))
		fmt.Fprintf(&text, "%v %+v\n", err, answer)
	}
	for status, reason := range map[int]string{400: "BadDeviceToken", 403: "InvalidProviderToken", 410: "Unregistered", 503: "Shutdown"} {
		w.apple.once(status, fmt.Sprintf(`{"reason":%q}`, reason))
		try()
	}
	w.apple.answers(func(int, seen) (int, string, string) { panic(http.ErrAbortHandler) })
	try()
	w.apple.answers(nil)
	for _, c := range []push.APNsCredential{
		{Key: push.Secret(pem[:len(pem)/2]), KeyID: keyID, TeamID: teamID},
		{Key: push.Secret(strings.ReplaceAll(pem, "PRIVATE", pem[30:90])), KeyID: keyID, TeamID: teamID},
		{Key: cred.APNs.Key, KeyID: pem[30:90], TeamID: pem[30:90], Topics: []string{pem[30:90]}},
		{P12: bundle, Password: push.Secret(password + "x")},
		{P12: []byte(pem), Password: push.Secret(password)},
		{P12: bundle[:len(bundle)/2], Password: push.Secret(password)},
	} {
		_, err := w.Check(within(t), push.Credential{APNs: &c})
		fmt.Fprintln(&text, err)
		if c.KeyID == keyID || c.KeyID == "" {
			w.creds.Put("notes", push.Credential{APNs: &c})
			w.Forget("notes")
			try()
		}
	}
	w.creds.Put("notes", cred)
	w.Forget("notes")
	w.Close()
	try()
	for _, r := range w.apple.requests() {
		secrets["JWT"] = r.jwt
	}
	wakertest.NoSecrets(t, "errors", text.String(), secrets)
	wakertest.NoSecrets(t, "log", w.log.String(), secrets)
}
