package push_test

import (
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestAnExplanationNamesTheCauseFirst(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	const seen = " Last seen about 2026-01-02T15:04:05Z."
	const idle = " Nothing waits for it." + seen
	ios := push.Device{ID: "d", User: "alice", Platform: push.IOS, Token: push.TokenOK, CredentialHash: []byte{1}, HeardAt: at, UpdatedAt: at}
	with := func(change func(*push.Explanation)) push.Explanation {
		x := push.Explanation{Now: at, Device: ios, Credential: push.CredentialStanding{State: push.CredentialOK}}
		change(&x)
		return x
	}
	taken := push.WakeResult{WakeID: "w", Status: 200}
	for _, c := range []struct {
		name string
		x    push.Explanation
		want string
	}{
		{"nothing", with(func(*push.Explanation) {}), "Nothing keeps it from being woken." + idle},
		{"unregistered", with(func(x *push.Explanation) { x.Device.User = "" }),
			"Unregistered since 2026-01-02T15:04:05Z: nothing is sent to it until it registers again. Its row stays for 30 days."},
		{"imported", with(func(x *push.Explanation) { x.Device.CredentialHash = nil }),
			"Nothing keeps it from being woken. Nothing waits for it. It was imported, and has never called itself."},
		{"dead by an answer", with(func(x *push.Explanation) {
			x.Device.Token = push.TokenDead
			x.Device.TokenLoss = push.TokenLoss{At: at, Provider: push.APNs, Status: 410, Reason: "Unregistered", PushID: "p"}
		}), "Its provider token is dead since 2026-01-02T15:04:05Z, when APNs answered 410 Unregistered to the wake for push p. No wake leaves until the app registers a token." + idle},
		{"moved", with(func(x *push.Explanation) {
			x.Device.Token, x.Device.TokenLoss = push.TokenMissing, push.TokenLoss{At: at, Reason: push.ReasonTokenMoved}
		}), "It has no provider token since 2026-01-02T15:04:05Z, when the token turned up on another device: no wake leaves until the app registers a token." + idle},
		{"never given", with(func(x *push.Explanation) { x.Device.Token = push.TokenMissing }),
			"It has given no provider token: no wake can leave, and its app gets pushes only while it is open." + idle},
		{"no credential", with(func(x *push.Explanation) { x.Credential.State = push.CredentialMissing }),
			"The app has no credential for APNs: no wake can leave." + idle},
		{"refused credential", with(func(x *push.Explanation) {
			x.Credential = push.CredentialStanding{State: push.CredentialRefused, Reason: push.ReasonCredentials, Until: at}
		}), "APNs refuses the app's credential; the next try is at 2026-01-02T15:04:05Z." + idle},
		{"another bundle id", with(func(x *push.Explanation) {
			x.Device.BundleID = "com.example.notes"
			x.Credential = push.CredentialStanding{State: push.CredentialMissing, Reason: push.ReasonTopic}
		}), "The app's credential for APNs is not for its bundle id, com.example.notes: no wake can leave." + idle},
		{"nobody answers", with(func(x *push.Explanation) {
			x.Device.Wake = push.Wake{ID: "w", State: push.WakeRetry, Provider: push.APNs, DueAt: at.Add(time.Second)}
			x.Wakes = []push.WakeResult{{WakeID: "w", At: at, Error: push.FailureRefused}}
		}), "The last try to wake it had no answer from APNs (refused) at 2026-01-02T15:04:05Z; the next try is at 2026-01-02T15:04:06Z." + idle},
		{"refused for now", with(func(x *push.Explanation) {
			x.Device.Wake = push.Wake{ID: "w", State: push.WakeRetry, Provider: push.APNs, DueAt: at}
			x.Wakes = []push.WakeResult{{WakeID: "v", At: at, Status: 500}, {WakeID: "w", At: at, Status: 503, Reason: "ServiceUnavailable"}}
			x.Budget = &push.BudgetWait{Limit: push.LimitWakes, Wakes: 3, Per: time.Hour, Seen: 3, NextAt: at}
		}), "APNs answered 503 ServiceUnavailable to the last try to wake it at 2026-01-02T15:04:05Z; it is due again now." + idle},
		{"a suspect token", with(func(x *push.Explanation) {
			x.Device.Wake = push.Wake{ID: "w", State: push.WakeSuspect, Provider: push.APNs, DueAt: at.Add(5 * time.Second)}
			x.Wakes = []push.WakeResult{{WakeID: "w", At: at, Status: 400, Reason: "BadDeviceToken"}}
		}), "APNs answered 400 BadDeviceToken to the last try to wake it at 2026-01-02T15:04:05Z; whether that is the token's fault or the credential's is decided at 2026-01-02T15:04:10Z." + idle},
		{"a try without a timeline", with(func(x *push.Explanation) {
			x.Device.Wake = push.Wake{ID: "w", State: push.WakeRetry, Provider: push.APNs, DueAt: at}
		}), "The last try to wake it through APNs failed; it is due again now." + idle},
		{"silent for longer than an hour", with(func(x *push.Explanation) {
			x.Now = at.Add(48 * time.Hour)
			x.Open, x.Waits = 1, []push.Wait{{State: push.Sent, Count: 1, OldestAt: at}}
		}), "APNs took the wake for a push of 2026-01-02T15:04:05Z, and no receipt has come: the phone may be off or without a network, the app force-quit by its user, or iOS holds background pushes back. " +
			"1 push is open, the oldest since 2026-01-02T15:04:05Z: 1 sent, without a receipt yet." + seen},
		{"quota", with(func(x *push.Explanation) {
			x.Device.Platform = push.Android
			x.Credential = push.CredentialStanding{State: push.CredentialHeld, Reason: push.ReasonQuota, Until: at}
		}), "The app's sends through FCM are held back until 2026-01-02T15:04:05Z (quota)." + idle},
		{"budget", with(func(x *push.Explanation) {
			x.Budget = &push.BudgetWait{Limit: push.LimitWakes, Wakes: 3, Per: time.Hour, Seen: 3, NextAt: at}
			x.Open, x.Waits = 2, []push.Wait{{State: push.Waiting, Reason: push.ReasonBudget, Count: 2, OldestAt: at}}
		}), "Its budget is used up: 3 of 3 wakes in 1h, next at 2026-01-02T15:04:05Z. 2 pushes are open, the oldest since 2026-01-02T15:04:05Z: 2 for the budget." + seen},
		{"force-quit perhaps", with(func(x *push.Explanation) {
			x.Wakes = []push.WakeResult{taken, {Status: 503}}
			x.Open, x.Waits = 1, []push.Wait{{State: push.Sent, Count: 1, OldestAt: at}}
		}), "APNs took 1 wake in the last hour, and no receipt has come: the phone may be off or without a network, the app force-quit by its user, or iOS holds background pushes back. " +
			"1 push is open, the oldest since 2026-01-02T15:04:05Z: 1 sent, without a receipt yet." + seen},
		{"a session", with(func(x *push.Explanation) { x.SessionSince, x.Wakes = at, []push.WakeResult{taken} }),
			"Its app has a session open since 2026-01-02T15:04:05Z, and gets pushes over that." + idle},
		{"no strategy, and more", with(func(x *push.Explanation) {
			x.Open, x.Waits = 300, []push.Wait{{State: push.Waiting, Reason: push.ReasonNoStrategy, Count: 255, OldestAt: at}, {State: push.Received, Count: 1, OldestAt: at.Add(time.Hour)}}
		}), "Nothing keeps it from being woken. 300 pushes are open, the oldest since 2026-01-02T15:04:05Z: 255 under a resource without a strategy for its platform; " +
			"1 received, the handler has not returned yet." + seen},
	} {
		if got := c.x.Text(); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
