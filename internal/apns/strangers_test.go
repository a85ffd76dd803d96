package apns_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/apns"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

// meet returns a client whose APNs is a stranger.
func meet(t *testing.T) (*world, *wakertest.Stranger) {
	t.Helper()
	s := wakertest.NewStranger(t)
	return setup(t, func(c *apns.Config) { c.URL, c.CA = s.URL, append(c.CA, s.CA()...) }), s
}

func TestAStrangersAnswerIsNotAPNs(t *testing.T) {
	t.Parallel()
	w, s := meet(t)
	wakertest.Strangers(t, s, w.send)
}

func TestAReasonOrAnIDMakesAnAnswerAPNs(t *testing.T) {
	t.Parallel()
	w, s := meet(t)
	for _, status := range []int{400, 403, 404, 405, 410, 413, 429, 500, 503} {
		s.Answers(wakertest.Page{Status: status, Type: "text/plain", Body: `{"reason":"NewReason"}`})
		answer, e := w.send()
		if e == nil || answer.Error != push.FailureNone || answer.Reason != "NewReason" || e.Fault == push.FaultToken || e.Fault == push.FaultSuspect {
			t.Errorf("%d with a new reason: %+v, %+v, want APNs' own answer, and nothing dropped", status, answer, e)
		}
	}
	s.Answers(wakertest.Page{Status: http.StatusOK, Body: `{"reason":"Unregistered"}`})
	if answer, e := w.send(); e == nil || answer.Error != push.FailureStranger {
		t.Errorf("200 without apns-id: %+v, %+v, want a stranger's", answer, e)
	}
}

// A stranger's page may quote the request: what nobody may see is hidden in it, also where it is cut, and in a reason.
func TestAStrangersPageGivesNoSecretAway(t *testing.T) {
	t.Parallel()
	w, s := meet(t)
	var text strings.Builder
	try := func() {
		answer, err := w.Wake(within(t), phone(), w.wake("payload-that-nobody-may-see"))
		fmt.Fprintf(&text, "%v %+v\n", err, answer)
	}
	for _, status := range []int{200, 403, 410} {
		s.Echoes(status)
		try()
	}
	s.Answers(wakertest.Page{Status: 410, Body: fmt.Sprintf(`{"reason":%q}`, token)})
	try()
	s.Answers(wakertest.Page{Status: 200, APNsID: token})
	try()
	s.Answers(wakertest.Page{Status: 410, Type: token, Body: strings.Repeat("x", 190) + strings.ToUpper(token)})
	try()
	wakertest.NoSecrets(t, "answers", text.String(), map[string]string{
		"provider token": token, "a part of it": token[10:40], "in upper case": strings.ToUpper(token[:20]), "JWT": "eyJ", "payload": "payload-that-nobody-may-see",
	})
	wakertest.NoSecrets(t, "log", w.log.String(), map[string]string{"provider token": token, "JWT": "eyJ", "payload": "payload-that-nobody-may-see"})
}

func TestTheLogTellsOfTroublesWhenTheyBeginAndEnd(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.apple.answers(func(n int, _ seen) (int, string, string) {
		switch {
		case n <= 3:
			return 403, "", "<h1>blocked</h1>"
		case n <= 5:
			return 407, "", "<h1>who are you?</h1>"
		case n == 6:
			return 403, "", `{"reason":"InvalidProviderToken"}`
		}
		return 200, "", ""
	})
	for range 8 {
		_, _ = w.send()
	}
	const page = "detail=text/html; charset=utf-8: <h1>blocked</h1>"
	wakertest.Warnings(t, w.log,
		"provider unreachable; provider=apns; app=notes; error=not_the_provider; status=403; "+page,
		"provider reachable again; app=notes; error=not_the_provider; status=407; failed=5; devices=1; for=",
		"credential refused; app=notes; error=credentials; status=403; reason=InvalidProviderToken; failed=1",
		"credential accepted again; app=notes; error=credentials; failed=1; for=",
	)
}
