package apnstest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// part returns one part of a JWT.
func part(v any) string {
	b, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestProviderTokensAreChecked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	k := w.Key()
	now := time.Now()
	key, err := jwt.ParseECPrivateKeyFromPEM(k.PEM)
	if err != nil {
		t.Fatal(err)
	}
	foreign, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	signed := func(m jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
		tok := jwt.NewWithClaims(m, claims)
		tok.Header["kid"] = kid
		s, err := tok.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := jwt.MapClaims{"iss": k.Team, "iat": now.Unix()}
	parts := strings.Split(w.jwt, ".")
	for _, tc := range []struct {
		name, authorization string
		status              int
		reason              apnstest.Reason
	}{
		{"none", "", 403, "MissingProviderToken"},
		{"another scheme", "Basic abc", 403, "MissingProviderToken"},
		{"scheme in upper case", "Bearer " + w.jwt, 403, "MissingProviderToken"},
		{"empty", "bearer ", 403, "MissingProviderToken"},
		{"no JWT", "bearer abc", 403, "InvalidProviderToken"},
		{"four parts", "bearer " + w.jwt + ".x", 403, "InvalidProviderToken"},
		{"padded", "bearer " + w.jwt + "=", 403, "InvalidProviderToken"},
		{"alg none", "bearer " + part(map[string]string{"alg": "none", "kid": k.ID}) + "." + parts[1] + ".", 403, "InvalidProviderToken"},
		{"alg HS256", "bearer " + signed(jwt.SigningMethodHS256, []byte("k"), k.ID, good), 403, "InvalidProviderToken"},
		{"alg says ES384", "bearer " + part(map[string]string{"alg": "ES384", "kid": k.ID}) + "." + parts[1] + "." + parts[2], 403, "InvalidProviderToken"},
		{"foreign key", "bearer " + signed(jwt.SigningMethodES256, foreign, k.ID, good), 403, "InvalidProviderToken"},
		{"unknown kid", "bearer " + signed(jwt.SigningMethodES256, key, "AAAAAAAAAA", good), 403, "InvalidProviderToken"},
		{"another team", "bearer " + signed(jwt.SigningMethodES256, key, k.ID, jwt.MapClaims{"iss": "AAAAAAAAAA", "iat": now.Unix()}), 403, "InvalidProviderToken"},
		{"no iat", "bearer " + signed(jwt.SigningMethodES256, key, k.ID, jwt.MapClaims{"iss": k.Team}), 403, "InvalidProviderToken"},
		{"iat a string", "bearer " + signed(jwt.SigningMethodES256, key, k.ID, jwt.MapClaims{"iss": k.Team, "iat": "1"}), 403, "InvalidProviderToken"},
		{"iat in ms", "bearer " + signed(jwt.SigningMethodES256, key, k.ID, jwt.MapClaims{"iss": k.Team, "iat": now.UnixMilli()}), 403, "InvalidProviderToken"},
		{"iat 61 minutes ago", "bearer " + w.sign(k, now.Add(-61*time.Minute)), 403, "ExpiredProviderToken"},
		{"iat in 61 minutes", "bearer " + w.sign(k, now.Add(61*time.Minute)), 403, "InvalidProviderToken"},
		{"changed claims", "bearer " + parts[0] + "." + part(good) + "x." + parts[2], 403, "InvalidProviderToken"},
		{"with typ, as node-apn signs it", "bearer " + signed(jwt.SigningMethodES256, key, k.ID, jwt.MapClaims{"iss": k.Team, "iat": now.Add(-59 * time.Minute).Unix()}), 200, ""},
	} {
		w.send(func(r *http.Request) {
			r.Header.Set("authorization", tc.authorization)
			if tc.authorization == "" {
				r.Header.Del("authorization")
			}
		}).mustBe(t, tc.status, tc.reason, tc.name)
	}
	for _, r := range w.Requests() {
		if v := r.Headers["authorization"]; strings.Contains(v, "ey") {
			t.Fatalf("the ledger shows a provider token: %q", v)
		}
	}
}

func TestTheAgeOfAProviderTokenIsJudgedByRealTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Advance(3 * time.Hour)
	w.send().mustBe(t, 200, "", "a token of now, after simulated hours")
}

func TestAConnectionMayBringANewTokenEvery20Minutes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	first, second := w.jwt, w.sign(w.Key(), time.Now().Add(-time.Minute))
	w.send().mustBe(t, 200, "", "the first token")
	w.send(header("authorization", "bearer "+second)).mustBe(t, 429, "TooManyProviderTokenUpdates", "a second at once")
	w.send().mustBe(t, 200, "", "the first token again")
	w.Advance(20 * time.Minute)
	w.send(header("authorization", "bearer "+second)).mustBe(t, 200, "", "a second after 20 minutes")
	w.send(header("authorization", "bearer "+first)).mustBe(t, 200, "", "the first, still in use")

	w = setup(t, apnstest.Set("provider_token.burst", "2"))
	w.send().mustBe(t, 200, "", "the first token")
	w.send(header("authorization", "bearer "+w.sign(w.Key(), time.Now()))).mustBe(t, 200, "", "the second within the burst")
	w.send(header("authorization", "bearer "+w.sign(w.Key(), time.Now()))).mustBe(t, 429, "TooManyProviderTokenUpdates", "the third")
}

func TestATokenThatHasExpiredOnItsConnectionMayBeReplacedAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.jwt = w.sign(w.Key(), time.Now().Add(5*time.Second-time.Hour))
	a := w.send()
	for ; a.Reason == "ExpiredProviderToken"; a = w.send() { // a busy machine has taken 5s for it
		w = setup(t)
		w.jwt = w.sign(w.Key(), time.Now().Add(5*time.Second-time.Hour))
	}
	a.mustBe(t, 200, "", "a token with 5s to go")
	for deadline := time.Now().Add(30 * time.Second); a.Reason != "ExpiredProviderToken"; a = w.send() {
		if time.Now().After(deadline) {
			t.Fatalf("a token with 5s to go was still answered %d %s after 30s", a.Status, a.Reason)
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.jwt = w.sign(w.Key(), time.Now())
	w.send().mustBe(t, 200, "", "a new token in its stead")
}

func TestATokenThatAFaultCallsExpiredMayBeReplacedAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.send().mustBe(t, 200, "", "the first token")
	reason := "ExpiredProviderToken"
	w.AddFault(apnstest.Fault{Do: "answer", Status: 403, Reason: &reason})
	w.send().mustBe(t, 403, "ExpiredProviderToken", "by the fault")
	w.send(header("authorization", "bearer "+w.sign(w.Key(), time.Now()))).mustBe(t, 200, "", "a new token")
}

func TestAConnectionIsBoundToATeamAndAKey(t *testing.T) {
	t.Parallel()
	keys := []apnstest.Key{
		{ID: "AAAAAAAAAA", Team: "TEAM000001", Related: "RELATED000"}, {ID: "BBBBBBBBBB", Team: "TEAM000001"}, {ID: "CCCCCCCCCC", Team: "TEAM000002"},
		{ID: "DDDDDDDDDD", Team: "TEAM000001", Environment: apnstest.Development},
		{ID: "EEEEEEEEEE", Team: "TEAM000001", Topics: []string{"com.example.other"}}, {ID: "RELATED000", Team: "TEAM000001"},
	}
	start := func(opts ...apnstest.Option) *world {
		for _, k := range keys {
			opts = append(opts, apnstest.WithKey(k))
		}
		w := setup(t, append(opts, apnstest.Set("provider_token.burst", "100"))...)
		w.send().mustBe(t, 200, "", "the first key")
		return w
	}
	by := func(w *world, n int) func(*http.Request) {
		return header("authorization", "bearer "+w.sign(w.Keys()[n], time.Now()))
	}
	w := start()
	w.send(by(w, 1)).mustBe(t, 403, "UnrelatedKeyIdInToken", "another key of the team")
	w.send(by(w, 2)).mustBe(t, 403, "InvalidProviderToken", "another team")
	w.send(by(w, 3)).mustBe(t, 403, "BadEnvironmentKeyIdInToken", "a key of the other environment")
	w.send(by(w, 5)).mustBe(t, 200, "", "a related key")
	w.send().mustBe(t, 200, "", "the first key again")
	w = start(apnstest.Set("connection.key", "scope"))
	w.send(by(w, 1)).mustBe(t, 200, "", "another key of the team, where the scope counts")
	w.send(by(w, 4)).mustBe(t, 403, "UnrelatedKeyIdInToken", "a key for certain topics, where the scope counts")
	w = start(apnstest.Set("connection.team", "Forbidden"), apnstest.Set("connection.key", "accept"),
		apnstest.Set("key.environment.reason", "BadEnvironmentKeyInToken"))
	w.send(by(w, 1)).mustBe(t, 200, "", "another key, switched")
	w.send(by(w, 2)).mustBe(t, 403, "Forbidden", "another team, switched")
	w.send(by(w, 3)).mustBe(t, 403, "BadEnvironmentKeyInToken", "a key of the other environment, switched")
	w.send(by(w, 4)).mustBe(t, 400, "TopicDisallowed", "a key for another topic")
}

func TestEachConnectionHasItsOwnTeam(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.WithKey(apnstest.Key{ID: "AAAAAAAAAA", Team: "TEAM000001"}), apnstest.WithKey(apnstest.Key{ID: "BBBBBBBBBB", Team: "TEAM000002"}))
	w.send().mustBe(t, 200, "", "the first team")
	w.client.CloseIdleConnections()
	w.client = w.Client()
	defer w.client.CloseIdleConnections()
	w.send(header("authorization", "bearer "+w.sign(w.Keys()[1], time.Now()))).mustBe(t, 200, "", "the second team on a connection of its own")
}

func TestKeysAreRestrictedByTheirID(t *testing.T) {
	t.Parallel()
	keys, err := apnstest.Keys([]string{"", ""}, []string{"AAAAAAAAAA", "BBBBBBBBBB"}, []string{"TEAM000001", "TEAM000001"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := apnstest.Restrict(keys, []string{"BBBBBBBBBB=com.example.a", "BBBBBBBBBB=" + topic}, []string{"AAAAAAAAAA=BBBBBBBBBB"}); err != nil {
		t.Fatal(err)
	}
	w := setup(t, apnstest.WithKey(keys[0]), apnstest.WithKey(keys[1]))
	w.register(apnstest.Token{Token: token(2), Topic: "com.example.b", Online: true})
	a, b := w.jwt, w.sign(w.Keys()[1], time.Now())
	w.send(header("authorization", "bearer "+a)).mustBe(t, 200, "", "the first key")
	w.send(header("authorization", "bearer "+b)).mustBe(t, 200, "", "its related key")
	w.send(header("authorization", "bearer "+b), to(token(2)), header("apns-topic", "com.example.b")).mustBe(t, 400, "TopicDisallowed", "a topic that the key does not name")
	for _, wrong := range [][2][]string{{{"X=com.example.a"}, nil}, {{"AAAAAAAAAA"}, nil}, {{"AAAAAAAAAA=a b"}, nil}, {nil, {"AAAAAAAAAA=AAAAAAAAAA"}}, {nil, {"AAAAAAAAAA=X"}}} {
		if err := apnstest.Restrict(keys, wrong[0], wrong[1]); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
}

func TestKeysComeInStep(t *testing.T) {
	t.Parallel()
	got, err := apnstest.Keys([]string{"a.p8", "b.p8"}, []string{"AAAAAAAAAA", "BBBBBBBBBB"}, []string{"TEAM000001", "TEAM000002"}, []string{"production"})
	if err != nil || len(got) != 2 || got[1].File != "b.p8" || got[1].ID != "BBBBBBBBBB" || got[1].Team != "TEAM000002" || got[1].Environment != apnstest.Production {
		t.Errorf("two in step: got %+v, %v", got, err)
	}
	if got, err := apnstest.Keys(nil, nil, nil, []string{"both"}); err != nil || len(got) != 1 || got[0].Environment != "" {
		t.Errorf("none: got %+v, %v", got, err)
	}
	if _, err := apnstest.Keys([]string{"a", "b"}, []string{"AAAAAAAAAA"}, []string{"T", "U"}, nil); err == nil || !strings.Contains(err.Error(), "--key-id") {
		t.Errorf("two keys, one id: got %v, want an error that names --key-id", err)
	}
	if _, err := apnstest.Start(apnstest.Config{Listen: "127.0.0.1:0", Keys: []apnstest.Key{{}, {}}}); err == nil {
		t.Error("two keys with one id were taken")
	}
	if _, err := apnstest.Start(apnstest.Config{Listen: "127.0.0.1:0", Keys: []apnstest.Key{{PEM: []byte("x")}}}); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("a key that is none: got %v", err)
	}
}
