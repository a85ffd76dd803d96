package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	traceOpen = `{"push_id":"p1","resource_id":"both","accepted_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-03T03:04:05Z","final":false,"cursor":"",
		"deliveries":[{"device_id":"d1","user":"alice","state":"waiting","events":[{"at":"2026-01-02T03:04:05Z","event":"waiting"}]}]}`
	traceHandled = `{"device_id":"d1","user":"alice","state":"handled","result":"new_data","path":"apns","events":[
		{"at":"2026-01-02T03:04:05Z","event":"waiting"},
		{"at":"2026-01-02T03:04:05.05Z","event":"wake_failed","provider":"apns","status":403,"attempt":1,"fault":"provider","error":"not_the_provider","detail":"text/html: <h1>blocked</h1>"},
		{"at":"2026-01-02T03:04:05.1Z","event":"wake_answered","provider":"apns","status":200,"attempt":2},
		{"at":"2026-01-02T03:04:06.25Z","event":"handled","result":"new_data","path":"apns","took":"120ms"}]}`
	traceExpired = `{"device_id":"","user":"bob","state":"expired","reason":"ttl","events":[{"at":"2026-01-02T03:14:05Z","event":"expired","reason":"ttl"}]}`
)

// traceFinal returns a final push with these deliveries, on one line.
func traceFinal(deliveries string) string {
	return oneLine(strings.NewReplacer(`"final":false`, `"final":true`,
		`{"device_id":"d1","user":"alice","state":"waiting","events":[{"at":"2026-01-02T03:04:05Z","event":"waiting"}]}`, deliveries).Replace(traceOpen))
}

func oneLine(s string) string { return strings.NewReplacer("\n", "", "\t", "").Replace(s) }

const (
	pushPath = "GET /v1/apps/notes/pushes/p1"
	livePath = "GET /v1/apps/notes/pushes/p1/events"
)

func TestTraceFollowsUntilFinalAndItsExitCodeTells(t *testing.T) {
	t.Parallel()
	live := "event: delivery\ndata: " + oneLine(traceHandled) + "\n\nevent: final\ndata: {\"final\":true}\n\n"
	for _, test := range []struct {
		name   string
		status []answer
		args   []string
		code   int
		says   []string
		asks   int
	}{
		{"followed until handled", []answer{{200, traceOpen}, {200, traceFinal(traceHandled)}}, nil, exitDone,
			[]string{"push p1", "+0.000s  waiting", "✔ d1 of alice  handled new_data by apns", "apns try 2 200", "wake_failed    apns not_the_provider 403 (fault: provider) “text/html: <h1>blocked</h1>”", "╰    +1.250s  handled        new_data by apns in 120ms", "handled on 1 of 1"}, 3},
		{"final already", []answer{{200, traceFinal(traceHandled)}}, nil, exitDone, []string{"handled on 1 of 1"}, 1},
		{"final, but not handled everywhere", []answer{{200, traceFinal(traceHandled + "," + traceExpired)}}, nil, exitNotHandled,
			[]string{"✘ bob (no device yet)  expired (ttl)", "+10m0s  expired", "handled on 1 of 2"}, 1},
		{"as it stands", []answer{{200, traceOpen}}, []string{"--no-follow"}, exitDone, []string{"○ d1 of alice  waiting", "1 not final yet"}, 1},
		{"unknown", []answer{{404, `{"code":"not_found","status":404}`}}, nil, exitRefused, nil, 1},
	} {
		a := fakeAPI(t, map[string][]answer{pushPath: test.status, livePath: {{200, live}}})
		got := hush(t, a.env(), "", append([]string{"trace", "p1"}, test.args...)...)
		if got.code != test.code || len(a.requests()) != test.asks {
			t.Errorf("%s: exit %d after %d requests, %s; want %d after %d", test.name, got.code, len(a.requests()), got.errout, test.code, test.asks)
		}
		for _, want := range test.says {
			if !strings.Contains(got.out, want) {
				t.Errorf("%s: printed\n%s\nwant in it %q", test.name, got.out, want)
			}
		}
	}
}

func TestTraceAsJSONPrintsTheFinalAnswerOnce(t *testing.T) {
	t.Parallel()
	live := "event: delivery\ndata: " + oneLine(traceHandled) + "\n\nevent: final\ndata: {\"final\":true}\n\n"
	final := traceFinal(traceHandled + "," + traceExpired)
	a := fakeAPI(t, map[string][]answer{pushPath: {{200, traceOpen}, {200, final}}, livePath: {{200, live}}})
	got := hush(t, a.env(), "", "trace", "p1", "--json")
	if got.code != exitNotHandled || strings.TrimSpace(got.out) != final {
		t.Errorf("exit %d, printed\n%s\nwant 4 and\n%s", got.code, got.out, final)
	}
}

func TestTraceJudgesAllPages(t *testing.T) {
	t.Parallel()
	first := strings.Replace(traceFinal(traceHandled), `"cursor":""`, `"cursor":"c2"`, 1)
	a := fakeAPI(t, map[string][]answer{pushPath: {{200, first}}, pushPath + "?cursor=c2&limit=1000": {{200, traceFinal(traceExpired)}}})
	if got := hush(t, a.env(), "", "trace", "p1"); got.code != exitNotHandled || !strings.Contains(got.out, "handled on 1 of 2") {
		t.Errorf("exit %d, printed\n%s\nwant 4 and handled on 1 of 2", got.code, got.out)
	}
	if got := hush(t, a.env(), "", "trace", "p1", "--json"); got.code != exitNotHandled || strings.TrimSpace(got.out) != first {
		t.Errorf("with --json: exit %d, printed\n%s\nwant 4 and the first page", got.code, got.out)
	}
}

func TestAUsersFirstDeviceTakesThePlaceOfNone(t *testing.T) {
	t.Parallel()
	waiting := strings.Replace(traceOpen, `"device_id":"d1"`, `"device_id":""`, 1)
	live := "event: delivery\ndata: " + oneLine(traceHandled) + "\n\nevent: final\ndata: {\"final\":true}\n\n"
	a := fakeAPI(t, map[string][]answer{pushPath: {{200, waiting}, {200, traceFinal(traceHandled)}}, livePath: {{200, live}}})
	got := hush(t, a.env(), "", "trace", "p1")
	if got.code != exitDone || !strings.Contains(got.out, "handled on 1 of 1") {
		t.Errorf("exit %d, printed\n%s\nwant 0 and one delivery", got.code, got.out)
	}
}

func TestTraceWaitsForAServerThatGoesAway(t *testing.T) {
	t.Parallel()
	live := "event: delivery\ndata: " + oneLine(traceHandled) + "\n\nevent: final\ndata: {\"final\":true}\n\n"
	away := answer{503, `{"code":"unavailable","status":503}`}
	a := fakeAPI(t, map[string][]answer{
		pushPath: {{200, traceOpen}, {200, traceFinal(traceHandled)}},
		livePath: {away, away, away, away, away, away, {200, live}}, // more often than the client asks by itself
	})
	got := hush(t, a.env(), "", "trace", "p1")
	if got.code != exitDone || !strings.Contains(got.out, "handled on 1 of 1") {
		t.Errorf("exit %d, printed\n%s\nwant 0, and that it was handled", got.code, got.out)
	}
	if n := strings.Count(got.errout, "waiting up to 1m0s"); n != 1 {
		t.Errorf("said %q, want once that it waits", got.errout)
	}
}

// A live timeline has no end of its own, so stopping it is how people end it.
func TestASignalInALiveTraceIsNoError(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		for _, args := range []string{"trace p1", "trace p1 --json"} {
			following := make(chan struct{}, 1)
			api := http.NewServeMux()
			api.HandleFunc(pushPath, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, traceOpen)
			})
			api.HandleFunc(livePath, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				http.NewResponseController(w).Flush()
				following <- struct{}{}
				<-r.Context().Done()
			})
			srv := httptest.NewServer(api)
			t.Cleanup(srv.Close)
			cmd, lines, errout := process(t, []string{"HUSH_SERVER=" + srv.URL, "HUSH_KEY=k", "HUSH_APP=notes"}, strings.Fields(args)...)
			select {
			case <-following:
			case <-time.After(time.Minute):
				t.Fatalf("hush %s does not follow", args)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			for lines.Scan() {
				out.WriteString(lines.Text() + "\n")
			}
			err := cmd.Wait()
			if want := "hush: stopped watching; to go on: hush trace --app notes p1\n"; err != nil || errout.String() != want {
				t.Errorf("%s to hush %s: %v, said %q; want exit 0 and %q", sig, args, err, errout, want)
			}
			if strings.Contains(args, "json") == strings.Contains(out.String(), "waiting") {
				t.Errorf("%s to hush %s: printed %q; want the timeline so far, and with --json nothing that is not whole", sig, args, &out)
			}
		}
	}
}
