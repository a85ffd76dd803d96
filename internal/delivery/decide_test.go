package delivery

import (
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a situation with everything in order: a device that can be woken, no session, no hold.
func at(now time.Time, change ...func(*situation)) situation {
	s := situation{
		now: now, ackWait: 5 * time.Second,
		device: push.Device{
			App: "notes", ID: "d", User: "alice", Platform: push.IOS, Token: push.TokenOK, OwnerGeneration: 1, TokenGeneration: 1,
		},
		strategy: func(id string) *push.Strategy {
			if id == "none" {
				return nil
			}
			return push.Resource{APNs: &push.Strategy{}}.Strategy(push.APNs)
		},
		tokenBad: func(string) bool { return true },
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func withSession(s *situation) { s.session = &session{id: "s", since: s.now.Add(-time.Hour)} }

// waiting is a fresh delivery.
func waiting(change ...func(*push.Delivery)) push.Delivery {
	d := push.Delivery{
		PushID: push.NewID(), App: "notes", DeviceID: "d", User: "alice", ResourceID: "r", State: push.Waiting, Generation: 1,
		Since: t0, ExpiresAt: t0.Add(24 * time.Hour), Deliver: push.Auto,
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func TestDecide(t *testing.T) {
	t.Parallel()
	sent := func(path push.Path, due time.Time) func(*push.Delivery) {
		return func(d *push.Delivery) { d.State, d.Path, d.DueAt = push.Sent, path, due }
	}
	nowOrNever := func(d *push.Delivery) { d.NowOrNever = true }
	topics := func(ids ...string) func(*situation) {
		return func(s *situation) { s.topics, s.device.BundleID = ids, "com.example.notes" }
	}
	noToken := func(s *situation) { s.device.Token = push.TokenMissing }
	for _, c := range []struct {
		name string
		s    situation
		d    push.Delivery
		want verdict
	}{
		{"a session takes it", at(t0, withSession), waiting(), verdict{do: push.DoSession}},
		{"without one, a wake", at(t0), waiting(), verdict{do: push.DoWake}},
		{"a wake beside a session, where asked for", at(t0, withSession), waiting(func(d *push.Delivery) { d.Deliver = push.WakeAlways }), verdict{do: push.DoWake}},
		{"session only, and there is none", at(t0), waiting(func(d *push.Delivery) { d.Deliver = push.SessionOnly }), stop(push.Undeliverable, push.ReasonNoSession)},
		{"no strategy: session or inbox", at(t0), waiting(func(d *push.Delivery) { d.ResourceID = "none" }), verdict{push.DoWait, push.Waiting, push.ReasonNoStrategy}},
		{"no strategy, but a session", at(t0, withSession), waiting(func(d *push.Delivery) { d.ResourceID = "none" }), verdict{do: push.DoSession}},
		{"no token: session or inbox", at(t0, noToken), waiting(), verdict{push.DoWait, push.Waiting, push.ReasonNoToken}},
		{"another bundle id than the credential's: session or inbox", at(t0, topics("com.example.other")), waiting(), verdict{push.DoWait, push.Waiting, push.ReasonTopic}},
		{"one of the credential's bundle ids", at(t0, topics("com.example.other", "com.example.notes")), waiting(), verdict{do: push.DoWake}},
		{"another bundle id, but a session", at(t0, topics("com.example.other"), withSession), waiting(), verdict{do: push.DoSession}},
		{"now or never, with another bundle id", at(t0, topics("com.example.other")), waiting(nowOrNever), stop(push.Expired, push.ReasonTopic)},
		{"now or never, without a token", at(t0, noToken), waiting(nowOrNever), stop(push.Expired, push.ReasonNoToken)},
		{"its time ran out", at(t0.Add(24 * time.Hour)), waiting(), stop(push.Expired, push.ReasonTTL)},
		{"its time ran out, in spite of a session", at(t0.Add(25*time.Hour), withSession), waiting(), stop(push.Expired, push.ReasonTTL)},
		{"now or never, and the budget kept it", at(t0.Add(24 * time.Hour)), waiting(nowOrNever, func(d *push.Delivery) { d.Reason = push.ReasonBudget }), stop(push.Expired, push.ReasonBudget)},
		{"another owner by now", at(t0), waiting(func(d *push.Delivery) { d.Generation = 0 }), stop(push.Undeliverable, push.ReasonOwnerChanged)},
		{"the session may still acknowledge", at(t0), waiting(sent(push.PathSession, t0.Add(1))), verdict{push.DoWait, push.Sent, ""}},
		{"the wake may still bring a receipt", at(t0), waiting(sent(push.PathAPNs, t0.Add(time.Minute))), verdict{push.DoWait, push.Sent, ""}},
		{"the last wake, which nothing follows", at(t0), waiting(sent(push.PathAPNs, time.Time{})), verdict{push.DoWait, push.Sent, ""}},
		{"no receipt: wake again", at(t0), waiting(sent(push.PathAPNs, t0)), verdict{do: push.DoWake}},
		{"no receipt, and a session by now", at(t0, withSession), waiting(sent(push.PathAPNs, t0)), verdict{do: push.DoSession}},
		{"the handler may still return", at(t0), waiting(func(d *push.Delivery) { d.State, d.DueAt = push.Received, t0.Add(1) }), verdict{push.DoWait, push.Received, ""}},
		{"refused for good: no more wakes", at(t0), waiting(func(d *push.Delivery) { d.Reason = push.ReasonRefused }), verdict{push.DoWait, push.Waiting, push.ReasonRefused}},
	} {
		if got := decide(c.s, c.d); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	b := push.Budget{Wakes: 3, Per: time.Hour, Burst: 2}
	ago := func(minutes ...int) (times []time.Time) {
		for _, m := range minutes {
			times = append(times, t0.Add(-time.Duration(m)*time.Minute))
		}
		return times
	}
	for _, c := range []struct {
		name  string
		times []time.Time
		want  time.Duration
	}{
		{"none yet", nil, 0},
		{"one", ago(1), 0},
		{"the burst is used up", ago(5, 1), 15 * time.Minute},
		{"the burst is over", ago(25, 1), 0},
		{"the hour is used up", ago(50, 30, 1), 10 * time.Minute},
		{"both: the later one counts", ago(55, 10, 1), 10 * time.Minute},
		{"the first is an hour old", ago(60, 30, 1), 0},
	} {
		if got := budgetWait(t0, c.times, b).NextAt.Sub(t0); got != c.want {
			t.Errorf("%s: allowed in %s, want %s", c.name, got, c.want)
		}
	}
}

func TestTheHistoryOfWakesIsBounded(t *testing.T) {
	t.Parallel()
	var times []time.Time
	for i := range 2 * push.MaxWakes {
		times = addWakeTime(times, t0.Add(time.Duration(i)*time.Second))
	}
	if len(times) != push.MaxWakes {
		t.Errorf("%d kept, want %d", len(times), push.MaxWakes)
	}
	if times = addWakeTime(times, t0.Add(push.MaxBudgetPer*2)); len(times) != 1 {
		t.Errorf("%d kept after all had become too old, want 1", len(times))
	}
}

func TestADryRunSaysWhatBecomesOfAUserWithoutADevice(t *testing.T) {
	t.Parallel()
	both := push.Resource{APNs: &push.Strategy{}, FCM: &push.Strategy{}}
	for _, c := range []struct {
		name string
		push push.Push
		want push.Decision
	}{
		{"a plain push", push.Push{}, push.Decision{Do: push.DoWait, Reason: push.ReasonNoDevice}},
		{"now or never", push.Push{TTL: new(time.Duration)}, push.Decision{Do: push.DoStop, Reason: push.ReasonNoDevice}},
		{"sessions only", push.Push{Deliver: push.SessionOnly}, push.Decision{Do: push.DoStop, Reason: push.ReasonNoSession}},
	} {
		made := push.Accepting{}.Place(c.push, both, push.Recipient{User: "bob"}, t0, push.Ending{})
		if got := withoutDevice(made.Delivery); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
