package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestAFaultIsSaidOnceWithTheNameOfItsFlag(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	hush(t, env, `{"apns":{},"fcm":{}}`, "resource", "put", "both", "--file", "-")
	file := "{\"apns\": {\"ttl\": \"1h\",\n  \"sound\": \"x\"},\n \"fcm\": {\n   \"priority\": \"hihg\"}}"
	for _, test := range []struct {
		args  string
		stdin string
		want  []string // a line each; what is wrong in the API's words
	}{
		{"push --to user:a --resource nope --ttl 9h", "", []string{`--resource (body.resource_id): is "nope", which`}},
		{"push --to user:a --resource nope --ttl 9999h", "", []string{`--resource (body.resource_id): is "nope", which`, `--ttl (body.ttl): is "9999h"; want`}},
		{"push --to device:d1 --resource both", "", []string{`--to (body.to.devices[0]): is "d1", which`}},
		{"push --to all --resource both --deliver-at 9000h", "", []string{`--deliver-at (body.deliver_at): is "`}},
		{"push --to all --resource both --idempotency-key é", "", []string{"--idempotency-key (header.Idempotency-Key): has a character"}},
		{"push --to all --resource both --app No", "", []string{"--app (path.app): has 'N'; want"}},
		{"app put No", "", []string{"NAME (path.app): has 'N'; want"}},
		{"app list --limit 5000", "", []string{"--limit (query.limit): is 5000; want"}},
		{"app list --cursor zz", "", []string{"--cursor (query.cursor): is not a cursor"}},
		{"key create --role send --expires 2000-01-01T00:00:00Z", "", []string{"--expires (body.expires_at): is in the past; want"}},
		{"key rotate-root --keep -1s", "", []string{"--keep (body.keep): is -1s; want"}},
		{"user token alice --ttl 9999h", "", []string{"--ttl (body.ttl): is 9999h0m0s; want"}},
		{"resource put both --file -", file, []string{"--file -, line 2 (body.apns.sound): is refused", `--file -, line 4 (body.fcm.priority): is "hihg"; want`}},
		{"resource put both --file -", "{\n\"apns\":\n}", []string{"--file -, line 3: the body cannot be read: it is no JSON"}},
		{"resource put b%d --file -", `{"apns":{}}`, []string{"NAME (path.resource_id): has '%'; want"}},
		{"provider put apns --key-file - --key-id A --team-id ABC1234567 --topic x", "PEM", []string{"--key-file (body.key): is not PEM", "--key-id (body.key_id): has 1 characters"}},
		{"provider put fcm --service-account -", `{"type":"x"}`, []string{"--service-account (body.service_account): has another type"}},
		{"push --to all --resource both --app nope", "", []string{`404 not_found: there is no app "nope"`}},
	} {
		got := hush(t, env, test.stdin, strings.Fields(test.args)...)
		lines := strings.Split(strings.TrimSuffix(got.errout, "\n"), "\n")
		if got.code != exitRefused || got.out != "" || len(lines) != len(test.want) {
			t.Errorf("hush %s: exit %d, printed %q and said\n%swant exit %d and %d lines", test.args, got.code, got.out, got.errout, exitRefused, len(test.want))
			continue
		}
		for i, want := range test.want {
			if !strings.HasPrefix(lines[i], "hush: "+want) {
				t.Errorf("hush %s said\n%s\nwant\nhush: %s…", test.args, lines[i], want)
			}
		}
	}
	env["HUSH_APP"] = "No"
	if got := hush(t, env, "", "provider", "list"); !strings.HasPrefix(got.errout, "hush: HUSH_APP (path.app): has 'N'") {
		t.Errorf("an app from the environment: said %q; want the variable named", got.errout)
	}
}

// A new flag or argument is in the request, and so in what may be said of it, or it is named here.
func TestEveryFlagAndArgumentOfAClientSaysWhatItBecomes(t *testing.T) {
	t.Parallel()
	ours := []string{"server", "key", "ca", "proxy", "json", "timeout", "help", "yes", "check", "no-follow", "credential-file", "dir"}
	for _, cmd := range everyCommand() {
		if cmd.Flags().Lookup("server") == nil {
			continue // it asks no server
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Annotations[fieldsOf] == nil && !slices.Contains(ours, f.Name) {
				t.Errorf("%s --%s: no field of a request; want becomes, or its name in this test", cmd.CommandPath(), f.Name)
			}
		})
		for _, name := range regexp.MustCompile(`[A-Z_]{2,}`).FindAllString(cmd.Use, -1) {
			given := slices.Contains([]string{"PROVIDER", "FILE"}, name) // judged before anything is asked
			for key, argument := range cmd.Annotations {
				given = given || strings.HasPrefix(key, fieldsOf) && argument == name
			}
			if !given {
				t.Errorf("%s: %s is no field of a request; want argumentBecomes, or its name in this test", cmd.CommandPath(), name)
			}
		}
	}
}

func TestALocationHasItsLine(t *testing.T) {
	t.Parallel()
	const body = "{\n \"a\": [1,\n  {\"b.c\": 2,\n   \"d\": {}}],\n \"e\": 1\n}"
	for location, want := range map[string]int{
		"body.a": 2, "body.a[0]": 2, "body.a[1]": 2, "body.a[1].d": 4, "body.a[1].d.missing": 4, "body.a[1].b.c": 3, "body.e": 5,
		"body.a[7]": 2, "body.missing": 1, "body": 1, "query.x": 1,
	} {
		if got := lineOf([]byte(body), location); got != want {
			t.Errorf("%s: line %d, want %d", location, got, want)
		}
	}
}

func FuzzALocationIsFoundInAnyBody(f *testing.F) {
	f.Add([]byte("{\"a\":\n[{}]}"), "body.a[0].b")
	f.Add([]byte("[[["), "body[0][0][0]")
	f.Add([]byte("{\"a\" 1"), "body.a")
	f.Fuzz(func(t *testing.T, body []byte, location string) {
		lines := 1 + strings.Count(string(body), "\n")
		if n := lineOf(body, location); n < 1 || n > lines {
			t.Errorf("line %d of %d", n, lines)
		}
		if n := lineOfSyntax(body); n < 1 || n > lines {
			t.Errorf("syntax: line %d of %d", n, lines)
		}
	})
}
