package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/proxy/proxytest"
)

const aPush = "01960000-0000-7000-8000-000000000001"

func TestEachCommandAsksWhatItSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p8, account, resource := write("k.p8", "PEM"), write("sa.json", `{"type":"service_account"}`), write("r.json", `{"apns": {}}`)
	for _, test := range []struct {
		args     string
		stdin    string
		asks     string // what the server is asked, without the body's random parts
		jsonAsks string // the same with --json, where it differs
		says     string // in standard output
		body     string // the API's answer
	}{
		{args: "app put notes", asks: `PUT /v1/apps/notes {}`, body: `{"app":"notes"}`, says: "app notes"},
		{args: "app get notes", asks: `GET /v1/apps/notes`, body: `{"app":"notes","created_at":"2026-01-02T10:04:05Z"}`, says: "2026-01-0"},
		{args: "app list", asks: `GET /v1/apps`, body: `{"apps":[{"app":"notes"},{"app":"chat"}],"cursor":""}`, says: "chat"},
		{args: "app list --limit 1 --cursor c", asks: `GET /v1/apps?cursor=c&limit=1`, body: `{"apps":[{"app":"notes"}],"cursor":"d"}`, says: "notes"},
		{args: "app delete notes --yes", asks: `DELETE /v1/apps/notes`, says: "deleted"},
		{args: "key create --role send", asks: `POST /v1/apps/notes/keys {"role":"send"}`, body: `{"key_id":"k1","role":"send","secret":"s3cret"}`, says: "s3cret"},
		{args: "key list --app other", asks: `GET /v1/apps/other/keys`, body: `{"keys":[{"key_id":"k1","role":"read"}],"cursor":""}`, says: "read"},
		{args: "key rotate-root --keep 1h", asks: `POST /v1/root-key/rotate {"keep":"1h0m0s"}`, body: `{"key_id":"root-1","secret":"s3cret","old_until":"2026-01-02T10:04:05Z"}`, says: "s3cret"},
		{args: "key rotate-secret", asks: `POST /v1/secret-key/rotate`, body: `{"key_id":"k2","old_key_ids":[]}`, says: "k2 encrypts everything"},
		{args: "key delete k1", asks: `DELETE /v1/apps/notes/keys/k1`, says: "deleted"},
		{args: "provider put apns --key-file " + p8 + " --key-id K --team-id T --topic a --topic b",
			asks: `PUT /v1/apps/notes/providers/apns {"key":"PEM","key_id":"K","team_id":"T","topics":["a","b"]}`,
			body: `{"provider":"apns","kind":"token","key_id":"K"}`, says: "token"},
		{args: "provider put apns --p12 " + p8, asks: `PUT /v1/apps/notes/providers/apns {"p12":"UEVN"}`,
			body: `{"provider":"apns","kind":"certificate"}`, says: "certificate"},
		{args: "provider put fcm --service-account " + account,
			asks: `PUT /v1/apps/notes/providers/fcm {"service_account":{"type":"service_account"}}`,
			body: `{"provider":"fcm","kind":"service_account","project_id":"demo"}`, says: "demo"},
		{args: "provider list", asks: `GET /v1/apps/notes/providers`, body: `{"providers":[{"provider":"fcm","kind":"service_account"}]}`, says: "fcm"},
		{args: "provider delete fcm", asks: `DELETE /v1/apps/notes/providers/fcm`, says: "deleted"},
		{args: "resource put both --file " + resource, asks: `PUT /v1/apps/notes/resources/both {"apns": {}}`, body: `{"resource_id":"both"}`, says: "both"},
		{args: "resource put both --file -", stdin: `{"fcm": {}}`, asks: `PUT /v1/apps/notes/resources/both {"fcm": {}}`, body: `{"resource_id":"both"}`, says: "both"},
		{args: "resource get both", asks: `GET /v1/apps/notes/resources/both`,
			body: `{"resource_id":"both","fcm":{"ttl":"24h"},"applies":{"fcm":{"ttl":"24h0m0s","budget":{"wakes":20,"per":"1h0m0s","burst":5}},"defaults":["fcm.budget.per"]}}`, says: "fcm.budget.per    1h                               (default)"},
		{args: "resource list", asks: `GET /v1/apps/notes/resources`, body: `{"resources":[{"resource_id":"both","apns":{}}],"cursor":""}`, says: "both"},
		{args: "resource list", asks: `GET /v1/apps/notes/resources`,
			body: `{"resources":[{"resource_id":"both","fcm":{"ttl":"24h0m0s"},"applies":{"fcm":{"ttl":"24h0m0s","priority":"normal","budget":{"wakes":20,"per":"1h0m0s","burst":5},"rewake":{"times":2,"after":"30m0s"}},` +
				`"defaults":["fcm.priority","fcm.budget.wakes","fcm.budget.per","fcm.budget.burst","fcm.rewake.times","fcm.rewake.after"]}}],"cursor":""}`,
			says: "both      fcm       24h  normal (default)  20 per 1h, burst 5 (default)  2 times, after 30m (default)  -"},
		{args: "resource list", asks: `GET /v1/apps/notes/resources`,
			body: `{"resources":[{"resource_id":"both","apns":{},"applies":{"apns":{"ttl":"168h0m0s","budget":{"wakes":1,"per":"1m0s","burst":1},"rewake":{"times":0,"after":"1s"}},"defaults":["apns.ttl","apns.budget.burst"]}}],"cursor":""}`,
			says: "both      apns      168h (default)  -         1 per 1m, burst 1 (default: burst)  0 times, after 1s  -"},
		{args: "resource delete both", asks: `DELETE /v1/apps/notes/resources/both`, says: "deleted"},
		{args: "user token a/b --ttl 5m", asks: `POST /v1/apps/notes/user-tokens {"user":"a/b","ttl":"5m0s"}`, body: `{"token":"jwt"}`, says: "jwt"},
		{args: "user tags alice x y", asks: `PUT /v1/apps/notes/users/alice/tags {"tags":["x","y"]}`, body: `{"tags":["x","y"]}`, says: "x, y"},
		{args: "user tags alice", asks: `PUT /v1/apps/notes/users/alice/tags {"tags":[]}`, body: `{"tags":[]}`, says: "none"},
		{args: "device list --user a/b", asks: `GET /v1/apps/notes/users/a%2Fb/devices`,
			body: `{"devices":[{"device_id":"d1","platform":"ios","token":"ok"}],"cursor":""}`, says: "d1"},
		{args: "device get d1", asks: `GET /v1/apps/notes/devices/d1`, body: `{"device_id":"d1"}`, says: "d1"},
		{args: "device why a/1", asks: `GET /v1/apps/notes/devices/a%2F1/explain`, body: `{"device_id":"a/1","user":"alice","text":"Its provider token is dead."}`, says: "token is dead"},
		{args: "device inbox d1", asks: `GET /v1/apps/notes/devices/d1/inbox`, body: `{"open":1,"deliveries":[{"push_id":"p1"}]}`, says: "1 open"},
		{args: "device delete d1", asks: `DELETE /v1/apps/notes/devices/d1`, says: "deleted"},
		{args: "push --to user:alice --to user:a:b --resource both --payload <&> --ttl 0s",
			asks: `POST /v1/apps/notes/pushes {"to":{"users":["alice","a:b"]},"resource_id":"both","payload":"<&>","ttl":"0s"}`,
			body: `{"push_id":"` + aPush + `","deliveries":2,"warnings":[{"code":"user_not_seen","user":"bob"}]}`, says: "user bob has no device yet; what can wait waits for the first"},
		{args: "push --to tag:x --to tag:y --resource both --payload-file - --deliver wake --collapse-key k --deliver-at 2030-01-02T03:04:05Z", stdin: "from\nstdin",
			asks: `POST /v1/apps/notes/pushes {"to":{"tags":{"any":["x","y"]}},"resource_id":"both","payload":"from\nstdin","collapse_key":"k","deliver":"wake","deliver_at":"2030-01-02T03:04:05Z"}`,
			body: `{"push_id":"` + aPush + `","warnings":[]}`, says: aPush},
		{args: "push --to all --resource both --deliver-at 2030-01-02T03:04:05Z", asks: `POST /v1/apps/notes/pushes {"to":{"all":true},"resource_id":"both","deliver_at":"2030-01-02T03:04:05Z"}`, body: `{"push_id":"` + aPush + `"}`, says: aPush},
		{args: "push --to device:d1 --resource both --dry-run", asks: `POST /v1/apps/notes/pushes {"to":{"devices":["d1"]},"resource_id":"both","dry_run":true}`,
			body: `{"deliveries":[{"device_id":"d1","do":"wake","provider":"apns"}],"warnings":[]}`, says: "nothing was sent"},
		{args: "push list", asks: `GET /v1/apps/notes/pushes?limit=50`, jsonAsks: `GET /v1/apps/notes/pushes`,
			body: `{"pushes":[{"push_id":"` + aPush + `","resource_id":"both","expanded":true,"counts":{"handled":2,"waiting":1}}],"cursor":""}`, says: "1 waiting, 2 handled"},
		{args: "push list --state expired --resource both --user a/b --after 2026-01-02T15:04:05+01:00 --before 2026-01-03T00:00:00Z --limit 3 --cursor c",
			asks: `GET /v1/apps/notes/pushes?after=2026-01-02T14%3A04%3A05Z&before=2026-01-03T00%3A00%3A00Z&cursor=c&limit=3&resource=both&state=expired&user=a%2Fb`,
			body: `{"pushes":[],"cursor":""}`, says: "no push of app notes matches"},
		{args: "cancel p1", asks: `DELETE /v1/apps/notes/pushes/p1`,
			body: `{"cancelled":2,"already_final":[{"device_id":"d1","state":"handled"}]}`, says: "2 cancelled, 1 already final"},
	} {
		status := 200
		switch {
		case test.body == "":
			status = 204
		case strings.HasPrefix(test.args, "key create"), strings.HasPrefix(test.args, "key rotate-root"):
			status = 201
		case strings.HasPrefix(test.args, "key rotate-secret"), strings.HasPrefix(test.args, "push --to") && !strings.Contains(test.args, "--dry-run"):
			status = 202
		}
		for _, asJSON := range []bool{false, true} {
			asks := test.asks
			if asJSON && test.jsonAsks != "" {
				asks = test.jsonAsks
			}
			method, path, _ := strings.Cut(asks, " ")
			path, _, _ = strings.Cut(path, " ")
			a := fakeAPI(t, map[string][]answer{method + " " + path: {{status, test.body}}})
			args := strings.Fields(test.args)
			if asJSON {
				args = append(args, "--json")
			}
			got := hush(t, a.env(), test.stdin, args...)
			if got.code != exitDone {
				t.Errorf("hush %s: exit %d, %s", test.args, got.code, got.errout)
				continue
			}
			if asked := a.requests(); len(asked) != 1 || asked[0] != asks {
				t.Errorf("hush %s asked\n%q, want\n%q", test.args, asked, asks)
			}
			if asJSON && strings.TrimSpace(got.out) != test.body {
				t.Errorf("hush %s --json printed\n%s, want the API's answer\n%s", test.args, got.out, test.body)
			}
			if !asJSON && !strings.Contains(got.out, test.says) {
				t.Errorf("hush %s printed\n%s, want in it %q", test.args, got.out, test.says)
			}
			if strings.Contains(got.out+got.errout, "key-hidden") {
				t.Errorf("hush %s printed the key", test.args)
			}
		}
	}
}

func TestAStrangersAnswerIsNoSuccess(t *testing.T) {
	t.Parallel()
	elsewhere := fakeAPI(t, nil)
	for name, answer := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.url+r.URL.Path, http.StatusMovedPermanently)
		},
		"a login page": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>welcome") },
		"no content":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	} {
		srv := httptest.NewServer(answer)
		t.Cleanup(srv.Close)
		for _, args := range []string{"app delete notes --yes", "app put notes", "push --to all --resource both", "key create --role send", "cancel p", "trace p", "app list --json"} {
			got := hush(t, map[string]string{"HUSH_SERVER": srv.URL, "HUSH_KEY": "key-hidden", "HUSH_APP": "notes"}, "", strings.Fields(args)...)
			if got.code != exitUnreachable || got.out != "" {
				t.Errorf("%s to hush %s: exit %d, printed %q, said %q; want 3 and nothing printed", name, args, got.code, got.out, got.errout)
			}
			if name == "a redirect" && !strings.Contains(got.errout, "--server "+elsewhere.url) {
				t.Errorf("%s to hush %s: said %q; want the address to use", name, args, got.errout)
			}
		}
	}
	if asked := elsewhere.requests(); len(asked) != 0 {
		t.Errorf("the redirect's server was asked %q, want nothing", asked)
	}
}

func TestTheOnlyWayOutIsAProxy(t *testing.T) {
	t.Parallel()
	a := fakeAPI(t, map[string][]answer{"GET /v1/apps": {{200, `{"apps":[{"app":"notes"}],"cursor":""}`}}})
	way := proxytest.Start(t, map[string]string{"hush.example:80": proxytest.Address(a.url)})
	for name, env := range map[string]map[string]string{
		"HUSH_PROXY": {"HUSH_PROXY": way.URL},
		"--proxy":    {"HUSH_PROXY": "direct"},
	} {
		args := []string{"app", "list", "--server", "http://hush.example", "--key", "k"}
		if name == "--proxy" {
			args = append(args, "--proxy", way.URL)
		}
		if got := hush(t, env, "", args...); got.code != exitDone || !strings.Contains(got.out, "notes") {
			t.Errorf("%s: exit %d, %q; want the list", name, got.code, got.errout)
		}
	}
	got := hush(t, map[string]string{"HUSH_PROXY": "ftp://me:hunter2@proxy"}, "", "app", "list", "--key", "k")
	if got.code != exitUsage || !strings.Contains(got.errout, "HUSH_PROXY") || strings.Contains(got.errout, "hunter2") {
		t.Errorf("a bad proxy: exit %d, %q; want 2, the setting, and no password", got.code, got.errout)
	}
}

func TestWrongUsageExitsTwoAndAsksNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"frob"}, `no command "frob"`},
		{[]string{"app"}, "delete, get, list, put"},
		{[]string{"app", "frob"}, `no command "frob"`},
		{[]string{"app", "put"}, "needs NAME"},
		{[]string{"app", "put", ""}, "needs NAME"},
		{[]string{"app", "put", "a", "b"}, `"b"`},
		{[]string{"app", "list", "--frob"}, "--frob"},
		{[]string{"app", "list", "--timeout", "soon"}, "soon"},
		{[]string{"app", "list", "--timeout", "-1s"}, "--timeout"},
		{[]string{"app", "list", "--server", "push.example.com"}, "http"},
		{[]string{"app", "list", "--ca", "/nowhere.pem"}, "--ca"},
		{[]string{"key", "create"}, "--role"},
		{[]string{"provider", "put", "apns"}, "--key-file"},
		{[]string{"provider", "put", "apns", "--key-file", "/nowhere.p8"}, "/nowhere.p8"},
		{[]string{"provider", "put", "fcm"}, "--service-account"},
		{[]string{"resource", "put", "both"}, "--file"},
		{[]string{"device", "list"}, "--user"},
		{[]string{"push", "--resource", "r"}, "--to"},
		{[]string{"push", "--resource", "r", "--to", "alice"}, "user:U"},
		{[]string{"push", "--resource", "r", "--to", "user:"}, "user:U"},
		{[]string{"push", "--resource", "r", "--to", "all:x"}, "user:U"},
		{[]string{"push", "--resource", "r", "--to", "group:x"}, "user:U"},
		{[]string{"push", "--resource", "r", "--to", "user:a", "--to", "device:d"}, "one kind"},
		{[]string{"push", "--to", "all"}, "--resource"},
		{[]string{"push", "--to", "all", "--resource", "r", "--payload", "a\xff"}, "--payload is not UTF-8"},
		{[]string{"push", "--to", "all", "--resource", "r", "--deliver-at", "yesterday"}, "--deliver-at is \"yesterday\"; want a time such as 2027-01-02T15:04:05Z, or a while"},
		{[]string{"push", "user:alice", "--resource", "r"}, "did you mean --to user:alice?"},
		{[]string{"push", "--to", "all", "--resource", "r", "--payload", "a", "--payload-file", "-"}, "one of them"},
		{[]string{"trace"}, "PUSH_ID"},
	} {
		a := fakeAPI(t, nil)
		got := hush(t, a.env(), "", test.args...)
		if got.code != exitUsage || !strings.Contains(got.errout, test.says) || got.out != "" {
			t.Errorf("hush %q: exit %d, said %q and printed %q; want 2, %q and nothing", test.args, got.code, got.errout, got.out, test.says)
		}
		if asked := a.requests(); len(asked) != 0 {
			t.Errorf("hush %q asked %q, want nothing", test.args, asked)
		}
	}
}

func TestWithoutAKeyOrAnAppItSaysWhereToPutThem(t *testing.T) {
	t.Parallel()
	if got := hush(t, nil, "", "app", "list"); got.code != exitUsage || !strings.Contains(got.errout, "HUSH_KEY") {
		t.Errorf("without a key: exit %d, %q; want 2 and HUSH_KEY", got.code, got.errout)
	}
	if got := hush(t, map[string]string{"HUSH_KEY": "k"}, "", "key", "list"); got.code != exitUsage || !strings.Contains(got.errout, "HUSH_APP") {
		t.Errorf("without an app: exit %d, %q; want 2 and HUSH_APP", got.code, got.errout)
	}
}

func TestARefusalExitsOneAndNamesTheFields(t *testing.T) {
	t.Parallel()
	const problem = `{"title":"x","status":422,"code":"invalid","errors":[{"location":"body.apns.alert","code":"not_silent","message":"an alert is visible"}]}`
	for _, asJSON := range []bool{false, true} {
		a := fakeAPI(t, map[string][]answer{"PUT /v1/apps/notes/resources/loud": {{422, problem}}})
		args := []string{"resource", "put", "loud", "--file", "-"}
		if asJSON {
			args = append(args, "--json")
		}
		got := hush(t, a.env(), `{"apns":{"alert":"x"}}`, args...)
		if got.code != exitRefused || !strings.Contains(got.errout, "hush: --file -, line 1 (body.apns.alert): an alert is visible (not_silent)\n") {
			t.Errorf("json %v: exit %d, %q; want 1 and the field with its cause", asJSON, got.code, got.errout)
		}
		if asJSON && strings.TrimSpace(got.out) != problem {
			t.Errorf("with --json printed %q, want the API's answer %q", got.out, problem)
		}
	}
}

func TestAServerThatIsNotThereExitsThree(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	got := hush(t, map[string]string{"HUSH_SERVER": gone.URL, "HUSH_KEY": "key-hidden"}, "", "app", "list")
	if got.code != exitUnreachable || strings.Contains(got.errout, "key-hidden") {
		t.Errorf("exit %d, %q; want 3, and no key", got.code, got.errout)
	}
}

func TestAFlagBeatsItsVariable(t *testing.T) {
	t.Parallel()
	a := fakeAPI(t, map[string][]answer{"GET /v1/apps/mine/providers": {{200, `{"providers":[]}`}}})
	got := hush(t, map[string]string{"HUSH_SERVER": "http://127.0.0.1:1", "HUSH_KEY": "from-env", "HUSH_APP": "other"}, "",
		"provider", "list", "--server", a.url, "--key", "from-flag", "--app", "mine")
	if got.code != exitDone || !slices.Equal(a.keys, []string{"Bearer from-flag"}) {
		t.Errorf("exit %d, %q, keys %q; want the flag's", got.code, got.errout, a.keys)
	}
}

func TestATableHasAllPagesAndJSONHasOne(t *testing.T) {
	t.Parallel()
	pages := func() map[string][]answer {
		return map[string][]answer{
			"GET /v1/apps":           {{200, `{"apps":[{"app":"a1"}],"cursor":"c2"}`}},
			"GET /v1/apps?cursor=c2": {{200, `{"apps":[{"app":"a2"}],"cursor":""}`}},
		}
	}
	if got := hush(t, fakeAPI(t, pages()).env(), "", "app", "list"); !strings.Contains(got.out, "a1") || !strings.Contains(got.out, "a2") {
		t.Errorf("printed %q, want both pages", got.out)
	}
	got := hush(t, fakeAPI(t, pages()).env(), "", "app", "list", "--json")
	var page struct{ Cursor string }
	if err := json.Unmarshal([]byte(got.out), &page); err != nil || page.Cursor != "c2" {
		t.Errorf("printed %q, want the first page with its cursor", got.out)
	}
}

func TestWhatOthersWroteDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	a := fakeAPI(t, map[string][]answer{"GET /v1/apps/notes/devices/d": {{200, `{"device_id":"d\u001b[2J\u202e"}`}}})
	got := hush(t, a.env(), "", "device", "get", "d")
	if got.code != exitDone || strings.ContainsAny(got.out, "\x1b\u202e") {
		t.Errorf("exit %d, printed %q; want no control characters", got.code, got.out)
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	t.Parallel()
	for _, cmd := range everyCommand()[1:] {
		if cmd.HasParent() && cmd.Parent().Name() == "completion" {
			continue // cobra's words
		}
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s: short help %q, example %q; want both", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
	}
	got := hush(t, map[string]string{"HUSH_KEY": "key-hidden"}, "", "push", "--help")
	if got.code != exitDone || !strings.Contains(got.out, "hush push --app notes") || strings.Contains(got.out, "key-hidden") {
		t.Errorf("help: exit %d, %q; want 0, an example, and no key", got.code, got.out)
	}
}

func TestShellsGetCompletions(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := hush(t, nil, "", "completion", shell); got.code != exitDone || len(got.out) < 1000 {
			t.Errorf("completion %s: exit %d, %d bytes; want a script", shell, got.code, len(got.out))
		}
	}
	if got := hush(t, nil, "", "__complete", "push", "--deliver", ""); !strings.Contains(got.out, "session") {
		t.Errorf("completion of --deliver: %q, want session in it", got.out)
	}
}

func TestVersionIsACommandAndAFlag(t *testing.T) {
	t.Parallel()
	plain, asJSON := hush(t, nil, "", "version"), hush(t, nil, "", "version", "--json")
	if plain.code != exitDone || !strings.HasPrefix(plain.out, "hush ") || !json.Valid([]byte(asJSON.out)) {
		t.Fatalf("exit %d, %q and %q; want hush and a version", plain.code, plain.out, asJSON.out)
	}
	for args, want := range map[string]result{"--version": plain, "-v": plain, "--version --json": asJSON, "--json --version": asJSON} {
		if got := hush(t, nil, "", strings.Fields(args)...); got != want {
			t.Errorf("hush %s: %+v, want %+v", args, got, want)
		}
	}
}

func TestProviderCheckSaysWhatToChangeAndItsExitCodeTells(t *testing.T) {
	t.Parallel()
	const path = "POST /v1/apps/notes/providers/apns/check"
	for body, code := range map[string]int{
		`{"ok":true,"what":"It works.","do":""}`:                        exitDone,
		`{"ok":false,"what":"It does not.","do":"Change the team id."}`: exitRefused,
	} {
		a := fakeAPI(t, map[string][]answer{path: {{200, body}}})
		got := hush(t, a.env(), "", "provider", "check", "apns")
		want := "It works.\n"
		if code != exitDone {
			want = "It does not.\nChange the team id.\n"
		}
		if got.code != code || got.out != want || got.errout != "" {
			t.Errorf("exit %d, printed %q and %q; want %d and %q", got.code, got.out, got.errout, code, want)
		}
		if got := hush(t, a.env(), "", "provider", "check", "apns", "--json"); got.code != code || strings.TrimSpace(got.out) != body {
			t.Errorf("--json: exit %d, printed %q; want %d and %q", got.code, got.out, code, body)
		}
	}
	if got := hush(t, nil, "", "provider", "check", "sms", "--key", "k", "--app", "notes"); got.code != exitUsage {
		t.Errorf("a provider that there is not: exit %d, want %d", got.code, exitUsage)
	}
}

func TestATimeIsReadAsPeopleSayIt(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("there", 2*60*60)
	now := time.Date(2026, 3, 4, 1, 30, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"":                     {},
		"today":                time.Date(2026, 3, 4, 0, 0, 0, 0, zone),
		"2h":                   now.Add(-2 * time.Hour),
		"0s":                   now,
		"2026-03-01":           time.Date(2026, 3, 1, 0, 0, 0, 0, zone),
		"2026-03-01T10:00:00Z": time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
	} {
		if got, err := timeFlag("after", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday-ish", "-2h", "2026-13-01", "10:00"} {
		if got, err := timeFlag("after", text, now); err == nil || !strings.Contains(err.Error(), "--after") {
			t.Errorf("%q is %s, %v; want an error that names the flag", text, got, err)
		}
	}
}

func TestAListOfPushesGoesOnUntilItHasEnough(t *testing.T) {
	t.Parallel()
	push := `{"push_id":"` + aPush + `","resource_id":"both","expanded":true,"counts":{"expired":1}}`
	a := fakeAPI(t, map[string][]answer{
		"GET /v1/apps/notes/pushes?limit=2&state=expired":          {{200, `{"pushes":[],"cursor":"a"}`}},
		"GET /v1/apps/notes/pushes?cursor=a&limit=2&state=expired": {{200, `{"pushes":[` + push + `],"cursor":"b"}`}},
		"GET /v1/apps/notes/pushes?cursor=b&limit=1&state=expired": {{200, `{"pushes":[` + push + `],"cursor":"c"}`}},
	})
	got := hush(t, a.env(), "", "push", "list", "--state", "expired", "--limit", "2")
	if got.code != exitDone || strings.Count(got.out, "1 expired") != 2 || !strings.Contains(got.out, "--cursor c") {
		t.Errorf("exit %d\n%s%s; want two pushes, and where to go on", got.code, got.out, got.errout)
	}
}

func TestAKeyWithALineBreakIsNotBlamedOnTheServer(t *testing.T) {
	t.Parallel()
	got := hush(t, map[string]string{"HUSH_KEY": "abc123\ndef456"}, "", "app", "list")
	if got.code != exitUsage || !strings.Contains(got.errout, "the key has a line break") || !strings.Contains(got.errout, "(--key, HUSH_KEY)") ||
		strings.Contains(got.errout, "HUSH_SERVER") || strings.Contains(got.errout, "abc123") {
		t.Errorf("exit %d, said %q; want the key's flag and variable, and nothing of the server or the key", got.code, got.errout)
	}
}
