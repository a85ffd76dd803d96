package sdk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// A refusal of the handshake of a session is read as one of a call is: it, too, says when to come back.
func TestARefusalOfTheHandshakeSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	d := dialer{hear: func(http.Header, time.Time, time.Time) {}}
	answer := &http.Response{
		StatusCode: http.StatusTooManyRequests, Body: io.NopCloser(strings.NewReader(`{"code":"rate_limited"}`)),
		Header: http.Header{"Content-Type": {"application/problem+json"}, "Retry-After": {"42"}},
	}
	err := d.handshakeError(t.Context(), answer, time.Now(), errors.New("no upgrade"))
	if wait, again := reconnect(sessionEnd{err: err}, 1, 0); wait != 42*time.Second || !again {
		t.Errorf("after %v: %s, %t; want 42s, true", err, wait, again)
	}
}

func TestComeBackDependsOnHowTheSessionEnded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		end   sessionEnd
		try   int
		wait  time.Duration // without chance
		again bool
	}{
		{"network lost", sessionEnd{err: errors.New("reset")}, 1, time.Second, true},
		{"network lost for long", sessionEnd{err: errors.New("reset")}, 20, time.Minute, true},
		{"server stopping", sessionEnd{code: protocol.CloseGoingAway}, 1, time.Second, true},
		{"replaced", sessionEnd{code: protocol.CloseReplaced}, 1, 0, false},
		{"owner changed", sessionEnd{code: protocol.CloseOwnerChanged}, 1, 0, true},
		{"owner changed again", sessionEnd{code: protocol.CloseOwnerChanged}, 2, 2 * time.Second, true},
		{"token expired", sessionEnd{code: protocol.CloseTokenExpired}, 1, 0, true},
		{"token expired again", sessionEnd{code: protocol.CloseTokenExpired}, 3, 4 * time.Second, true},
		{"slow", sessionEnd{code: protocol.CloseSlow}, 1, time.Second, true},
		{"bad frame", sessionEnd{code: protocol.CloseBadFrame}, 1, 5 * time.Minute, true},
		{"no acknowledgement", sessionEnd{code: protocol.CloseNoAck}, 1, time.Second, true},
		{"idle", sessionEnd{code: protocol.CloseIdle}, 1, time.Second, true},
		{"refused, token expired", sessionEnd{err: &Error{Status: 401, Code: codeTokenExpired}}, 1, 0, true},
		{"refused, register again", sessionEnd{err: &Error{Status: 401, Code: codeRegisterAgain}}, 1, 0, true},
		{"refused, unavailable", sessionEnd{err: &Error{Status: 503, Code: "unavailable"}}, 2, 2 * time.Second, true},
		{"refused, told when", sessionEnd{err: &Error{Status: 429, Code: "rate_limited", RetryAfter: 42 * time.Second}}, 1, 42 * time.Second, true},
		{"refused, told less than it waits", sessionEnd{err: &Error{Status: 429, Code: "rate_limited", RetryAfter: time.Second}}, 20, time.Minute, true},
		{"logged out", sessionEnd{err: ErrLoggedOut}, 1, 0, false},
	} {
		wait, again := reconnect(c.end, c.try, 0)
		if wait != c.wait || again != c.again {
			t.Errorf("%s, try %d: wait %s, again %v; want %s, %v", c.name, c.try, wait, again, c.wait, c.again)
		}
	}
}

func TestSilenceIsDeathAfterTwoHeartbeatsOrTwoSecondsWhenAsked(t *testing.T) {
	t.Parallel()
	const heartbeat = 25 * time.Second
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name         string
		heard, asked time.Time
		dead         bool
	}{
		{"just heard", now, time.Time{}, false},
		{"silent for two heartbeats", ago(2 * heartbeat), time.Time{}, false},
		{"silent for longer", ago(2*heartbeat + 1), time.Time{}, true},
		{"asked just now", ago(heartbeat), now, false},
		{"asked, and the answer is not due yet", ago(heartbeat), ago(answerWait - 1), false},
		{"asked, and the answer is due", ago(heartbeat), ago(answerWait), true},
	} {
		if why := death(now, c.heard, c.asked, heartbeat); (why != "") != c.dead {
			t.Errorf("%s: %q, want dead %v", c.name, why, c.dead)
		}
	}
}

func TestBackoffGrowsToAMinuteAndChanceTakesUpToHalfAway(t *testing.T) {
	t.Parallel()
	for try, want := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		if got := backoff(try, 0); got != want {
			t.Errorf("backoff(%d, 0) = %s, want %s", try, got, want)
		}
		if got := backoff(try, 1); got != want/2 {
			t.Errorf("backoff(%d, 1) = %s, want %s", try, got, want/2)
		}
	}
}

func TestHandlerTimeLeavesRoomToReport(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]time.Duration{
		30 * time.Second: 27 * time.Second, 20 * time.Second: 17 * time.Second, 4 * time.Second: 3 * time.Second, 0: 0,
	} {
		if got := handlerTime(left); got != want {
			t.Errorf("handlerTime(%s) = %s, want %s", left, got, want)
		}
	}
}

func topLevel(context.Context, Message) FetchResult { return NoData }

func generic[T any](context.Context, Message) FetchResult { return NoData }

type holder struct{}

func (holder) handle(context.Context, Message) FetchResult { return NoData }

func (*holder) pointer(context.Context, Message) FetchResult { return NoData }

var inVariable Handler = func(context.Context, Message) FetchResult { return NoData }

func TestBackgroundHandlerMustBeATopLevelFunction(t *testing.T) {
	t.Parallel()
	captured := NoData
	for name, c := range map[string]struct {
		handler Handler
		ok      bool
	}{
		"top level":                 {topLevel, true},
		"generic":                   {generic[int], true},
		"nil":                       {nil, false},
		"closure":                   {func(context.Context, Message) FetchResult { return captured }, false},
		"function literal":          {func(context.Context, Message) FetchResult { return NoData }, false},
		"literal in a variable":     {inVariable, false},
		"method value":              {holder{}.handle, false},
		"method value of a pointer": {(&holder{}).pointer, false},
	} {
		client := &Client{shared: &shared{}, handlers: newHandlers()}
		err := client.SetBackgroundMessageHandler(c.handler)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want accepted %v", name, err, c.ok)
		}
	}
}

func TestTopLevelIsJudgedByTheSymbol(t *testing.T) {
	t.Parallel()
	for symbol, ok := range map[string]bool{
		"main.onBackground":                           true,
		"example.com/my.app/notes.onBackground":       true,
		"example.com/app/v1%2e2.onBackground":         true,
		"main.main.func1":                             false,
		"main.glob..func1":                            false,
		"main.init.func1":                             false,
		"main.(*App).onBackground-fm":                 false,
		"main.App.onBackground-fm":                    false,
		"main.onBackground[...]":                      true,
		"main.main.onBackground.func2":                false,
		"":                                            false,
		"main.":                                       false,
		"example.com/app.(*App).start.gowrap1":        false,
		"example.com/app.generic[go.shape.int].func1": false,
	} {
		if err := checkTopLevel(symbol); (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %v", symbol, err, ok)
		}
	}
}

func TestSummaryOfAWake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		results []FetchResult
		failed  bool
		want    FetchResult
	}{
		{nil, false, NoData},
		{nil, true, Failed},
		{[]FetchResult{NoData, NewData}, true, NewData},
		{[]FetchResult{NoData, Failed}, false, Failed},
		{[]FetchResult{NoData}, false, NoData},
	} {
		if got := summary(c.results, c.failed); got != c.want {
			t.Errorf("summary(%v, %v) = %q, want %q", c.results, c.failed, got, c.want)
		}
	}
}

func FuzzWake(f *testing.F) {
	key := push.WakeKey{ID: "k1", Key: push.Secret(make([]byte, push.WakeKeyBytes))}
	s := identity{Device: "d", Credential: "c"}
	s.addKey(protocol.NewWakeKey(key))
	for _, inside := range []string{
		`{"wake":"w","exp":1,"pushes":[{"id":"p","resource":"both","payload":"\u0000"},{"id":"q","resource":"r"}]}`,
		`{"wake":"w","pushes":[{"id":""}]}`, `[[[[`,
	} {
		sealed, err := protocol.SealWake(key, []byte(inside))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sealed)
	}
	f.Add([]byte(`{"v":3,"k":7}`))
	f.Add([]byte(`{"v":2,"k":"k1","s":"AAAA"}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, field []byte) {
		sealed, err := parseWake(field)
		if err != nil {
			return
		}
		w, _ := s.open(sealed)
		for _, p := range w.Pushes {
			if p.ID == "" {
				t.Errorf("%q: a push without an id", field)
			}
			if p.Payload != nil {
				wakeMessage(p, "apns")
			}
		}
	})
}
