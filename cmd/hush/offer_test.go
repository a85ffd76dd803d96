package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// completed returns what the shell is offered for the last of args, without cobra's directive.
func completed(t *testing.T, env map[string]string, args ...string) []string {
	t.Helper()
	got := hush(t, env, "", append([]string{"__complete"}, args...)...)
	lines := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
	for _, said := range strings.Split(strings.TrimSpace(got.errout), "\n") {
		if !strings.HasPrefix(said, "Completion ended with directive:") { // cobra's own, which its scripts drop
			t.Errorf("completion of %q said %q; want no noise", args, said)
		}
	}
	if got.code != exitDone || !strings.HasPrefix(lines[len(lines)-1], ":") {
		t.Errorf("completion of %q: exit %d, %q; want 0 and a directive", args, got.code, got.out)
	}
	return lines[:len(lines)-1]
}

func TestTheShellIsOfferedWhatTheServerHas(t *testing.T) {
	t.Parallel()
	env, url := served(t)
	for _, args := range []string{"app put notes", "app put chat", "resource put both --file -", "resource put quiet --file -",
		"key create --role send --name backend", "signing-key put k1 --generate"} {
		if got := hush(t, env, `{"apns":{},"fcm":{}}`, strings.Fields(args)...); got.code != exitDone {
			t.Fatalf("hush %s: %s", args, got.errout)
		}
	}
	var pushes []string // newest first
	for _, resource := range []string{"both", "quiet"} {
		var accepted struct {
			PushID string `json:"push_id"`
		}
		sent := hush(t, env, "", "push", "--to", "user:alice", "--resource", resource, "--json")
		if err := json.Unmarshal([]byte(sent.out), &accepted); err != nil {
			t.Fatal(err)
		}
		pushes = append([]string{accepted.PushID}, pushes...)
	}
	for _, test := range []struct {
		args  []string
		names []string // in order
		about string   // in the description of the first
	}{
		{[]string{"app", "get", ""}, []string{"chat", "notes"}, ""},
		{[]string{"app", "delete", "n"}, []string{"notes"}, ""},
		{[]string{"app", "get", "notes", ""}, nil, ""},
		{[]string{"push", "--app", ""}, []string{"chat", "notes"}, ""},
		{[]string{"push", "--app=n"}, []string{"notes"}, ""},
		{[]string{"push", "--resource", ""}, []string{"both", "quiet"}, "apns, fcm"},
		{[]string{"push", "--app", "chat", "--resource", ""}, nil, ""},
		{[]string{"resource", "get", "q"}, []string{"quiet"}, ""},
		{[]string{"listen", "--resource", ""}, []string{"both", "quiet"}, ""},
		{[]string{"push", "list", "--resource", ""}, []string{"both", "quiet"}, ""},
		{[]string{"trace", ""}, pushes, "quiet, 20"},
		{[]string{"cancel", ""}, pushes, "quiet, 20"},
		{[]string{"trace", "--server", url, pushes[1]}, pushes[1:], "both, 20"},
		{[]string{"signing-key", "get", ""}, []string{"k1"}, "HS256"},
		{[]string{"push", "--to", ""}, []string{"user:", "device:", "tag:", "all"}, ""},
		{[]string{"provider", "check", "f"}, []string{"fcm"}, ""},
		{[]string{"device", "register", "--platform", ""}, []string{"ios", "android"}, ""},
		{[]string{"device", "get", ""}, nil, ""},
	} {
		var names, abouts []string
		for _, line := range completed(t, env, test.args...) {
			name, about, _ := strings.Cut(line, "\t")
			names, abouts = append(names, name), append(abouts, about)
		}
		if !slices.Equal(names, test.names) || len(abouts) > 0 && !strings.Contains(abouts[0], test.about) {
			t.Errorf("completion of %q: %q (%q), want %q (%q)", test.args, names, abouts, test.names, test.about)
		}
	}
	if keys := completed(t, env, "key", "delete", ""); len(keys) != 1 || !strings.HasSuffix(keys[0], "\tsend, backend") {
		t.Errorf("completion of keys: %q, want the one with its role and name", keys)
	}
	env["HUSH_KEY"] = "wrong"
	if got := completed(t, env, "trace", ""); len(got) != 0 {
		t.Errorf("with a wrong key: %q, want nothing", got)
	}
}

func TestACompletionWaitsForNoServer(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	t.Cleanup(func() { close(over) }) // before the server is closed, which waits for its handlers
	env := map[string]string{"HUSH_KEY": "k", "HUSH_APP": "notes", "HUSH_KYE": "mistyped"}
	env["HUSH_SERVER"] = serveAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}))
	ended := make(chan []string)
	go func() { ended <- completed(t, env, "push", "--resource", "") }()
	select {
	case got := <-ended:
		if len(got) != 0 {
			t.Errorf("a server that says nothing: %q, want nothing", got)
		}
	case <-time.After(30 * time.Second): // far beyond offerWait
		t.Error("the shell waits for a server that says nothing")
	}
	for name, server := range map[string]string{"nobody there": "http://127.0.0.1:1", "no address": "nonsense"} {
		env["HUSH_SERVER"] = server
		if got := completed(t, env, "trace", ""); len(got) != 0 {
			t.Errorf("%s: %q, want nothing", name, got)
		}
	}
	if got := completed(t, nil, "app", "get", ""); len(got) != 0 {
		t.Errorf("without a key: %q, want nothing", got)
	}
}
