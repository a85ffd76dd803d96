package apns

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// Whatever APNs, or something in its place, may say: it is understood in bounded terms, and no token dies of anything but
// a 410.
func FuzzParseRefusal(f *testing.F) {
	f.Add(410, `{"reason":"Unregistered","timestamp":1454948015990}`)
	f.Add(400, `{"reason":"BadDeviceToken"}`)
	f.Add(410, `{"reason":"x","timestamp":"soon"}`)
	f.Add(502, `<html>`)
	f.Add(200, strings.Repeat(`{"reason":`, 10_000))
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := parseRefusal([]byte(body))
		if len(r.reason) > 100 || r.since.After(time.UnixMilli(1e15)) {
			t.Errorf("got a reason of %d bytes, dead since %v; want at most 100, and a time", len(r.reason), r.since)
		}
		a := meaning(status, r.reason)
		if a.fault == push.FaultToken && status != 410 {
			t.Errorf("got a dead token for %d %q, want that for 410 only", status, body)
		}
		if a.fault == push.FaultSuspect && (status != 400 || r.reason == "") {
			t.Errorf("got a suspect token for %d %q", status, body)
		}
	})
}

func TestATopicThatIsRefusedSaysNothingOfOthers(t *testing.T) {
	t.Parallel()
	for _, a := range answers {
		if a.fault != push.FaultCredentials {
			continue
		}
		want := push.ReachEnvironment
		if strings.Contains(a.reason, "Topic") {
			want = push.ReachTopic
		}
		if got := reach(a.reason); got != want {
			t.Errorf("%s is about the %q, want %q", a.reason, got, want)
		}
	}
}

func FuzzAnAPNsIDIsAUUID(f *testing.F) {
	form := regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	for _, s := range []string{
		"", "ec1bf194-b3b2-424a-89a9-5a918a6e6b5d", "EC1BF194-B3B2-424A-89A9-5A918A6E6B5D", "ec1bf194-b3b2-424a-89a9-5a918a6e6b5", "gc1bf194-b3b2-424a-89a9-5a918a6e6b5d",
		"ec1bf194-b3b2-424a-89a9-5a918a6e6b5d\n", "ec1bf194-b3b2-424a-89a95-a918a6e6b5d", "@c1bf194-b3b2-424a-89a9-5a918a6e6b5d", "ec1bf194-b3b2-424a-89a9-5a918a6e6b5G", "/c1bf194-b3b2-424a-89a9-5a918a6e6b:d",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := isUUID(s), form.MatchString(s); got != want {
			t.Errorf("%q: got %t, want %t", s, got, want)
		}
	})
}
