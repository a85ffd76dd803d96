package main

import (
	"strings"
	"testing"
)

func TestSimAppSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	phone := map[string]string{"HUSH_KEY": "key", "HUSH_APP": "notes", "HUSH_PHONE": "p1"}
	for _, test := range []struct {
		without string
		args    []string
		want    string
	}{
		{"HUSH_PHONE", []string{"--user", "alice"}, "HUSH_PHONE is not set"},
		{"", nil, "no user is given; want --user NAME"},
		{"HUSH_APP", []string{"--user", "alice"}, "no app is given"},
		{"HUSH_KEY", []string{"--user", "alice"}, "no server key is given"},
	} {
		env := map[string]string{}
		for name, value := range phone {
			if name != test.without {
				env[name] = value
			}
		}
		got := hush(t, env, "", append([]string{"sim", "app"}, test.args...)...)
		if got.code != exitUsage || !strings.Contains(got.errout, test.want) {
			t.Errorf("without %q, args %q: exit %d, %s; want %d, %q", test.without, test.args, got.code, got.errout, exitUsage, test.want)
		}
	}
}

func TestSimAppIsForPhonesThatTellAllEvents(t *testing.T) {
	t.Parallel()
	env := map[string]string{"HUSH_KEY": "key", "HUSH_APP": "notes", "HUSH_PHONE": "p1"}
	push := `{"id":"1","phone":"p1","event":"push","data":{},"allowed":"30s"}` + "\n"
	got := hush(t, env, push, "sim", "app", "--user", "alice", "--dir", t.TempDir())
	if got.code != exitDone || got.out != `{"id":"1","result":"failed"}`+"\n" || !strings.Contains(got.errout, "--app-events all") {
		t.Errorf("exit %d, %s, %s; want a failed push and --app-events all in the device log", got.code, got.out, got.errout)
	}
}
