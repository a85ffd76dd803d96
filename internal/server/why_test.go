package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

func explained(t *testing.T, hush *hushtest.Server, device string) protocol.Explanation {
	t.Helper()
	x, err := hush.ExplainDevice(t.Context(), hushtest.App, device)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func wantText(t *testing.T, x protocol.Explanation, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(x.Text, w) {
			t.Errorf("%q\nwant in it %q", x.Text, w)
		}
	}
}

func TestADeviceThatGetsNothingIsExplained(t *testing.T) {
	t.Parallel()
	for name, opts := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t, opts(t)...)
			began := time.Now()
			phone := newPhone(t, hush, "alice", sdk.IOS)
			device := phone.device()
			x := explained(t, hush, device)
			wantText(t, x, "Nothing keeps it from being woken.", "Nothing waits for it.", "Last seen about ")
			if x.LastSeenAt == nil || x.LastSeenAt.Before(began.Add(-time.Second)) || x.Token.State != push.TokenOK || x.Open != 0 || x.Wakes == nil || x.Waits == nil {
				t.Errorf("%+v; want a live token, seen since %s, and nothing open", x, began)
			}

			if err := hush.APNs.Retire(phone.token, apnstest.Unregistered, time.Now()); err != nil {
				t.Fatal(err)
			}
			id := hush.Send(t, "alice", "both", "1")
			hush.WaitReason(t, id, push.Waiting, push.ReasonNoToken)
			x = explained(t, hush, device)
			wantText(t, x, "Its provider token is dead since ", "APNs answered 410 Unregistered to the wake for push "+id, "1 push is open, the oldest since ", "1 for a provider token")
			if x.Token.Status != http.StatusGone || x.Token.Reason != "Unregistered" || x.Token.PushID != id || x.Token.WakeID == "" || x.Token.Since.Before(began) ||
				len(x.Wakes) != 1 || x.Wakes[0].Status != http.StatusGone || x.WakesLastHour != 1 || x.Open != 1 || len(x.Waits) != 1 || x.Waits[0].Count != 1 {
				t.Errorf("%+v; want the token dead by the 410 to the wake for %s, and that push waiting", x, id)
			}
			if strings.Contains(strings.Join([]string{x.Text, x.Token.Reason}, " "), phone.token) {
				t.Errorf("the explanation has the provider token")
			}

			phone.token = newToken(sdk.IOS)
			phone.connect(sdk.IOS)
			phone.register()
			hush.WaitState(t, id, push.Handled)
			if x := explained(t, hush, device); x.Token.State != push.TokenOK || x.Token.Status != 0 || x.Open != 0 {
				t.Errorf("with a new token: %+v; want it alive, and nothing of the old one", x)
			}

			if err := hush.DeleteDevice(t.Context(), hushtest.App, device); err != nil {
				t.Fatal(err)
			}
			x = explained(t, hush, device)
			wantText(t, x, "Unregistered since ", "30 days")
			if x.Registered || x.UnregisteredAt == nil || x.User != "" {
				t.Errorf("%+v; want it unregistered, and nobody's", x)
			}
		})
	}
}

func TestAWakeThatFailsAndACredentialForAnotherAppAreExplained(t *testing.T) {
	t.Parallel()
	for name, opts := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t, opts(t)...)
			phone := newPhone(t, hush, "alice", sdk.IOS)
			spoil(t, hush, sdk.IOS, "answer", http.StatusServiceUnavailable, "ServiceUnavailable")
			id := hush.Send(t, "alice", "both", "1")
			hush.WaitReason(t, id, push.Waiting, push.ReasonRetry)
			x := explained(t, hush, phone.device())
			wantText(t, x, "APNs answered 503 ServiceUnavailable to the last try to wake it at ", "; the next try is at ", "1 for a wake that is tried again")

			if err := putTopics(t, hush, "com.example.other"); err != nil {
				t.Fatal(err)
			}
			x = explained(t, hush, phone.device())
			wantText(t, x, "The app's credential for APNs is not for its bundle id, "+hushtest.BundleID)
			if x.Credential.State != push.CredentialMissing || x.Credential.Reason != push.ReasonTopic {
				t.Errorf("%+v; want that none is for the device's bundle id", x.Credential)
			}
		})
	}
}

func TestABudgetThatIsUsedUpIsToldEverywhere(t *testing.T) {
	t.Parallel()
	for name, opts := range engines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hush := hushtest.Start(t, opts(t)...)
			phone := newPhone(t, hush, "alice", sdk.IOS)
			put := func(name string, b protocol.Budget) {
				t.Helper()
				if _, _, err := hush.PutResource(t.Context(), hushtest.App, name, protocol.Resource{APNs: &protocol.Strategy{Budget: &b}}); err != nil {
					t.Fatal(err)
				}
			}
			put("tight", protocol.Budget{Wakes: 2, Per: "2h", Burst: 1})
			first := hush.Send(t, "alice", "tight", "1")
			hush.WaitState(t, first, push.Handled)
			phone.atRest()
			second := hush.Send(t, "alice", "tight", "2")
			hush.WaitReason(t, second, push.Waiting, push.ReasonBudget)

			check := func(what string, b *protocol.BudgetWait, limit push.BudgetLimit, wakes int, per time.Duration) {
				t.Helper()
				if b == nil || b.Limit != limit || b.Wakes != wakes || b.Per != per.String() || b.Seen != 1 {
					t.Errorf("%s: %+v; want 1 of %d wakes of limit %s in %s", what, b, wakes, limit, per)
					return
				}
				if left := time.Until(b.NextAt); left > per || left < per-2*hushtest.Wait {
					t.Errorf("%s: the next at %s, in %s; want it %s after the first", what, b.NextAt, left, per)
				}
			}
			everywhere := func(limit push.BudgetLimit, wakes int, per time.Duration) {
				t.Helper()
				check("the push", hush.Timeline(t, second).Deliveries[0].Budget, limit, wakes, per)
				d, err := hush.Device(t.Context(), hushtest.App, phone.device())
				if err != nil {
					t.Fatal(err)
				}
				check("the device", d.Budget, limit, wakes, per)
				check("the explanation", explained(t, hush, phone.device()).Budget, limit, wakes, per)
			}
			everywhere(push.LimitBurst, 1, time.Hour)
			wantText(t, explained(t, hush, phone.device()), "Its budget is used up: 1 of 1 wakes in 1h, next at ", "1 for the budget")
			dry, err := hush.DryRun(t.Context(), hushtest.App, protocol.PushRequest{To: to("alice"), ResourceID: "tight"})
			if err != nil || len(dry.Deliveries) != 1 {
				t.Fatal(dry, err)
			}
			check("the dry run", dry.Deliveries[0].Budget, push.LimitBurst, 1, time.Hour)
			if hush.Timeline(t, first).Deliveries[0].Budget != nil {
				t.Error("a push that was handled waits for a budget")
			}

			put("tight", protocol.Budget{Wakes: 1, Per: "3h", Burst: 1})
			everywhere(push.LimitWakes, 1, 3*time.Hour)

			put("loose", protocol.Budget{Wakes: 1, Per: "20m", Burst: 1})
			hush.WaitReason(t, hush.Send(t, "alice", "loose", "3"), push.Waiting, push.ReasonBudget)
			everywhere(push.LimitWakes, 1, 20*time.Minute) // whose wake brings all
			dry, err = hush.DryRun(t.Context(), hushtest.App, protocol.PushRequest{To: to("alice"), ResourceID: "tight"})
			if err != nil || len(dry.Deliveries) != 1 {
				t.Fatal(dry, err)
			}
			check("the dry run beside a looser budget", dry.Deliveries[0].Budget, push.LimitWakes, 1, 20*time.Minute)

			put("tight", protocol.Budget{Wakes: 10, Per: "1h", Burst: 10})
			hush.WaitState(t, second, push.Handled)
			if d, err := hush.Device(t.Context(), hushtest.App, phone.device()); err != nil || d.Budget != nil {
				t.Errorf("%+v, %v; want no budget that keeps anything back", d.Budget, err)
			}
		})
	}
}
