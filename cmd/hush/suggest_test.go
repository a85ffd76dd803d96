package main

import (
	"strings"
	"syscall"
	"testing"
)

func TestAMistypedWordIsToldWhatWasMeant(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"psuh":                              "did you mean 'hush push'?",
		"psuh --resource both":              "did you mean 'hush push'?", // its flags are unknown because it is
		"PUSH":                              "did you mean 'hush push'?",
		"push --Resource both":              "did you mean --resource?",
		"push --to all --deliver SESSION":   "did you mean session?",
		"send":                              "did you mean 'hush push'?",
		"app crete notes":                   "did you mean 'hush app put'?", // another word, and mistyped
		"app rm notes":                      "did you mean 'hush app delete'?",
		"key ls":                            "did you mean 'hush key list'?",
		"sim apsn":                          "did you mean 'hush sim apns'?",
		"provider put fmc":                  "did you mean 'hush provider put fcm'?",
		"help psuh":                         "did you mean 'hush push'?",
		"help app lits":                     "did you mean 'hush app list'?",
		"completion bsh":                    "did you mean 'hush completion bash'?",
		"push --resorce both":               "did you mean --resource?",
		"push -resource both":               "did you mean --resource?",
		"serve --lisen :1":                  "did you mean --listen?",
		"demo --onec":                       "did you mean --once?",
		"sim apns --contrl :1":              "did you mean --control?",
		"app --limit 3":                     "'hush app list' has it",
		"push --version":                    "'hush' has it",
		"key create --role sned":            "did you mean send?",
		"push --to all --deliver sesion":    "did you mean session?",
		"demo --color alwys":                "did you mean always?",
		"provider check fmc":                "did you mean fcm?",
		"provider delete apsn":              "did you mean apns?",
		"push --timeout soon":               `--timeout is "soon"; want a duration with its unit, such as 30s`,
		"app list --limit many":             `--limit is "many"; want a whole number`,
		"push --dry-run=perhaps --to all":   `--dry-run is "perhaps"; want true, false, or no value`,
		"push --to all --payload":           "--payload needs a value",
		"app frobnicate":                    "want delete, get, list, put",
		"push --frobnicate --resource both": "'hush push' has no flag --frobnicate\n",
	} {
		a := fakeAPI(t, nil)
		got := hush(t, a.env(), "", strings.Fields(args)...)
		if got.code != exitUsage || got.out != "" || !strings.Contains(got.errout, want) || strings.Count(got.errout, "\n") != 2 {
			t.Errorf("hush %s: exit %d, printed %q and said\n%s\nwant %d and, in one line and where to look, %q", args, got.code, got.out, got.errout, exitUsage, want)
		}
		if asked := a.requests(); len(asked) != 0 {
			t.Errorf("hush %s asked %q, want nothing", args, asked)
		}
	}
}

func TestAMistypedVariableIsWarnedOf(t *testing.T) {
	t.Parallel()
	for name, meant := range map[string]string{"HUSH_SERVR": "HUSH_SERVER", "HUSH_KYE": "HUSH_KEY", "HUSH_APPP": "HUSH_APP", "HUSH_PORT": ""} {
		a := fakeAPI(t, map[string][]answer{"GET /v1/apps": {{200, `{"apps":[{"app":"notes"}],"cursor":""}`}}})
		env := a.env()
		env[name] = "hidden"
		got := hush(t, env, "", "app", "list")
		want := ""
		if meant != "" {
			want = "hush: warning: nobody reads " + name + "; did you mean " + meant + "?\n"
		}
		if got.code != exitDone || got.errout != want {
			t.Errorf("with %s: exit %d, said %q; want 0 and %q", name, got.code, got.errout, want)
		}
	}
}

func TestTheServerWarnsOfAMistypedVariable(t *testing.T) {
	t.Parallel()
	cmd, lines, errout := process(t, []string{"HUSH_DELIVERY_ACKWAIT=1s"}, "serve", "--listen", "127.0.0.1:0")
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready ") {
		t.Fatalf("got %q, want the server ready", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	err := cmd.Wait()
	if want := `variable=HUSH_DELIVERY_ACKWAIT meant=HUSH_DELIVERY_ACK_WAIT`; err != nil || !strings.Contains(errout.String(), want) {
		t.Errorf("%v, logged\n%s\nwant exit 0 and %s", err, errout, want)
	}
}
