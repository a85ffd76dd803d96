package main

import (
	"strings"
	"testing"
)

func TestListsWithoutARowSaySoBesideStandardOutput(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, path, body, says string }{
		{"app list", "GET /v1/apps", `{"apps":[],"cursor":""}`, "no apps; make one with: hush app put NAME\n"},
		{"key list", "GET /v1/apps/notes/keys", `{"keys":[],"cursor":""}`, "no keys of app notes\n"},
		{"provider list", "GET /v1/apps/notes/providers", `{"providers":[]}`, "no credentials of app notes\n"},
		{"resource list", "GET /v1/apps/notes/resources", `{"resources":[],"cursor":""}`, "no resources of app notes\n"},
		{"resource list --cursor c", "GET /v1/apps/notes/resources?cursor=c", `{"resources":[],"cursor":""}`, "nothing more\n"},
		{"signing-key list", "GET /v1/apps/notes/signing-keys", `{"signing_keys":[],"cursor":""}`, "no signing keys of app notes\n"},
		{"device list --user alice", "GET /v1/apps/notes/users/alice/devices", `{"devices":[],"cursor":""}`, "no devices of user alice\n"},
		{"device inbox d1", "GET /v1/apps/notes/devices/d1/inbox", `{"open":0,"deliveries":[]}`, "nothing waits for device d1\n"},
	} {
		a := fakeAPI(t, map[string][]answer{test.path: {{200, test.body}}})
		if got := hush(t, a.env(), "", strings.Fields(test.args)...); got.code != exitDone || got.out != "" || got.errout != test.says {
			t.Errorf("hush %s: exit %d, printed %q, said %q; want 0, nothing and %q", test.args, got.code, got.out, got.errout, test.says)
		}
		if got := hush(t, a.env(), "", strings.Fields(test.args+" --json")...); got.code != exitDone || got.out != test.body+"\n" || got.errout != "" {
			t.Errorf("hush %s --json: exit %d, printed %q, said %q; want 0 and the answer alone", test.args, got.code, got.out, got.errout)
		}
	}
}

func TestAPushThatNobodyGetsIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	env["HUSH_APP"] = "notes"
	command := func(code int, args string, says ...string) result {
		t.Helper()
		got := hush(t, env, `{"fcm": {}}`, strings.Fields(args)...)
		if got.code != code {
			t.Errorf("hush %s: exit %d, printed %q, said %q; want exit %d", args, got.code, got.out, got.errout, code)
		}
		for _, want := range says {
			if !strings.Contains(got.out, want) {
				t.Errorf("hush %s printed %q; want %q in it", args, got.out, want)
			}
		}
		if strings.Contains(got.out, "0 of 0") || strings.Contains(got.out, "0 cancelled") {
			t.Errorf("hush %s printed %q; want what there was none of", args, got.out)
		}
		return got
	}
	push := func(args string, says ...string) (id string) {
		t.Helper()
		return strings.Fields(command(exitDone, "push --resource both "+args, says...).out)[1]
	}
	command(exitDone, "app put notes")
	command(exitDone, "resource put both --file -")

	const noTag, noDevice = "no user with a device had the tags when its time came", "the app had no device when its time came"
	tagged := push("--to tag:beta", "deliveries  0", noTag)
	command(exitNotHandled, "trace "+tagged, noTag)
	command(exitNotHandled, "trace "+tagged+" --no-follow", noTag)
	command(exitDone, "cancel "+tagged, "nothing to cancel; nobody gets it: "+noTag)
	command(exitNotHandled, "trace "+push("--to all", "deliveries  0", noDevice), noDevice)

	for to, waits := range map[string]string{"user:alice": "0 of 1, 1 not final yet", "tag:beta": "waits for its time", "all": "waits for its time"} {
		id := push("--deliver-at 1h --to "+to, "made when its time has come")
		command(exitDone, "trace --no-follow "+id, waits)
		for range 2 {
			command(exitDone, "cancel "+id, "cancelled before it began\n")
		}
		command(exitNotHandled, "trace "+id, "cancelled before it began\n")
		if list := command(exitDone, "push list --limit 1", id); !strings.Contains(list.out, "cancelled before it began") {
			t.Errorf("the push to %s is listed as %q; want it cancelled before it began", to, list.out)
		}
	}
	if list := command(exitDone, "push list", tagged); strings.Count(list.out, noTag) != 1 || strings.Count(list.out, noDevice) != 1 {
		t.Errorf("the pushes are listed as %q; want for each why nobody gets it", list.out)
	}
	command(exitDone, "push --dry-run --resource both --to tag:beta", "nobody would get it: no user with a device has the tags\n")
	command(exitDone, "push --dry-run --resource both --to all", "nobody would get it: the app has no device\n")
}

func TestAUserWhoseDevicesAreNotLookedUpYetIsNotSaidToHaveNone(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	env["HUSH_APP"] = "notes"
	command := func(args string) string { return hush(t, env, `{"fcm": {}}`, strings.Fields(args)...).out }
	command("app put notes")
	command("resource put both --file -")
	scheduled := strings.Fields(command("push --resource both --deliver-at 1h --to user:alice"))[1]
	for _, state := range []string{"scheduled", "cancelled"} {
		got := command("trace --no-follow " + scheduled)
		if strings.Contains(got, "no device") || !strings.Contains(got, " alice  "+state) {
			t.Errorf("a push that is %s is drawn as %q; want alice, and nothing of a device", state, got)
		}
		command("cancel " + scheduled)
	}
	now := strings.Fields(command("push --resource both --to user:alice"))[1]
	for _, state := range []string{"waiting", "cancelled"} {
		if got := command("trace --no-follow " + now); !strings.Contains(got, " alice (no device yet)  "+state) {
			t.Errorf("a push that is %s is drawn as %q; want that alice has no device", state, got)
		}
		command("cancel " + now)
	}
}

func TestAPageOfATraceIsJudgedByAllOfThePush(t *testing.T) {
	t.Parallel()
	page := strings.NewReplacer(`"cursor":""`, `"cursor":"c2","counts":{"handled":1,"expired":2}`).Replace(traceFinal(traceHandled))
	a := fakeAPI(t, map[string][]answer{pushPath + "?limit=1": {{200, page}}})
	if got := hush(t, a.env(), "", "trace", "p1", "--limit", "1"); got.code != exitNotHandled || !strings.Contains(got.out, "handled on 1 of 3") {
		t.Errorf("exit %d, printed\n%s\nwant 4 and handled on 1 of 3", got.code, got.out)
	}
}
