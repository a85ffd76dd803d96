package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// background runs a command that goes on until its world ends. line is the first one on its standard output; stop ends it
// as SIGTERM would, and answers its exit code and what it said.
func background(t *testing.T, env map[string]string, args ...string) (line string, stop func() (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var errout bytes.Buffer
	done := make(chan int, 1)
	go func() {
		code := run(ctx, args, world{stdin: strings.NewReader(""), stdout: in, stderr: &errout, getenv: func(name string) string { return env[name] }})
		in.Close()
		done <- code
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	go io.Copy(io.Discard, out) // whatever follows must not hold it up; ends with the command
	stop = func() (int, string) {
		cancel()
		select {
		case code := <-done:
			done <- code
			return code, errout.String()
		case <-time.After(30 * time.Second):
			t.Fatalf("hush %q did not end", args)
			return 0, ""
		}
	}
	t.Cleanup(func() { stop() })
	return lines.Text(), stop
}

// readyAddress returns an address of the line "ready listen=… control=…".
func readyAddress(t *testing.T, line, name string) string {
	t.Helper()
	words := strings.Fields(line)
	for _, w := range words {
		if addr, ok := strings.CutPrefix(w, name+"="); ok && words[0] == "ready" {
			if _, _, err := net.SplitHostPort(addr); err == nil {
				return addr
			}
		}
	}
	t.Fatalf("first line %q, want ready with %s=HOST:PORT", line, name)
	return ""
}

func TestASimulatorSaysWhereItListensAndEndsCleanly(t *testing.T) {
	t.Parallel()
	for _, provider := range simulated {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			line, stop := background(t, nil, "sim", provider, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--cert-dir", dir,
				"--environment", "development")
			listen, control := readyAddress(t, line, "listen"), readyAddress(t, line, "control")
			resp, err := http.Get("http://" + control + "/_sim/openapi.json")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("GET /_sim/openapi.json: %d, want 200", resp.StatusCode)
			}
			if pem, err := os.ReadFile(filepath.Join(dir, "ca.pem")); err != nil || !bytes.Contains(pem, []byte("CERTIFICATE")) {
				t.Errorf("ca.pem: %q, %v; want a certificate", pem, err)
			}
			again := hush(t, nil, "", "sim", provider, "--listen", listen)
			if again.code != exitRefused || !strings.Contains(again.errout, "in use") {
				t.Errorf("a second one on %s: exit %d, %q; want 1, and that it is in use", listen, again.code, again.errout)
			}
			if code, errout := stop(); code != exitDone {
				t.Errorf("stopped: exit %d, %s; want 0", code, errout)
			}
		})
	}
}

func TestASimulatorPrintsItsRules(t *testing.T) {
	t.Parallel()
	for _, provider := range slices.Concat(simulated, []string{"world"}) {
		if got := hush(t, nil, "", "sim", provider, "--rules"); got.code != exitDone || !strings.Contains(got.out, "--set ") {
			t.Errorf("sim %s --rules: exit %d, %d bytes; want 0 and the switches", provider, got.code, len(got.out))
		}
		got := hush(t, nil, "", "sim", provider, "--rules", "--json")
		var rules []map[string]any
		if err := json.Unmarshal([]byte(got.out), &rules); err != nil || len(rules) < 10 {
			t.Fatalf("sim %s --rules --json: %d rules, %v", provider, len(rules), err)
		}
		for _, name := range []string{"rule", "source", "certain", "switch", "default"} {
			if _, there := rules[0][name]; !there {
				t.Errorf("sim %s --rules --json: %v has no %q", provider, rules[0], name)
			}
		}
		if got := hush(t, nil, "", "sim", provider, "--rules", "--markdown"); !strings.HasPrefix(got.out, "# The rules") {
			t.Errorf("sim %s --rules --markdown: %.80q, want a page", provider, got.out)
		}
	}
}

// wrongFlags are calls of hush sim that are wrong, each with what the refusal must say: the flag, what is wrong, what would be
// right.
var wrongFlags = []struct {
	args []string
	code int
	says []string
}{
	{[]string{"apns", "x"}, exitUsage, []string{`"x"`}},
	{[]string{"apns", "--bogus"}, exitUsage, []string{"--bogus"}},
	{[]string{"apns", "--json"}, exitUsage, []string{"--json", "--rules"}},
	{[]string{"apns", "--rules", "--json", "--markdown"}, exitUsage, []string{"--json", "--markdown", "give one"}},
	{[]string{"fcm", "--rules", "--set", "nonsense"}, exitUsage, []string{"--set", "NAME=VALUE"}},
	{[]string{"apns", "--set", "device.rat=1"}, exitUsage, []string{"--set", `"device.rat"`, "perhaps device.rate"}},
	{[]string{"world", "--set", "device.rat=1"}, exitUsage, []string{"--set", `"device.rat"`, "perhaps device.rate"}},
	{[]string{"fcm", "--set", "storage.order=none"}, exitUsage, []string{"--set", "sent, any"}},
	{[]string{"apns", "--set", "streams.max=0"}, exitUsage, []string{"--set", "streams.max=0", "1 or more"}},
	{[]string{"apns", "--set", "connection.idle=5"}, exitUsage, []string{"--set", "a duration such as 75m"}},
	{[]string{"world", "--seed", "some"}, exitUsage, []string{"--seed", `"some"`, "a whole number"}},
	{[]string{"apns", "--listen", "nowhere"}, exitUsage, []string{"--listen", `"nowhere"`, "HOST:PORT"}},
	{[]string{"apns", "--listen", "127.0.0.1:99999"}, exitUsage, []string{"--listen", "65535"}},
	{[]string{"fcm", "--control", "127.0.0.1:"}, exitUsage, []string{"--control", "HOST:PORT"}},
	{[]string{"world", "--fcm-listen", "nowhere"}, exitUsage, []string{"--fcm-listen", "HOST:PORT"}},
	{[]string{"world", "--apns-listen", "127.0.0.1:0", "--fcm-listen", "127.0.0.1:0", "--control", "nowhere"}, exitUsage, []string{"--control", "HOST:PORT"}},
	{[]string{"world", "--app-events", "some"}, exitUsage, []string{"--app-events", "push or all"}},
	{[]string{"apns", "--environment", "staging"}, exitUsage, []string{"--environment", `"staging"`, "production or development"}},
	{[]string{"fcm", "--environment", "staging"}, exitUsage, []string{"--environment", `"staging"`, "production or development"}},
	{[]string{"apns", "--key-environment", "staging"}, exitUsage, []string{"--key-environment", `"staging"`, "both"}},
	{[]string{"apns", "--key-id", "short"}, exitUsage, []string{"--key-id", `"short"`, "10 characters"}},
	{[]string{"apns", "--team-id", "short"}, exitUsage, []string{"--team-id", `"short"`, "10 characters"}},
	{[]string{"apns", "--topic", "a/b"}, exitUsage, []string{"--topic", `"a/b"`, "com.example.notes"}},
	{[]string{"apns", "--key-topic", "nobody=com.example"}, exitUsage, []string{"--key-topic", "id of one of the keys"}},
	{[]string{"apns", "--key", "a", "--key", "b", "--key-id", "AAAAAAAAAA"}, exitUsage, []string{"--key-id", "in step"}},
	{[]string{"apns", "--key", "FILE"}, exitUsage, []string{"--key", "FILE", "want the .p8"}},
	{[]string{"apns", "--key", "DIR"}, exitRefused, []string{"--key", "DIR"}},
	{[]string{"apns", "--cert-dir", "FILE"}, exitRefused, []string{"--cert-dir", "FILE"}},
	{[]string{"apns", "--cert-dir", "DIR/taken"}, exitRefused, []string{"DIR/taken"}},
	{[]string{"fcm", "--cert-dir", "FILE/below"}, exitRefused, []string{"FILE/below"}},
	{[]string{"fcm", "--service-account", "FILE"}, exitUsage, []string{"--service-account", "FILE", "JSON"}},
	{[]string{"fcm", "--service-account", "FILE/below"}, exitRefused, []string{"--service-account", "FILE/below"}},
	{[]string{"fcm", "--project", "A_B"}, exitUsage, []string{"--project", `"A_B"`, "such as demo"}},
}

func TestASimulatorRefusesWrongFlagsByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "taken", "ca.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	place := strings.NewReplacer("FILE", file, "DIR", dir).Replace
	for _, c := range wrongFlags {
		args := []string{"sim"}
		for _, a := range c.args {
			args = append(args, place(a))
		}
		if c.args[0] != "world" && !slices.Contains(args, "--listen") {
			args = append(args, "--listen", "127.0.0.1:0")
		}
		got := hush(t, nil, "", args...)
		if got.code != c.code || got.out != "" {
			t.Errorf("%q: exit %d and %q on standard output, want %d and nothing (%s)", args, got.code, got.out, c.code, got.errout)
		}
		for _, want := range c.says {
			if !strings.Contains(got.errout, place(want)) {
				t.Errorf("%q says %q, want %q in it", args, got.errout, place(want))
			}
		}
	}
}

func TestASimulatorTellsWhatASeedHasChosen(t *testing.T) {
	t.Parallel()
	for _, provider := range slices.Concat(simulated, []string{"world"}) {
		chosen := func(args ...string) map[string]string {
			got := hush(t, nil, "", append([]string{"sim", provider, "--rules", "--json"}, args...)...)
			var rules []struct{ Switch, Value string }
			if err := json.Unmarshal([]byte(got.out), &rules); err != nil {
				t.Fatalf("sim %s --rules --json %q: %v", provider, args, err)
			}
			values := map[string]string{}
			for _, r := range rules {
				values[r.Switch] = r.Value
			}
			return values
		}
		usual, seven := chosen(), chosen("--seed", "7")
		if again := chosen("--seed", "7"); !maps.Equal(seven, again) || maps.Equal(seven, usual) {
			t.Errorf("sim %s: seed 7 chose %v, then %v; want the same twice, and not the defaults", provider, seven, again)
		}
	}
	line, stop := background(t, nil, "sim", "apns", "--listen", "127.0.0.1:0", "--seed", "7", "--set", "device.rate=5")
	readyAddress(t, line, "listen")
	if _, errout := stop(); !strings.Contains(errout, "device.rate=5") || !strings.Contains(errout, "seed=7") {
		t.Errorf("with seed 7 and a switch the log says %q, want both in it", errout)
	}
}

func TestTheRulesPagesAreCurrent(t *testing.T) {
	t.Parallel()
	for command, name := range map[string]string{"apns": "apns-rules.md", "fcm": "fcm-rules.md", "world": "phone-rules.md"} {
		page, err := os.ReadFile(filepath.Join("..", "..", "docs", "generated", name))
		got := hush(t, nil, "", "sim", command, "--rules", "--markdown")
		if err != nil || string(page) != got.out {
			t.Errorf("docs/generated/%s is not what hush sim %s says (%v); run make generate", name, command, err)
		}
	}
}

// simulated are the providers that have a simulator.
var simulated = []string{"apns", "fcm"}

func TestTheRulesOfAWorldAreThoseOfItsParts(t *testing.T) {
	t.Parallel()
	var rules []struct{ Name string }
	got := hush(t, nil, "", "sim", "world", "--rules", "--json")
	if err := json.Unmarshal([]byte(got.out), &rules); err != nil {
		t.Fatal(err)
	}
	parts := map[string]int{}
	for _, r := range rules {
		part, _, _ := strings.Cut(r.Name, "/")
		if strings.HasPrefix(r.Name, "phone.") {
			part = "phone"
		}
		parts[part]++
	}
	if len(parts) != 3 || parts["apns"] < 40 || parts["fcm"] < 40 || parts["phone"] < 30 {
		t.Errorf("rules by part: %v, want those of apns, fcm and phones", parts)
	}
}

func TestTheAPNsSimulatorWritesWhatSendersNeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"sim", "apns", "--listen", "127.0.0.1:0", "--cert-dir", dir, "--topic", "com.example.notes",
		"--key", filepath.Join(dir, "a.p8"), "--key-id", "AAAAAAAAAA", "--team-id", "TEAMTEAM01",
		"--key", filepath.Join(dir, "b.p8"), "--key-id", "BBBBBBBBBB", "--team-id", "TEAMTEAM02"}
	line, stop := background(t, nil, args...)
	if readyAddress(t, line, "listen"); strings.Contains(line, "control=") {
		t.Errorf("first line %q, want no control API where none was asked for", line)
	}
	for _, name := range []string{"ca.pem", "a.p8", "b.p8"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if p12, err := filepath.Glob(filepath.Join(dir, "*.p12")); err != nil || len(p12) == 0 {
		t.Errorf("client certificates in %s: %v, %v; want one for the topic", dir, p12, err)
	}
	before, _ := os.ReadFile(filepath.Join(dir, "a.p8"))
	stop()
	line, _ = background(t, nil, args...)
	readyAddress(t, line, "listen")
	if after, err := os.ReadFile(filepath.Join(dir, "a.p8")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key changed at the second start (%v), want the one that was there", err)
	}
	out := hush(t, nil, "", "sim", "apns", "--key", "a", "--key", "b", "--key-id", "AAAAAAAAAA", "--listen", "127.0.0.1:0")
	if out.code != exitUsage || !strings.Contains(out.errout, "in step") {
		t.Errorf("two keys and one id: exit %d, %q; want 2, and that they go in step", out.code, out.errout)
	}
}
