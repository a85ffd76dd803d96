package fcm_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/fcm"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

// meet returns a client whose FCM is a stranger; its token endpoint is Google's.
func meet(t *testing.T) (*world, *wakertest.Stranger) {
	t.Helper()
	s := wakertest.NewStranger(t)
	return setup(t, func(c *fcm.Config) {
		c.TokenURL = c.URL + "/token"
		c.URL, c.CA = s.URL, append(c.CA, s.CA()...)
	}), s
}

func TestAStrangersAnswerIsNotFCMs(t *testing.T) {
	t.Parallel()
	w, s := meet(t)
	wakertest.Strangers(t, s, w.send)
	if got := len(w.requests("oauth")); got != 1 {
		t.Errorf("%d access tokens were asked for, want one: a stranger's 401 is none of FCM's", got)
	}
}

func TestTheErrorObjectOrANameMakesAnAnswerFCMs(t *testing.T) {
	t.Parallel()
	w, s := meet(t)
	for body, reason := range map[string]string{
		`{"error":{"code":403,"message":"Permission 'cloudmessaging.messages.create' denied","status":"PERMISSION_DENIED"}}`: "PERMISSION_DENIED",
		`{"error":{"code":403,"message":"Permission 'cloudmessaging.messages.create' denied"}}`:                              "",
	} {
		s.Answers(wakertest.Page{Status: 403, Body: body})
		answer, e := w.send()
		if e == nil || answer.Error != push.FailureNone || answer.Reason != reason || e.Fault != push.FaultCredentials ||
			answer.Detail != "Permission 'cloudmessaging.messages.create' denied" {
			t.Errorf("%s: %+v, %+v, want FCM's own answer with its message", body, answer, e)
		}
	}
	s.Answers(wakertest.Page{Status: 200, Body: `{"name":"projects/demo/messages/1"}`})
	w.mustSend()
}

func TestAStrangersPageGivesNoSecretAway(t *testing.T) {
	t.Parallel()
	w, s := meet(t)
	var text strings.Builder
	try := func() {
		answer, err := w.Wake(within(t), phone(), wake("payload-that-nobody-may-see"))
		fmt.Fprintf(&text, "%v %+v\n", err, answer)
	}
	for _, status := range []int{200, 403, 410} {
		s.Echoes(status)
		try()
	}
	s.Answers(wakertest.Page{Status: 403, Body: fmt.Sprintf(`{"error":{"status":%q,"message":%q}}`, token, "no "+token)})
	try()
	s.Answers(wakertest.Page{Status: 403, Body: fmt.Sprintf(`{"error":{"status":"X","message":%q}}`, "no "+token[20:])})
	try()
	s.Answers(wakertest.Page{Status: 200, Body: fmt.Sprintf(`{"name":"projects/demo/messages/%s"}`, token)})
	try()
	secrets := map[string]string{"provider token": token, "a part of it": token[30:], "access token": "ya29", "payload": "payload-that-nobody-may-see"}
	wakertest.NoSecrets(t, "answers", text.String(), secrets)
	wakertest.NoSecrets(t, "log", w.log.String(), secrets)
}

// tokenEndpoint serves tokens as the handler says.
func tokenEndpoint(t *testing.T, serve http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(serve)
	t.Cleanup(s.Close)
	return s
}

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client has gone
	<-r.Context().Done()
}

func TestATokenEndpointsTroublesAreTold(t *testing.T) {
	t.Parallel()
	answers := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	const description = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
	grant := `{"error":"invalid_grant","error_description":"` + description + `"}`
	for name, c := range map[string]struct {
		serve    http.HandlerFunc // nil: nobody listens
		operator bool             // the endpoint is the operator's, not the service account's own
		want     push.Answer
		fault    push.Fault
		detail   string // its end
		timeout  bool
	}{
		"refused by OAuth":                {answers(400, "application/json", grant), true, push.Answer{Status: 400, Reason: "invalid_grant"}, push.FaultCredentials, ": " + description, false},
		"refused by the account's own":    {answers(400, "application/json", grant), false, push.Answer{Status: 400, Reason: "invalid_grant"}, push.FaultCredentials, ": answered JSON", false},
		"no word for an error":            {answers(400, "application/json", `{"error":"see <b>"}`), false, push.Answer{Status: 400, Error: push.FailureStranger}, push.FaultProvider, ": answered JSON", false},
		"a page":                          {answers(403, "text/html", "<h1>blocked</h1>"), true, push.Answer{Status: 403, Error: push.FailureStranger}, push.FaultProvider, ": text/html: <h1>blocked</h1>", false},
		"a page of the account's own":     {answers(403, "text/html", "<h1>blocked</h1>"), false, push.Answer{Status: 403, Error: push.FailureStranger}, push.FaultProvider, ": answered HTML", false},
		"a page that says it is fine":     {answers(200, "text/html", "<h1>log in</h1>"), true, push.Answer{Status: 200, Error: push.FailureStranger}, push.FaultProvider, ": text/html: <h1>log in</h1>", false},
		"unavailable":                     {answers(503, "text/plain", ""), true, push.Answer{Status: 503, Error: push.FailureStranger}, push.FaultProvider, ": text/plain, no body", false},
		"an error of Google's other kind": {answers(503, "application/json", `{"error":{"code":503,"message":"Try later.","status":"UNAVAILABLE"}}`), true, push.Answer{Status: 503, Reason: "UNAVAILABLE"}, push.FaultProvider, ": Try later.", false},
		"nobody listens":                  {nil, true, push.Answer{Error: push.FailureRefused}, push.FaultProvider, "connection refused", false},
		"nobody listens at its own":       {nil, false, push.Answer{Error: push.FailureRefused}, push.FaultProvider, ": refused", false},
		"hangs":                           {hang, true, push.Answer{Error: push.FailureTimeout}, push.FaultProvider, "", true},
		"hangs up":                        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, push.Answer{Error: push.FailureLost}, push.FaultProvider, ": EOF", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := "http://" + unused(t)
			if c.serve != nil {
				url = tokenEndpoint(t, c.serve).URL
			}
			w := setup(t, func(cfg *fcm.Config) {
				cfg.TokenHosts = []string{strings.TrimPrefix(url, "http://")}
				if c.operator {
					cfg.TokenURL = url
				}
				if c.timeout {
					cfg.RequestTimeout = 100 * time.Millisecond
				}
			})
			if !c.operator {
				w.creds.Put("notes", credential(with(w.sim.ServiceAccountJSON(), "token_uri", url)))
			}
			answer, e := w.send()
			c.want.Provider, c.want.Detail = push.FCM, answer.Detail
			if e == nil || fmt.Sprint(answer) != fmt.Sprint(c.want) || e.Fault != c.fault || e.Unclear {
				t.Fatalf("%+v, %+v; want %+v, the fault of %s, clear", answer, e, c.want, c.fault)
			}
			if !strings.HasPrefix(answer.Detail, "token endpoint "+strings.TrimPrefix(url, "http://")+":") || !strings.HasSuffix(answer.Detail, c.detail) {
				t.Errorf("detail %q, want the endpoint, and at its end %q", answer.Detail, c.detail)
			}
			begun := "provider unreachable"
			if c.fault == push.FaultCredentials {
				begun = "credential refused"
			}
			wakertest.Warnings(t, w.log, fmt.Sprintf("%s; app=notes; detail=%s", begun, answer.Detail))
		})
	}
}

// unused returns an address at which nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

func TestATokenEndpointThatIsNotThereIsSoughtWhereItIsSet(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"a page":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such page", http.StatusNotFound) },
		"no host": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := "https://token.invalid"
			if serve != nil {
				url = tokenEndpoint(t, serve).URL
			}
			w := setup(t, func(cfg *fcm.Config) { cfg.TokenURL = url })
			check, err := w.Try(within(t), "notes")
			if err != nil || check.OK || !strings.Contains(check.Do, "fcm.token_url or the service account's token_uri") {
				t.Errorf("%+v, %v; want the token endpoint's settings in what is to be done", check, err)
			}
		})
	}
}
