package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// answering is an app in a shell: it answers every push, and prints the line that it got to the device log.
const answering = `while read -r line; do echo "got $line" >&2; id=${line#*\"id\":\"}; echo "{\"id\":\"${id%%\"*}\",\"result\":\"new_data\"}"; done`

// simWorld is hush sim world as a process, and a sender that has read its files.
type simWorld struct {
	t                  *testing.T
	dir                string
	apns, fcm, control string
	client             *http.Client
	signed             string     // the provider token, once there is one
	stop               func() int // as SIGTERM does; the exit code
}

func startSimWorld(t *testing.T, args ...string) *simWorld {
	t.Helper()
	dir := t.TempDir()
	args = append([]string{"sim", "world", "--apns-listen", "127.0.0.1:0", "--fcm-listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
		"--cert-dir", dir, "--key", filepath.Join(dir, "key.p8"), "--service-account", filepath.Join(dir, "service-account.json"),
		"--topic", "com.example.notes"}, args...)
	cmd, lines, errout := process(t, nil, args...)
	lines.Scan()
	line := lines.Text()
	if !strings.HasPrefix(line, "ready apns=") {
		t.Fatalf("first line %q, want ready apns=… fcm=… control=…; it said %s", line, errout)
	}
	w := &simWorld{t: t, dir: dir, apns: readyAddress(t, line, "apns"), fcm: readyAddress(t, line, "fcm"), control: readyAddress(t, line, "control")}
	pem, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	w.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	t.Cleanup(w.client.CloseIdleConnections)
	w.stop = func() int {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // its exit code is what counts
		return cmd.ProcessState.ExitCode()
	}
	return w
}

// ask sends a request and reads the answer's JSON into out; nil does not.
func (w *simWorld) ask(method, target, body string, headers map[string]string, out any) int {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			w.t.Fatalf("%s %s: %d, %q is no JSON: %v", method, target, resp.StatusCode, answer, err)
		}
	}
	return resp.StatusCode
}

func (w *simWorld) sim(method, path, body string, out any) int {
	w.t.Helper()
	return w.ask(method, "http://"+w.control+"/_sim"+path, body, nil, out)
}

// simPhone is what the tests look at of GET /_sim/phones/p1.
type simPhone struct {
	Phone, Token, State string
	PID                 int
	Pushes              []struct{ Did, Reason, Result string }
	Log                 []struct {
		System bool
		Text   string
	}
}

// waitPhone asks until a phone is as wanted.
func (w *simWorld) waitPhone(name, what string, wanted func(simPhone) bool) (p simPhone) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		p = simPhone{}
		w.sim("GET", "/phones/"+name, "", &p)
		if wanted(p) {
			return p
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s did not come to have %s: %+v", name, what, p)
		}
	}
}

// pushIOS and pushAndroid send with the credentials that the command wrote; they answer the status.
func (w *simWorld) pushIOS(token, note string) int {
	w.t.Helper()
	return w.ask("POST", "https://"+w.apns+"/3/device/"+token, `{"aps":{"content-available":1},"note":"`+note+`"}`, map[string]string{
		"authorization": "bearer " + w.bearer(), "apns-topic": "com.example.notes", "apns-push-type": "background", "apns-priority": "5"}, nil)
}

// bearer returns one provider token for all pushes: a new one within 20 minutes would be refused.
func (w *simWorld) bearer() string {
	w.t.Helper()
	if w.signed != "" {
		return w.signed
	}
	pem, err := os.ReadFile(filepath.Join(w.dir, "key.p8"))
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := jwt.ParseECPrivateKeyFromPEM(pem)
	if err != nil {
		w.t.Fatal(err)
	}
	claims := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": "HUSHTEAM01", "iat": time.Now().Unix()})
	claims.Header["kid"] = "HUSHKEY001"
	if w.signed, err = claims.SignedString(key); err != nil {
		w.t.Fatal(err)
	}
	return w.signed
}

func (w *simWorld) pushAndroid(token, note string) int {
	w.t.Helper()
	file, err := os.ReadFile(filepath.Join(w.dir, "service-account.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var account map[string]string
	if err := json.Unmarshal(file, &account); err != nil {
		w.t.Fatal(err)
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(account["private_key"]))
	if err != nil {
		w.t.Fatal(err)
	}
	assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": account["client_email"], "aud": account["token_uri"], "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"scope": "https://www.googleapis.com/auth/firebase.messaging"}).SignedString(key)
	if err != nil {
		w.t.Fatal(err)
	}
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	w.ask("POST", account["token_uri"], form.Encode(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, &grant)
	return w.ask("POST", "https://"+w.fcm+"/v1/projects/"+account["project_id"]+"/messages:send",
		fmt.Sprintf(`{"message":{"token":%q,"data":{"note":%q}}}`, token, note),
		map[string]string{"Authorization": "Bearer " + grant.AccessToken, "Content-Type": "application/json"}, nil)
}

func TestPushesReachACommandOnPhonesOfSimWorld(t *testing.T) {
	t.Parallel()
	w := startSimWorld(t, "--app", answering)
	for i, c := range []struct {
		platform, state string
		push            func(token, note string) int
		did, line       string
	}{
		{"ios", "background", w.pushIOS, "gave", `got {"id":"1","phone":"p1","event":"push","data":{"aps":{"content-available":1},"note":"42"},"allowed":"`},
		{"android", "terminated", w.pushAndroid, "launched", `got {"id":"1","phone":"p2","event":"push","data":{"note":"42"},"allowed":"`},
	} {
		var made struct{ Phone, Token string }
		body := fmt.Sprintf(`{"platform":%q,"state":%q}`, c.platform, c.state)
		if status := w.sim("POST", "/phones", body, &made); status != http.StatusCreated || made.Phone != fmt.Sprint("p", i+1) {
			t.Fatalf("POST /_sim/phones %s: %d %+v, want 201 and p%d", body, status, made, i+1)
		}
		if status := c.push(made.Token, "42"); status != http.StatusOK {
			t.Fatalf("the push to %s: %d, want 200", c.platform, status)
		}
		p := w.waitPhone(made.Phone, "a result", func(p simPhone) bool {
			return len(p.Pushes) == 1 && p.Pushes[0].Result != "" && strings.Contains(fmt.Sprint(p.Log), "got {")
		})
		if got := p.Pushes[0]; got.Did != c.did || got.Result != "new_data" {
			t.Errorf("%s did %+v, want %s and new_data", c.platform, got, c.did)
		}
		var read []string
		for _, l := range p.Log {
			if !l.System {
				read = append(read, l.Text)
			}
		}
		if len(read) != 1 || !strings.HasPrefix(read[0], c.line) {
			t.Errorf("the app on %s read %q, want one line that begins with %s", c.platform, read, c.line)
		}
	}
	pid := w.waitPhone("p1", "a process", func(p simPhone) bool { return p.PID != 0 }).PID
	if code := w.stop(); code != exitDone {
		t.Errorf("stopped: exit %d, want 0", code)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the app's process %d outlived the command: %v", pid, err)
	}
}

func TestSimWorldMovesPhonesAndTime(t *testing.T) {
	t.Parallel()
	w := startSimWorld(t, "--app", answering, "--set", "phone.ios.burst=1", "--seed", "0")
	var made, moved simPhone
	w.sim("POST", "/phones", `{"platform":"ios","state":"suspended"}`, &made)
	w.pushIOS(made.Token, "1")
	w.waitPhone("p1", "a handled push", func(p simPhone) bool { return len(p.Pushes) == 1 && p.Pushes[0].Result != "" })
	w.pushIOS(made.Token, "2")
	held := w.waitPhone("p1", "a judged push", func(p simPhone) bool { return len(p.Pushes) == 2 })
	if held.Pushes[1].Reason != "throttled" {
		t.Errorf("the second push with a burst of 1: %+v, want held (throttled)", held.Pushes[1])
	}
	if status := w.sim("POST", "/clock", `{"advance":"20m"}`, nil); status != http.StatusOK {
		t.Fatalf("POST /_sim/clock: %d, want 200", status)
	}
	w.waitPhone("p1", "the held push handled", func(p simPhone) bool { return len(p.Pushes) == 3 && p.Pushes[2].Result == "new_data" })
	if status := w.sim("POST", "/phones/p1", `{"state":"terminated","online":true}`, &moved); status != http.StatusOK || moved.State != "terminated" || moved.PID != 0 {
		t.Errorf("swiped away: %d, %s with process %d; want 200, terminated, none", status, moved.State, moved.PID)
	}
	w.sim("POST", "/phones/p1", `{"reinstall":true}`, &moved)
	if moved.Token == made.Token || moved.State != "terminated" {
		t.Errorf("reinstalled: state %s, the same token %v; want the state as before and another token", moved.State, moved.Token == made.Token)
	}
	if first, then := w.pushIOS(made.Token, "3"), w.pushIOS(made.Token, "4"); first != http.StatusOK || then != http.StatusGone {
		t.Errorf("the old token gets %d and then %d, want 200 and 410", first, then)
	}
	var problem struct {
		Errors []struct{ Location, Message string }
	}
	if status := w.sim("POST", "/phones/p1", `{"state":"doze","low_power":true}`, &problem); status != http.StatusUnprocessableEntity || len(problem.Errors) != 1 || problem.Errors[0].Location != "body.state" {
		t.Errorf("a state that iOS has not: %d %+v, want 422 for body.state", status, problem)
	}
}

func TestSimWorldRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--set", "nonsense=1"}, {"--apns-listen", "nowhere"}, {"--control", "nowhere"}, {"--control", ""}, {"--app", ""},
		{"--app-events", "some"}, {"--topic", "not a topic"}, {"--environment", "staging"}, {"--json"}, {"x"}} {
		all := append([]string{"sim", "world", "--apns-listen", "127.0.0.1:0", "--fcm-listen", "127.0.0.1:0", "--control", "127.0.0.1:0"}, args...)
		if got := hush(t, nil, "", all...); got.code != exitUsage || got.out != "" {
			t.Errorf("sim world %q: exit %d, %q; want 2", args, got.code, got.errout)
		}
	}
	line, _ := background(t, nil, "sim", "world", "--apns-listen", "127.0.0.1:0", "--fcm-listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	for _, name := range []string{"apns", "fcm", "control"} {
		flag := map[string]string{"apns": "--apns-listen", "fcm": "--fcm-listen", "control": "--control"}[name]
		args := []string{"sim", "world", "--apns-listen", "127.0.0.1:0", "--fcm-listen", "127.0.0.1:0", "--control", "127.0.0.1:0", flag, readyAddress(t, line, name)}
		if got := hush(t, nil, "", args...); got.code != exitRefused || !strings.Contains(got.errout, "in use") || !strings.Contains(got.errout, flag+" ") {
			t.Errorf("a second one on the port of %s: exit %d, %q; want 1, that it is in use, and %s", name, got.code, got.errout, flag)
		}
	}
}

func TestSimWorldPrintsAllRules(t *testing.T) {
	t.Parallel()
	got := hush(t, nil, "", "sim", "world", "--rules", "--json")
	var rules []struct{ Name, Switch string }
	if err := json.Unmarshal([]byte(got.out), &rules); err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, r := range rules {
		has[r.Switch] = true
	}
	for _, name := range []string{"device.rate", "quota.project_per_minute", "phone.ios.burst", "phone.doze.windows"} {
		if !has[name] {
			t.Errorf("the rules have no switch %s", name)
		}
	}
	if text := hush(t, nil, "", "sim", "world", "--rules"); !strings.Contains(text.out, "--set phone.ios.burst=3") {
		t.Errorf("sim world --rules: %d bytes without the switches of phones", len(text.out))
	}
}

// wantKept looks at what FCM says of a token: how many messages wait, and the outcome and reason of each send.
func (w *simWorld) wantKept(when, token string, stored int, outcomes ...string) {
	w.t.Helper()
	var state struct{ Stored, Delivered []string }
	if status := w.sim("GET", "/tokens/"+token, "", &state); status != http.StatusOK || len(state.Stored) != stored {
		w.t.Errorf("%s: GET /_sim/tokens/…: %d, %d stored, want 200 and %d", when, status, len(state.Stored), stored)
	}
	var page struct {
		Requests []struct{ Outcome, Reason string }
	}
	w.sim("GET", "/requests?token="+url.QueryEscape(token), "", &page)
	var got []string
	for _, r := range page.Requests {
		got = append(got, strings.TrimSpace(r.Outcome+" "+r.Reason))
	}
	if strings.Join(got, ", ") != strings.Join(outcomes, ", ") {
		w.t.Errorf("%s: the sends are %q, want %q", when, got, outcomes)
	}
}

func TestSimWorldKeepsMessagesAtFCMInDozeAndDiscardsThemForAForceStoppedApp(t *testing.T) {
	t.Parallel()
	w := startSimWorld(t, "--app", answering)
	var made simPhone
	w.sim("POST", "/phones", `{"platform":"android","state":"background"}`, &made)
	change := func(body string) {
		t.Helper()
		if status := w.sim("POST", "/phones/p1", body, nil); status != http.StatusOK {
			t.Fatalf("POST /_sim/phones/p1 %s: %d, want 200", body, status)
		}
	}
	handled := func(n int) func(simPhone) bool {
		return func(p simPhone) bool {
			done := 0
			for _, r := range p.Pushes {
				if r.Result == "new_data" {
					done++
				}
			}
			return done == n
		}
	}
	send := func(note string) {
		t.Helper()
		if status := w.pushAndroid(made.Token, note); status != http.StatusOK {
			t.Fatalf("the message %s: %d, want 200", note, status)
		}
	}
	change(`{"state":"doze"}`)
	send("1")
	w.wantKept("in Doze", made.Token, 1, "stored delayedDeviceDoze")
	change(`{"state":"background"}`)
	w.waitPhone("p1", "the message that waited, handled", handled(1))
	w.wantKept("after Doze", made.Token, 0, "delivered delayedDeviceDoze")

	change(`{"state":"force_stopped"}`)
	send("2")
	w.wantKept("force-stopped", made.Token, 0, "delivered delayedDeviceDoze", "discarded droppedAppForceStopped")
	change(`{"state":"foreground"}`)
	send("3")
	p := w.waitPhone("p1", "two handled messages", handled(2))
	w.wantKept("opened", made.Token, 0, "delivered delayedDeviceDoze", "discarded droppedAppForceStopped", "delivered")
	if did := fmt.Sprint(p.Pushes); !strings.Contains(did, "{held doze ") || !strings.Contains(did, "{dropped force_stopped ") {
		t.Errorf("the phone's record is %s, want that it held one for Doze and dropped one of a force-stopped app", did)
	}
}
