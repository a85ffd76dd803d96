package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// paced is a resource whose budget can be seen at work: a wake every 5 s.
const paced = "paced"

// tryFiles are what the lines to paste call, in the demo's own directory. They hold the address and the keys, so that a line
// works in every shell and fits a terminal.
type tryFiles struct{ hush, curl, budget string }

// writeTryFiles writes them for the server that runs.
func (w *world) writeTryFiles() (tryFiles, error) {
	f := tryFiles{
		hush: filepath.Join(w.dir, "hush"), curl: filepath.Join(w.dir, "push.curl"), budget: filepath.Join(w.dir, "budget.sh"),
	}
	for path, content := range map[string]string{f.hush: w.hushScript(), f.curl: w.curlConfig(), f.budget: budgetScript} {
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			return f, fmt.Errorf("demo: a file to try: %w", err)
		}
	}
	return f, nil
}

// tries returns the lines to paste while the server is up. pushID is a push that has a timeline worth seeing.
func (f tryFiles) tries(pushID string) []try {
	push := func(resource string) string {
		return fmt.Sprintf("%s push --to user:%s --resource %s --payload hi", quote(f.hush), alice.name(), resource)
	}
	return []try{
		{"Watch all that happens in the app, live, until Ctrl-C:", quote(f.hush) + " listen"},
		{"Push to alice's phone, whose app is suspended:", push(both)},
		{"The same with curl; the file has the address, the key and the body:", "curl -sSK " + quote(f.curl)},
		{"Follow a push until it is final; this one met a dead socket:", quote(f.hush) + " trace " + pushID},
		{"See one wait for its budget: two pushes, and a wake every 5 s:", "sh " + quote(f.budget)},
	}
}

// hushScript returns a script that runs this very program as a client of the demo's server.
func (w *world) hushScript() string {
	return fmt.Sprintf(`#!/bin/sh
# hush as a client of the demo: its server, its app, its root key.
HUSH_SERVER=%s HUSH_APP=%s HUSH_KEY=%s HUSH_PROXY=direct exec %s "$@"
`, quote(w.url), appName, quote(w.root.Reveal()), quote(w.self))
}

// curlConfig returns a push as a backend sends it, as a configuration file of curl.
func (w *world) curlConfig() string {
	body := fmt.Sprintf(`{"to":{"users":["%s"]},"resource_id":"%s","payload":"hi"}`, alice.name(), both)
	return fmt.Sprintf(`# A push over HTTP: what stands here could be given to curl as flags.
url = "%s/v1/apps/%s/pushes"
header = "Authorization: Bearer %s"
header = "Content-Type: application/json"
data = %s
write-out = "\n"
noproxy = "*"
`, w.url, appName, w.sendKey.Reveal(), curlString(body))
}

// curlString quotes a value as curl's configuration files want it.
func curlString(s string) string {
	quoted, _ := json.Marshal(s) // escapes " and \, as curl does; of the rest there is none here
	return string(quoted)
}

// budgetScript shows a budget at work.
var budgetScript = fmt.Sprintf(`# Two pushes at once under the resource %[1]q, which allows 2 wakes in 10 s and one in 5 s:
#
#   {"budget": {"wakes": 2, "per": "10s", "burst": 1}}
#
# The first one wakes the phone. The second one is "waiting (budget)", and goes by itself when the 5 s are over.
cd "$(dirname "$0")" || exit
./hush push --to user:%[2]s --resource %[1]s --payload first || exit
id=$(./hush push --to user:%[2]s --resource %[1]s --payload second --json | sed -n 's/.*"push_id":"\([^"]*\)".*/\1/p')
exec ./hush trace "$id"
`, paced, alice.name())

// quote returns a word as a POSIX shell reads it back.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:,@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
