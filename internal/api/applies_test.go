package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
)

func TestAResourceSaysWhichOfItsSettingsAreDefaults(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.must(201, "PUT", "/v1/apps/notes", "{}")
		for _, c := range []struct{ put, apns, fcm, defaults string }{
			{`{"apns": {}, "fcm": {}}`, "168h0m0s 3 per 1h0m0s burst 2, 2 after 30m0s ", "168h0m0s 20 per 1h0m0s burst 5, 2 after 30m0s normal",
				"apns.ttl apns.budget.wakes apns.budget.per apns.budget.burst apns.rewake.times apns.rewake.after " +
					"fcm.ttl fcm.priority fcm.budget.wakes fcm.budget.per fcm.budget.burst fcm.rewake.times fcm.rewake.after"},
			{`{"apns": {"ttl": "0s", "budget": {"wakes": 1, "per": "1m"}, "rewake": {"times": 0, "after": "1s"}}}`, "0s 1 per 1m0s burst 1, 0 after 1s ", "", "apns.budget.burst"},
			{`{"fcm": {"ttl": "24h", "priority": "high", "budget": {"wakes": 9, "per": "1m", "burst": 2}}}`, "", "24h0m0s 9 per 1m0s burst 2, 2 after 30m0s high", "fcm.rewake.times fcm.rewake.after"},
		} {
			w.must(201, "PUT", "/v1/apps/notes/resources/r", c.put)
			got := w.must(200, "GET", "/v1/apps/notes/resources/r", "")
			var r protocol.Resource
			got.into(t, &r)
			if a := r.Applies; a == nil || applied(a.APNs) != c.apns || applied(a.FCM) != c.fcm || !slices.Equal(a.Defaults, strings.Fields(c.defaults)) {
				t.Errorf("%s applies as %s", c.put, got.body)
			}
			w.must(200, "PUT", "/v1/apps/notes/resources/r", got.body) // the answer can be put back, and means the same
			if again := w.must(200, "GET", "/v1/apps/notes/resources/r", ""); again.body != got.body {
				t.Errorf("after it was put as it was got:\n%s\nwant\n%s", again.body, got.body)
			}
			if list := w.must(200, "GET", "/v1/apps/notes/resources", ""); !strings.Contains(list.body, strings.TrimSpace(got.body)) {
				t.Errorf("the list has\n%s\nwant in it\n%s", list.body, got.body)
			}
			w.must(204, "DELETE", "/v1/apps/notes/resources/r", "")
		}
	})
}

func applied(s *protocol.Strategy) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%s %d per %s burst %d, %d after %s %s", s.TTL, s.Budget.Wakes, s.Budget.Per, s.Budget.Burst, s.Rewake.Times, s.Rewake.After, s.Priority)
}
