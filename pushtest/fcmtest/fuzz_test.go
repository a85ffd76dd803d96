package fcmtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// fuzzKit returns a simulator's kit without sockets.
func fuzzKit(f *testing.F) *simulator.Kit {
	set, err := simkit.NewSwitches(Rules(), nil, 0)
	if err != nil {
		f.Fatal(err)
	}
	return &simulator.Kit{Switches: set, Clock: &simkit.Clock{}, Ledger: simkit.NewLedger(10), Random: simkit.NewRand(1)}
}

func fuzzOAuth(f *testing.F) *oauth {
	account, err := newServiceAccount("demo", "https://localhost/token")
	if err != nil {
		f.Fatal(err)
	}
	tokens, err := newAccessTokens()
	if err != nil {
		f.Fatal(err)
	}
	return &oauth{Kit: fuzzKit(f), account: account, access: tokens}
}

func FuzzMessage(f *testing.F) {
	s := &sends{Kit: fuzzKit(f), project: newProject("demo")}
	for _, seed := range []string{
		`{"validate_only":false,"message":{"token":"a:1","data":{"k":"v"},"android":{"collapse_key":"hush","priority":"high","ttl":"90.9s"}}}`,
		`{"message":{"topic":"news","apns":{"headers":{"a":"b"},"payload":{"aps":{"x":[1,null,{}]}}}}}`,
		`{"message":{"token":"i:1","notification":{"title":"t"},"data":{"k":"<\u2028>"},"apns":{"headers":{"apns-expiration":"9","apns-priority":"5"},"payload":{"aps":[],"x":1e400}}}}`,
		`{"message":{"condition":"x","notification":{"title":"t"},"android":{"notification":{"vibrate_timings":["1s"],"light_settings":{"color":{"red":1}}}}}}`,
		`{"message":{"data":{"from":"x"},"android":{"data":{"k":12},"ttl":"-1s"}}}`, `[[[`, `{"message":null}`, `{"a":{}}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tree, no := parseBody(body, 100)
		if no == nil {
			tokenOf(tree)
			r := newRequest(tree)
			if no = s.checkFields(r); no == nil {
				if r.ttl() < 0 || r.ttl() > maxTTL || r.size() > 4096 || r.token == "" && r.topic == "" && r.condition == "" {
					t.Fatalf("%q passed with ttl %s, %d bytes, target %q%q%q", body, r.ttl(), r.size(), r.token, r.topic, r.condition)
				}
				d := &device{Token: Token{Token: "i:1", Package: "com.example.notes", Platform: IOS}}
				push := s.apnsPush(r, d, "0:1")
				if no = s.checkIOS(r, push, d); no == nil && (push.ttl() < 0 || push.ttl() > maxIOSStorage) {
					t.Fatalf("%q is for APNs with ttl %s", body, push.ttl())
				}
				if !json.Valid(push.Payload) {
					t.Fatalf("%q makes APNs' body %s", body, push.Payload)
				}
				if no == nil {
					return
				}
			}
		}
		if a := no.answer(); a.status != 400 || !json.Valid(a.body) {
			t.Fatalf("%q: refused with %d %s", body, a.status, a.body)
		}
	})
}

func FuzzAssertion(f *testing.F) {
	o := fuzzOAuth(f)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIiwiYXVkIjpbImIiXSwiaWF0IjoxLCJleHAiOjJ9.AA")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, jwt string) {
		if scopes, no := o.checkAssertion(jwt, "localhost"); no == nil {
			t.Fatalf("%q: a stranger's assertion was believed, with scopes %v", jwt, scopes)
		}
	})
}

func FuzzTokenRequest(f *testing.F) {
	o := fuzzOAuth(f)
	f.Add("grant_type=x&assertion=y")
	f.Add("%zz&&==;")
	f.Fuzz(func(t *testing.T, body string) {
		a := o.answer(&h2sim.Request{Method: "POST", Body: []byte(body)})
		if a.status != 400 || !json.Valid(a.body) {
			t.Fatalf("%q: got %d %s", body, a.status, a.body)
		}
		maskAssertion([]byte(body))
	})
}

func FuzzAccessToken(f *testing.F) {
	o := fuzzOAuth(f)
	f.Add("ya29.c.e30.AA")
	f.Fuzz(func(t *testing.T, token string) {
		if o.access.read(token) != nil {
			t.Fatalf("%q: a stranger's access token was believed", token)
		}
	})
}

func FuzzTokenBody(f *testing.F) {
	s := &Server{project: newProject("demo")}
	s.spool = newSpool(fuzzKit(f), s.project)
	f.Cleanup(s.spool.Close)
	control := simkit.NewControl("fuzz")
	simkit.TokenRoutes(control, simkit.Tokens[tokenBody, simkit.Empty](controlTokens{s}))
	f.Add(`{"token":"abc:APA91b","package":"com.example.notes","project":"demo","online":true}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		control.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/_sim/tokens", strings.NewReader(body)))
		var got struct{ Token string }
		switch {
		case w.Code == http.StatusUnprocessableEntity:
		case w.Code != http.StatusCreated && w.Code != http.StatusOK, json.Unmarshal(w.Body.Bytes(), &got) != nil, got.Token == "", len(got.Token) > 4096:
			t.Fatalf("%q was answered %d %s", body, w.Code, w.Body)
		}
	})
}
