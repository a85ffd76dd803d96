package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

const eventsPath = "GET /v1/apps/notes/events"

// stream returns server-sent events with these data.
func stream(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		b.WriteString("event: event\ndata: " + d + "\n\n")
	}
	return b.String()
}

const (
	began      = `{"at":"2026-01-02T03:04:05Z","event":"began","reason":""}`
	missed     = `{"at":"2026-01-02T03:04:05Z","event":"missed","reason":"","count":7}`
	aWaiting   = `{"push_id":"p1","resource_id":"both","user":"bob","state":"waiting","at":"2026-01-02T03:04:05Z","event":"waiting","reason":"no_device"}`
	anAnswer   = `{"push_id":"p1","resource_id":"both","device_id":"d1","user":"alice","state":"sent","at":"2026-01-02T03:04:05Z","event":"wake_answered","reason":"","provider":"apns","status":200,"provider_reason":"","provider_id":""}`
	goneStatus = `{"code":"forbidden","status":403,"detail":"the key is for another app"}`
)

func TestListenPrintsALinePerEventAndSaysWhatItMissed(t *testing.T) {
	t.Parallel()
	away := answer{503, `{"code":"unavailable","status":503}`}
	answers := func() []answer { // the last one ends the command
		return []answer{{200, stream(began, aWaiting)}, away, away, away, away, away, {200, stream(began, missed, anAnswer)}, {403, goneStatus}}
	}
	a := fakeAPI(t, map[string][]answer{eventsPath: answers()})
	got := hush(t, a.env(), "", "listen")
	var lines []string
	for line := range strings.Lines(got.out) {
		lines = append(lines, line[len("15:04:05 "):])
	}
	want := []string{"waiting       p1 both user bob no_device\n", "wake_answered p1 both d1 of alice apns 200\n"}
	if got.code != exitRefused || !slices.Equal(lines, want) {
		t.Errorf("exit %d, printed %q; want %d and %q", got.code, lines, exitRefused, want)
	}
	for _, say := range []string{"listening to app notes on " + a.url + "; Ctrl-C ends it\n", "the server has gone away; waiting for it\n",
		"listening again; what happened while the connection was lost is not shown\n", "7 events were missed"} {
		if strings.Count(got.errout, say) != 1 {
			t.Errorf("said %q; want %q in it, once", got.errout, say)
		}
	}

	b := fakeAPI(t, map[string][]answer{eventsPath: answers()})
	got = hush(t, b.env(), "", "listen", "--json")
	if want := strings.Join([]string{aWaiting, missed, anAnswer, goneStatus}, "\n") + "\n"; got.out != want {
		t.Errorf("as JSON\n%s\nwant\n%s", got.out, want)
	}
}

func TestListenAsksForWhatItsFiltersName(t *testing.T) {
	t.Parallel()
	a := fakeAPI(t, nil)
	got := hush(t, a.env(), "", "listen", "--user", "a/1", "--user", "bob", "--device", "d", "--resource", "both", "--state", "handled")
	want := []string{eventsPath + "?device=d&resource=both&state=handled&user=a%2F1&user=bob"}
	if asked := a.requests(); got.code != exitRefused || !slices.Equal(asked, want) {
		t.Errorf("exit %d, asked %q; want %d and %q", got.code, asked, exitRefused, want)
	}
	if got := hush(t, map[string]string{"HUSH_SERVER": "http://127.0.0.1:1", "HUSH_KEY": "k", "HUSH_APP": "notes"}, "", "listen"); got.code != exitUnreachable {
		t.Errorf("without a server: exit %d, %s; want %d", got.code, got.errout, exitUnreachable)
	}
}

func TestListenShowsWhatHappensAndEndsWithoutAnError(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	env["HUSH_APP"] = "notes"
	for _, args := range []string{"app put notes", "resource put both --file -"} {
		if got := hush(t, env, `{"fcm": {}}`, strings.Fields(args)...); got.code != exitDone {
			t.Fatalf("hush %s: exit %d, %s", args, got.code, got.errout)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	errout, stderr := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"listen", "--user", "alice", "--json"}, world{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr,
			getenv: func(name string) string { return env[name] }})
		stdout.Close()
		stderr.Close()
	}()
	said := bufio.NewReader(errout)
	if first, err := said.ReadString('\n'); err != nil || !strings.HasPrefix(first, "listening to app notes on http") {
		t.Fatalf("said %q, %v; want that it listens", first, err)
	}
	if got := hush(t, env, "", "push", "--to", "user:alice", "--resource", "both"); got.code != exitDone {
		t.Fatalf("push: exit %d, %s", got.code, got.errout)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var e protocol.AppEvent
	if err != nil || json.Unmarshal([]byte(line), &e) != nil || e.User != "alice" || e.State != push.Waiting || e.Reason != push.ReasonNoDevice {
		t.Errorf("printed %q, %v; want alice's delivery waiting for a device", line, err)
	}
	stop()
	rest, err := io.ReadAll(said)
	if got := <-code; got != exitDone || len(rest) != 0 || err != nil {
		t.Errorf("stopped: exit %d, said %q; want %d and nothing", got, rest, exitDone)
	}
}
