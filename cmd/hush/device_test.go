package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
)

func TestADeviceIsRegisteredForAUser(t *testing.T) {
	t.Parallel()
	env, url := served(t)
	hush(t, env, "", "app", "put", "notes")
	got := hush(t, env, "", strings.Fields("device register --user alice --platform android --package com.example.notes --token abc --app-state background --fact os_version=15 --fact model=Pixel --json")...)
	var registered struct {
		DeviceID   string `json:"device_id"`
		Credential string `json:"credential"`
		WakeKey    struct{ ID, Key string }
	}
	if err := json.Unmarshal([]byte(got.out), &registered); err != nil || registered.DeviceID == "" || registered.Credential == "" {
		t.Fatalf("exit %d, printed %q, said %q; want the device's id and its credential", got.code, got.out, got.errout)
	}
	shown := hush(t, env, "", "device", "get", registered.DeviceID, "--json")
	var device protocol.Device
	if err := json.Unmarshal([]byte(shown.out), &device); err != nil || device.User != "alice" || device.Package != "com.example.notes" || device.Token != "ok" ||
		device.AppState != "background" || device.Facts["os_version"] != 15.0 || device.Facts["model"] != "Pixel" {
		t.Errorf("registered %s, want all that was given", shown.out)
	}
	inbox, err := http.NewRequest(http.MethodGet, url+"/v1/inbox", nil)
	if err != nil {
		t.Fatal(err)
	}
	inbox.Header.Set(protocol.HeaderDevice, registered.Credential)
	if resp, err := http.DefaultClient.Do(inbox); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the credential: %v, %v; want it good for the inbox", resp, err)
	}

	// The device is there now: it is changed with its credential only.
	again := "device register --user alice --platform android --package com.example.notes --app-state foreground --device " + registered.DeviceID
	if got := hush(t, env, "", strings.Fields(again)...); got.code != exitRefused || !strings.Contains(got.errout, "device_taken") {
		t.Errorf("without its credential: exit %d, %q; want 1 and device_taken", got.code, got.errout)
	}
	got = hush(t, env, registered.Credential+"\n", strings.Fields(again+" --credential-file -")...)
	if got.code != exitDone || strings.Contains(got.out, "credential") || !strings.Contains(got.out, registered.DeviceID) {
		t.Errorf("with its credential: exit %d, %q, %q; want the device, and no new credential", got.code, got.out, got.errout)
	}

	plain := hush(t, env, "", strings.Fields("device register --user bob --platform ios")...)
	for _, want := range []string{" of bob\n", "credential  ", "wake key    ", "shown this once", "header Hush-Device", "session and inbox"} {
		if plain.code != exitDone || !strings.Contains(plain.out, want) {
			t.Errorf("exit %d, printed\n%s%s, want in it %q", plain.code, plain.out, plain.errout, want)
		}
	}
	for args, want := range map[string]string{
		"device register --platform ios":                                  "--user",
		"device register --user alice":                                    "--platform",
		"device register --user alice --platform andriod":                 "did you mean android?",
		"device register --user alice --platform ios --fact low":          "--fact",
		"device register --user a --platform ios --app-state asleep":      "foreground or background",
		"device register --user a --platform ios --environment producton": "did you mean production?",
	} {
		if got := hush(t, env, "", strings.Fields(args)...); got.code != exitUsage || !strings.Contains(got.errout, want) {
			t.Errorf("hush %s: exit %d, %q; want 2 and %q", args, got.code, got.errout, want)
		}
	}
	got = hush(t, env, "", strings.Fields("device register --user alice --platform ios --token 00fc --environment production")...)
	if want := "hush: --bundle-id (body.bundle_id): is missing"; got.code != exitRefused || !strings.HasPrefix(got.errout, want) {
		t.Errorf("without a bundle id: exit %d, %q; want 1 and %q", got.code, got.errout, want)
	}
}

func TestAnImportNamesTheLinesThatAreRefused(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	const file = `{"user":"alice","device_id":"d1","platform":"android"}

{"user":"alice","device_id":"d2","platform":"andriod"}
nonsense
{"user":"bob","device_id":"d3","platform":"ios"}
`
	got := hush(t, env, file, "device", "import", "-")
	if got.code != exitRefused || got.out != "4 lines: 2 devices made, 0 known, 2 refused\n" {
		t.Errorf("exit %d, printed %q; want 1 and the sum", got.code, got.out)
	}
	if lines := strings.Split(got.errout, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], `hush: line 3: body.platform: is "andriod"; want`) || !strings.HasPrefix(lines[1], "hush: line 4: ") {
		t.Errorf("said\n%s\nwant lines 3 and 4 with their reasons", got.errout)
	}
	good := `{"user":"alice","device_id":"d1","platform":"android"}` + "\n"
	if got := hush(t, env, good, "device", "import", "-"); got.code != exitDone || got.out != "1 line: 0 devices made, 1 known, 0 refused\n" || got.errout != "" {
		t.Errorf("again: exit %d, %q, %q; want 0 and the device known", got.code, got.out, got.errout)
	}
	if got := hush(t, env, file, "device", "import", "-", "--json"); got.code != exitRefused || strings.Count(got.out, "\n") != 4 || !strings.Contains(got.out, `"line":3,"status":422`) {
		t.Errorf("--json: exit %d, printed\n%s\nwant the API's answer, an object a line", got.code, got.out)
	}
	if got := hush(t, env, "", "device", "import", "/nowhere.ndjson"); got.code != exitUsage || !strings.Contains(got.errout, "/nowhere.ndjson") {
		t.Errorf("a file that there is not: exit %d, %q; want 2 and its name", got.code, got.errout)
	}
	env["HUSH_APP"] = "nope"
	if got := hush(t, env, good, "device", "import", "-"); got.code != exitRefused || !strings.Contains(got.errout, "not_found") || got.out != "" {
		t.Errorf("an app that there is not: exit %d, %q, %q; want 1 and not_found", got.code, got.out, got.errout)
	}
}

// lineWriter hands on what is printed, line by line.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

// An import is sent as it is read: a line is answered while the next one is not there yet, so a file of any size fits.
func TestAnImportStreams(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	in, feed := io.Pipe()
	out := make(lineWriter)
	ended := make(chan int, 1)
	var errout bytes.Buffer
	go func() {
		ended <- run(t.Context(), []string{"device", "import", "-", "--json", "--timeout", "1m"},
			world{stdin: in, stdout: out, stderr: &errout, getenv: func(name string) string { return env[name] }})
	}()
	for n := 1; n <= 3; n++ {
		fmt.Fprintf(feed, `{"user":"alice","device_id":"d%d","platform":"ios"}`+"\n", n)
		select {
		case line := <-out:
			if want := fmt.Sprintf(`{"line":%d,"status":201,"device_id":"d%d"}`+"\n", n, n); line != want {
				t.Errorf("line %d: got %q, want %q", n, line, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("line %d is not answered before the next one comes", n)
		}
	}
	feed.Close()
	if code := <-ended; code != exitDone {
		t.Errorf("exit %d, %s; want 0", code, &errout)
	}
}

// What cannot be read is not the server's fault.
func TestAnImportNamesAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	env["HUSH_APP"] = "notes"
	got := hush(t, env, "", "device", "import", t.TempDir())
	if got.code != exitUsage || !strings.HasPrefix(got.errout, "hush: FILE: read ") || strings.Contains(got.errout, "server") {
		t.Errorf("a directory: exit %d, said %q; want 2, and that FILE cannot be read", got.code, got.errout)
	}
}

func TestAnImportDoesNotWaitForAServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	silent := http.NewServeMux()
	silent.HandleFunc("POST /v1/apps/notes/devices/import", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-ndjson")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	env := map[string]string{"HUSH_SERVER": serveAt(t, silent), "HUSH_KEY": "k", "HUSH_APP": "notes"}
	got := hush(t, env, `{"user":"a","device_id":"d","platform":"ios"}`, "device", "import", "-", "--timeout", "200ms")
	if got.code != exitUnreachable || !strings.Contains(got.errout, "no answer within 200ms (--timeout)") {
		t.Errorf("exit %d, %q; want 3 and the time-out named", got.code, got.errout)
	}
}

func TestAnImportThatIsInterruptedSaysWhereItStood(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	in, feed := io.Pipe()
	ctx, interrupt := context.WithCancel(t.Context())
	out := make(lineWriter)
	var errout bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"device", "import", "-", "--json"},
			world{stdin: in, stdout: out, stderr: &errout, getenv: func(name string) string { return env[name] }})
	}()
	io.WriteString(feed, `{"user":"alice","device_id":"d1","platform":"ios"}`+"\n")
	<-out
	interrupt()
	if code := <-ended; code != exitInterrupted || !strings.Contains(errout.String(), "after the result of line 1;") || !strings.Contains(errout.String(), "hush: interrupted;") {
		t.Errorf("exit %d, %s; want 130 and the line", code, &errout)
	}
	feed.Close()
}

// Nothing ends a read of a pipe to which nobody writes.
func TestAnInterruptEndsACommandThatWaitsForItsInput(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	for _, args := range []string{"device import -", "push --to user:u --resource r --payload-file -"} {
		ctx, stop := context.WithCancel(t.Context())
		in, feed := io.Pipe()
		asked := make(chan struct{})
		var errout bytes.Buffer
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, strings.Fields(args), world{stdin: reading{in, asked}, stdout: io.Discard, stderr: &errout, getenv: func(name string) string { return env[name] }})
		}()
		<-asked
		stop()
		select {
		case code := <-ended:
			if code != exitInterrupted || !strings.Contains(errout.String(), "interrupted") {
				t.Errorf("hush %s: exit %d, said %q; want %d and that it was interrupted", args, code, errout.String(), exitInterrupted)
			}
		case <-time.After(time.Minute):
			t.Fatalf("hush %s: not ended by an interrupt", args)
		}
		_ = feed.Close()
	}
}

// reading says once when it is first read.
type reading struct {
	io.Reader
	asked chan struct{}
}

func (r reading) Read(b []byte) (int, error) {
	select {
	case <-r.asked:
	default:
		close(r.asked)
	}
	return r.Reader.Read(b)
}
