package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const (
	broadcastPath = "GET /v1/apps/notes/pushes/01a22704-7e61-7639-b118-e27fc440ddad"
	makingPath    = broadcastPath + "?limit=1"
)

// made returns a push for all of which so many deliveries are made.
func made(waiting, sent int, expanded bool) string {
	return fmt.Sprintf(`{"push_id":"01a22704-7e61-7639-b118-e27fc440ddad","resource_id":"both","accepted_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-03T03:04:05Z","final":false,"cursor":"",
		"deliveries":[],"counts":{"waiting":%d,"sent":%d},"expanded":%t}`, waiting, sent, expanded)
}

func TestAPushToAllShowsWhatIsMadeAndHowFast(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"all", "tag:beta"} {
		a := fakeAPI(t, map[string][]answer{
			"POST /v1/apps/notes/pushes": {{202, `{"push_id":"01a22704-7e61-7639-b118-e27fc440ddad","warnings":[]}`}},
			makingPath:                   {{200, made(0, 0, false)}, {200, made(900, 100, false)}, {200, made(1500, 500, true)}},
		})
		got := hush(t, a.env(), "", "push", "--resource", "both", "--to", to)
		want := regexp.MustCompile(`^push        01a22704-7e61-7639-b118-e27fc440ddad\ndeliveries  2000 made within [0-9.]+m?s, [0-9]+ a second\n            1500 waiting, 500 sent\nfollow it:  hush trace --app notes 01a22704-7e61-7639-b118-e27fc440ddad\n$`)
		if got.code != exitDone || got.errout != "" || !want.MatchString(got.out) {
			t.Errorf("to %s: exit %d, %q, printed\n%s\nwant 0, and how many are made, by state, how fast", to, got.code, got.errout, got.out)
		}
		if n := len(a.requests()); n != 4 {
			t.Errorf("to %s: %d requests, want the push and three looks", to, n)
		}
		a = fakeAPI(t, map[string][]answer{"POST /v1/apps/notes/pushes": {{202, `{"push_id":"01a22704-7e61-7639-b118-e27fc440ddad","warnings":[]}`}}})
		if got = hush(t, a.env(), "", "push", "--resource", "both", "--to", to, "--json"); got.code != exitDone || got.out != "{\"push_id\":\"01a22704-7e61-7639-b118-e27fc440ddad\",\"warnings\":[]}\n" {
			t.Errorf("to %s, --json: exit %d, printed %q; want the answer as it came", to, got.code, got.out)
		}
	}
}

func TestAPushWhoseServerGoesAwayIsAcceptedAllTheSame(t *testing.T) {
	t.Parallel()
	a := fakeAPI(t, map[string][]answer{
		"POST /v1/apps/notes/pushes": {{202, `{"push_id":"01a22704-7e61-7639-b118-e27fc440ddad","warnings":[]}`}},
		makingPath:                   {{200, made(10, 0, false)}, {403, `{"code":"forbidden","status":403,"detail":"another key"}`}},
	})
	got := hush(t, a.env(), "", "push", "--resource", "both", "--to", "all")
	if got.code != exitDone || !strings.Contains(got.out, "deliveries  being made; the server does not tell how many: 403 forbidden") || !strings.Contains(got.out, "follow it:") {
		t.Errorf("exit %d, printed\n%s\nwant 0, and that it is being made", got.code, got.out)
	}
}

// Stopping the show is no error, and the push is not cancelled.
func TestASignalEndsTheShowAndNotThePush(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		looked, other := make(chan struct{}, 1), new(atomic.Int64)
		api := http.NewServeMux()
		api.HandleFunc("POST /v1/apps/notes/pushes", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Hush-Api", "1")
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, `{"push_id":"01a22704-7e61-7639-b118-e27fc440ddad","warnings":[]}`)
		})
		api.HandleFunc(broadcastPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, made(10, 0, false))
			select {
			case looked <- struct{}{}:
			default:
			}
		})
		api.HandleFunc("/", func(http.ResponseWriter, *http.Request) { other.Add(1) })
		srv := httptest.NewServer(api)
		t.Cleanup(srv.Close)
		cmd, lines, errout := process(t, []string{"HUSH_SERVER=" + srv.URL, "HUSH_KEY=k", "HUSH_APP=notes"}, "push", "--resource", "both", "--to", "all")
		select {
		case <-looked:
		case <-time.After(time.Minute):
			t.Fatal("nobody looks at the push")
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for lines.Scan() {
			out.WriteString(lines.Text() + "\n")
		}
		err := cmd.Wait()
		if err != nil || errout.String() != "hush: stopped watching; the push goes on\n" || !strings.HasSuffix(out.String(), "follow it:  hush trace --app notes 01a22704-7e61-7639-b118-e27fc440ddad\n") || other.Load() != 0 {
			t.Errorf("%s: %v, said %q, printed %q, %d other requests; want exit 0, that the push goes on, and how to look again", sig, err, errout, &out, other.Load())
		}
	}
}

func TestThePaceIsOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		if got := p.perSecond(); got != 0 {
			t.Errorf("of nothing: %v, want 0", got)
		}
		n := 0
		for range 100 { // 10 s of 1 000 a second
			p.at(time.Now(), n)
			time.Sleep(100 * time.Millisecond)
			n += 100
		}
		if got := p.perSecond(); got < 999 || got > 1001 {
			t.Errorf("%v a second, want 1000", got)
		}
		for range 40 { // 4 s of nothing
			p.at(time.Now(), n)
			time.Sleep(100 * time.Millisecond)
		}
		if got := p.perSecond(); got != 0 || len(p.seen) > 25 {
			t.Errorf("after a stop %v a second of %d looks, want 0 of the last two seconds'", got, len(p.seen))
		}
	})
}
