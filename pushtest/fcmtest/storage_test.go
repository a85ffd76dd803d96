package fcmtest

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const day = 24 * time.Hour

func (w *world) state(token string) TokenState {
	w.t.Helper()
	st, ok := w.State(token)
	if !ok {
		w.t.Fatalf("%s is not known", token)
	}
	return st
}

func (w *world) online(token string, online bool) {
	w.t.Helper()
	if err := w.SetOnline(token, online); err != nil {
		w.t.Fatal(err)
	}
}

func keys(ms []Message) (ks []string) {
	for _, m := range ms {
		ks = append(ks, m.CollapseKey)
	}
	return ks
}

func TestMessagesWaitForThePhone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", false)
	for range 3 {
		w.to("a:1", "")
	}
	if st := w.state("a:1"); !slices.Equal(st.Stored, []string{"1", "2", "3"}) || len(p.messages()) != 0 {
		t.Errorf("off-line: stored %v, delivered %d", st.Stored, len(p.messages()))
	}
	w.online("a:1", true)
	got := p.messages()
	if len(got) != 3 || !got[0].Stored || got[0].RequestID != "1" || got[2].RequestID != "3" {
		t.Errorf("on-line: got %+v", got)
	}
	if st := w.state("a:1"); len(st.Stored) != 0 || !slices.Equal(st.Delivered, []string{"1", "2", "3"}) {
		t.Errorf("on-line: state %+v", st)
	}
	if o := w.outcomes(); !slices.Equal(o, []string{"delivered", "delivered", "delivered"}) {
		t.Errorf("outcomes %v", o)
	}
}

func TestAMessageExpires(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", false)
	w.to("a:1", `"ttl":"60s"`)
	w.to("a:1", `"ttl":"120s"`)
	w.to("a:1", `"ttl":"0s"`)
	if o := w.outcomes(); !slices.Equal(o, []string{"stored", "stored", "discarded"}) {
		t.Fatalf("outcomes %v", o)
	}
	w.Advance(60 * time.Second)
	if r := w.Requests()[0]; r.Outcome != "discarded" || r.Reason != DroppedExpired {
		t.Errorf("after its ttl: %s %s", r.Outcome, r.Reason)
	}
	w.online("a:1", true)
	if got := p.messages(); len(got) != 1 || got[0].RequestID != "2" {
		t.Errorf("the phone got %+v, want request 2 alone", got)
	}
	w.to("a:1", `"ttl":"0s"`)
	if len(p.messages()) != 2 {
		t.Error("ttl 0 was not delivered to a phone that is there")
	}
}

func TestTTLZeroNeverTakesAPlaceInStorage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", false)
	w.to("a:1", `"collapse_key":"a"`)
	w.to("a:1", `"collapse_key":"a","ttl":"0s"`)
	if o := w.outcomes(); !slices.Equal(o, []string{"stored", "discarded"}) {
		t.Errorf("outcomes %v, want the first one to be left alone", o)
	}
	w.online("a:1", true)
	if got := p.messages(); len(got) != 1 || got[0].RequestID != "1" {
		t.Errorf("the phone got %+v, want request 1 alone", got)
	}
}

func TestTheHundredAndFirstDiscardsAll(t *testing.T) {
	t.Parallel()
	for overflow, left := range map[string]int{"all": 0, "others": 1} {
		w := setup(t, Set("storage.overflow", overflow))
		p := w.phone("a:1", false)
		for range 100 {
			w.to("a:1", "")
		}
		if st := w.state("a:1"); len(st.Stored) != 100 || st.DeletedMessages != 0 {
			t.Fatalf("%s: after 100: %d stored, %d notices", overflow, len(st.Stored), st.DeletedMessages)
		}
		if got := w.to("a:1", ""); got.status != 200 {
			t.Errorf("%s: the 101st got %d, want 200", overflow, got.status)
		}
		if st := w.state("a:1"); len(st.Stored) != left || st.DeletedMessages != 1 {
			t.Errorf("%s: after 101: %d stored (want %d), %d notices (want 1)", overflow, len(st.Stored), left, st.DeletedMessages)
		}
		w.online("a:1", true)
		if p.notices() != 1 || len(p.messages()) != left {
			t.Errorf("%s: back on-line: %d notices, %d messages, want 1 and %d", overflow, p.notices(), len(p.messages()), left)
		}
		if r := w.Requests()[0]; r.Outcome != "discarded" || r.Reason != DroppedTooMany {
			t.Errorf("%s: the first is %s %s", overflow, r.Outcome, r.Reason)
		}
		w.online("a:1", false)
		w.online("a:1", true)
		if p.notices() != 1 || w.state("a:1").DeletedMessages != 1 {
			t.Errorf("%s: told %d times", overflow, p.notices())
		}
	}
}

func TestCollapseKeysReplaceAndAreFour(t *testing.T) {
	t.Parallel()
	for keep, want := range map[string][]string{"newest": {"c", "d", "a", "e"}, "oldest": {"b", "c", "d", "a"}} {
		w := setup(t, Set("collapse.keep", keep))
		p := w.phone("a:1", false)
		for _, k := range []string{"a", "b", "c", "d", "a", "e"} {
			w.to("a:1", `"collapse_key":"`+k+`"`)
		}
		if r := w.Requests()[0]; r.Outcome != "replaced" {
			t.Errorf("%s: the first of key a is %s, want replaced", keep, r.Outcome)
		}
		w.online("a:1", true)
		if got := keys(p.messages()); !slices.Equal(got, want) {
			t.Errorf("%s: got keys %v, want %v", keep, got, want)
		}
	}
	w := setup(t, Set("collapse.keep", "any"), Seed(3))
	p := w.phone("a:1", false)
	for i := range 20 {
		w.to("a:1", fmt.Sprintf(`"collapse_key":"k%d"`, i))
	}
	w.online("a:1", true)
	if got := p.messages(); len(got) != 4 {
		t.Errorf("any: got %v, want four", keys(got))
	}
}

func TestThePackageMayBeTheCollapseKeyOfMessagesWithout(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"none": 2, "package": 1} {
		w := setup(t, Set("collapse.default", value))
		w.phone("a:1", false)
		for range 2 {
			w.send(`{"message":{"token":"a:1","data":{"k":"v"}}}`)
		}
		if got := len(w.state("a:1").Stored); got != want {
			t.Errorf("collapse.default=%s: %d messages wait, want %d", value, got, want)
		}
	}
}

func TestCollapsibleMessagesComeFromABucket(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	for range 20 {
		w.to("a:1", `"collapse_key":"hush"`)
	}
	w.to("a:1", `"collapse_key":"hush"`)
	w.to("a:1", `"collapse_key":"hush"`)
	if n := len(p.messages()); n != 20 {
		t.Fatalf("a burst of 22: %d came at once, want 20", n)
	}
	if o := w.outcomes()[20:]; !slices.Equal(o, []string{"replaced", "throttled"}) {
		t.Errorf("the last two are %v", o)
	}
	w.to("a:1", "")
	w.to("a:1", `"collapse_key":"hush","ttl":"0s"`)
	if n := len(p.messages()); n != 22 {
		t.Errorf("without key, and with ttl 0: %d messages, want 22", n)
	}
	w.Advance(3*time.Minute - time.Second - 30*time.Second) // real time has passed too, but not half a minute
	if n := len(p.messages()); n != 22 {
		t.Errorf("before the refill: %d messages, want 22", n)
	}
	w.Advance(31 * time.Second)
	got := p.messages()
	if len(got) != 23 || !got[22].Stored {
		t.Errorf("after the refill: %d messages, want 23", len(got))
	}
	w.Advance(time.Hour)
	for range 20 {
		w.to("a:1", `"collapse_key":"hush"`)
	}
	if n := len(p.messages()); n != 43 {
		t.Errorf("an hour later: %d messages, want 43", n)
	}
}

func TestAThrottledMessageIsDeliveredBeforeItExpiresHoweverTheClockJumps(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("collapse.burst", "1"))
	p := w.phone("a:1", true)
	w.to("a:1", `"collapse_key":"a"`)
	w.to("a:1", `"collapse_key":"a","ttl":"600s"`)
	w.Advance(10 * day)
	if got := p.messages(); len(got) != 2 {
		t.Errorf("got %d messages, want 2 (outcomes %v)", len(got), w.outcomes())
	}
}

func TestDozeHoldsNormalMessages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	if err := w.SetDoze("a:1", true); err != nil {
		t.Fatal(err)
	}
	w.to("a:1", "")
	w.to("a:1", `"ttl":"0s"`)
	w.to("a:1", `"priority":"high"`)
	if got := p.messages(); len(got) != 1 || got[0].Priority != High {
		t.Errorf("in Doze: got %+v, want the high one alone", got)
	}
	if o := w.outcomes(); !slices.Equal(o, []string{"stored", "discarded", "delivered"}) {
		t.Errorf("outcomes %v", o)
	}
	if err := w.ReleaseHeld("a:1"); err != nil {
		t.Fatal(err)
	}
	if n := len(p.messages()); n != 2 {
		t.Errorf("in the maintenance window: %d messages, want 2", n)
	}
	w.to("a:1", "")
	if n := len(p.messages()); n != 2 {
		t.Errorf("after the window: %d messages, want 2 still", n)
	}
	if err := w.SetDoze("a:1", false); err != nil {
		t.Fatal(err)
	}
	if n := len(p.messages()); n != 3 {
		t.Errorf("after Doze: %d messages, want 3", n)
	}
}

func TestHighPriorityIsTakenAway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	w.SetDoze("a:1", true)
	w.SetPriorityLowered("a:1", true)
	w.to("a:1", `"priority":"high"`)
	if n := len(p.messages()); n != 0 {
		t.Errorf("in Doze, priority lowered: %d messages, want 0", n)
	}
	w.ReleaseHeld("a:1")
	if got := p.messages(); len(got) != 1 || got[0].Priority != Normal || got[0].SentPriority != High {
		t.Errorf("in the window: got %+v, want one that was high and is normal", got)
	}
}

func TestOneSeedMakesTheSameChoices(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (order []string) {
		w := setup(t, Seed(seed), Set("storage.order", "any"), Set("collapse.default", "none"))
		p := w.phone("a:1", false)
		for range 20 {
			w.to("a:1", "")
		}
		w.online("a:1", true)
		for _, m := range p.messages() {
			order = append(order, m.RequestID)
		}
		return order
	}
	if a, b := run(5), run(5); len(a) != 20 || !slices.Equal(a, b) {
		t.Errorf("one seed, two orders: %v and %v", a, b)
	}
	if a, b := run(5), run(6); slices.Equal(a, b) {
		t.Errorf("two seeds, one order: %v", a)
	}
}

func TestAPhoneIsAskedWhetherItIsReadyAndToldWhatItDoesNotGet(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ready := Dozes
	var told []string
	err := w.Register(Token{
		Token: "a:1", Online: true,
		Ready: func(Message) Readiness { return ready },
		NotDelivered: func(m Message, f Fate, why string) {
			told = append(told, fmt.Sprint(m.RequestID, " ", map[Fate]string{Waits: "waits", Lost: "lost"}[f], " ", why))
		},
		Deliver: func(m Message) { told = append(told, fmt.Sprint(m.RequestID, " delivered, stored: ", m.Stored)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	look := func(now Readiness, waits bool) {
		t.Helper()
		ready = now
		if still, err := w.Look("a:1"); err != nil || still != waits {
			t.Errorf("Look: %v, %v; want %v", still, err, waits)
		}
	}
	w.to("a:1", "")
	look(Dozes, true)
	look(Ready, false)
	w.to("a:1", "")
	ready = Stopped
	w.to("a:1", "")
	ready = Dozes
	w.to("a:1", `"ttl":"0s"`)
	w.to("a:1", "")
	look(Stopped, false)
	want := []string{
		"1 waits delayedDeviceDoze", "1 delivered, stored: true", "2 delivered, stored: false", "3 lost droppedAppForceStopped",
		"4 lost droppedTtlExpired", "5 waits delayedDeviceDoze", "5 lost droppedAppForceStopped",
	}
	if !slices.Equal(told, want) {
		t.Errorf("the phone was told %q, want %q", told, want)
	}
}

func TestForceStoppedAppsDropMessages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	if err := w.SetForceStopped("a:1", true); err != nil {
		t.Fatal(err)
	}
	if got := w.to("a:1", `"priority":"high"`); got.status != 200 {
		t.Errorf("got %d, want 200", got.status)
	}
	if r := w.last(); r.Outcome != "discarded" || r.Reason != DroppedStopped {
		t.Errorf("%s %s", r.Outcome, r.Reason)
	}
	if err := w.SetForceStopped("a:1", false); err != nil {
		t.Fatal(err)
	}
	w.to("a:1", "")
	if got := p.messages(); len(got) != 1 || got[0].RequestID != "2" {
		t.Errorf("opened again: got %+v, want request 2 alone", got)
	}
}

func TestAnUninstalledAppIsFoundAtDelivery(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	if err := w.Uninstall("a:1"); err != nil {
		t.Fatal(err)
	}
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("the next push: %d, want 200", got.status)
	}
	if got := w.to("a:1", ""); got.status != 404 || got.code != "UNREGISTERED" {
		t.Errorf("the one after: %d %s, want 404 UNREGISTERED", got.status, got.code)
	}
	if st := w.state("a:1"); st.RetiredAt == nil || len(p.messages()) != 0 {
		t.Errorf("state %+v, %d messages", st, len(p.messages()))
	}

	w.phone("b:1", false)
	w.to("b:1", "")
	if err := w.Uninstall("b:1"); err != nil {
		t.Fatal(err)
	}
	if got := w.to("b:1", ""); got.status != 200 {
		t.Errorf("off-line nobody can know: %d, want 200", got.status)
	}
	w.online("b:1", true)
	if got := w.to("b:1", ""); got.status != 404 {
		t.Errorf("found when it came back: %d, want 404", got.status)
	}
}

func TestDevicesThatStayAway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", false)
	w.Advance(31 * day)
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("after a month: %d, want 200", got.status)
	}
	if r := w.last(); r.Outcome != "discarded" || r.Reason != DroppedInactive {
		t.Errorf("%s %s, want discarded %s", r.Outcome, r.Reason, DroppedInactive)
	}
	w.Advance(27 * day)
	w.online("a:1", true)
	if p.notices() != 1 || len(p.messages()) != 0 {
		t.Errorf("back within 4 weeks: %d notices, %d messages, want 1 and 0", p.notices(), len(p.messages()))
	}
	w.online("a:1", false)
	w.Advance(31 * day)
	w.to("a:1", "")
	w.Advance(29 * day)
	w.online("a:1", true)
	if p.notices() != 1 {
		t.Errorf("back after more than 4 weeks: %d notices, want 1 still", p.notices())
	}
	w.Advance(300 * day)
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("connected all the time: %d, want 200", got.status)
	}
	w.online("a:1", false)
	w.Advance(270 * day)
	if got := w.to("a:1", ""); got.status != 404 || got.code != "UNREGISTERED" {
		t.Errorf("away for 270 days: %d %s, want 404 UNREGISTERED", got.status, got.code)
	}
	w.online("a:1", true)
	if got := w.to("a:1", ""); got.status != 404 {
		t.Errorf("back too late: %d, want 404", got.status)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("quota.project_per_minute", "3"))
	w.StopClock() // however slow the machine is
	w.phone("a:1", true)
	w.to("a:1", "")
	w.send(`{"message":{}}`)        // 400 counts too
	w.send(`{"message":{"x":"y"}}`) // also one of shape
	w.post(w.client, w.SendURL(), "", "{}")
	got := w.to("a:1", "")
	if got.status != 429 || got.code != "QUOTA_EXCEEDED" || !got.quota || got.header.Get("Retry-After") == "" || got.grpc != "RESOURCE_EXHAUSTED" {
		t.Errorf("the fourth: %d %s, Retry-After %q\n%s", got.status, got.code, got.header.Get("Retry-After"), got.raw)
	}
	w.Advance(time.Minute)
	if got := w.to("a:1", ""); got.status != 200 {
		t.Errorf("a minute later: %d, want 200", got.status)
	}

	w = setup(t, Set("quota.device_per_minute", "2"), Set("quota.retry_after", "false"))
	w.StopClock() // however slow the machine is
	w.phone("a:1", true)
	w.phone("b:1", true)
	w.to("a:1", "")
	w.to("a:1", "")
	if got := w.to("a:1", ""); got.status != 429 || got.code != "QUOTA_EXCEEDED" || got.header.Get("Retry-After") != "" {
		t.Errorf("a device's third: %d %s %q", got.status, got.code, got.header.Get("Retry-After"))
	}
	if got := w.to("b:1", ""); got.status != 200 {
		t.Errorf("another device: %d, want 200", got.status)
	}

	w = setup(t, Set("quota.device_per_hour", "1"), Set("quota.device_over", "delay"))
	w.StopClock() // however slow the machine is
	p := w.phone("a:1", true)
	w.to("a:1", "")
	if got := w.to("a:1", ""); got.status != 200 || len(p.messages()) != 1 || w.last().Outcome != "throttled" {
		t.Errorf("delayed: %d, %d messages, %s", got.status, len(p.messages()), w.last().Outcome)
	}
	w.Advance(time.Hour)
	if len(p.messages()) != 2 {
		t.Errorf("an hour later: %d messages, want 2", len(p.messages()))
	}
}

func TestDelayedMessagesComeAtTheRateOfTheDevice(t *testing.T) {
	t.Parallel()
	w := setup(t, Set("quota.device_per_minute", "2"), Set("quota.device_over", "delay"))
	w.StopClock() // however slow the machine is
	p := w.phone("a:1", true)
	for range 7 {
		w.to("a:1", "")
	}
	for minute, want := range []int{2, 4, 6, 7} {
		if got := len(p.messages()); got != want {
			t.Errorf("seven messages at two a minute, after %d minutes: %d were delivered, want %d", minute, got, want)
		}
		w.Advance(time.Minute)
	}
	if w.to("a:1", ""); len(p.messages()) != 8 {
		t.Errorf("a message after the last delayed one: %d were delivered, want 8", len(p.messages()))
	}

	w = setup(t, Set("quota.device_per_minute", "1"), Set("quota.device_per_hour", "2"), Set("quota.device_over", "delay"))
	w.StopClock() // however slow the machine is
	p = w.phone("a:1", true)
	for range 3 {
		w.to("a:1", "")
	}
	w.Advance(30 * time.Minute)
	if got := len(p.messages()); got != 2 {
		t.Errorf("three messages at two an hour, after half an hour: %d were delivered, want 2", got)
	}
	w.Advance(30 * time.Minute)
	if got := len(p.messages()); got != 3 {
		t.Errorf("three messages at two an hour, after an hour: %d were delivered, want 3", got)
	}
}

func TestPhonesMayCallTheServerFromWithinADelivery(t *testing.T) {
	t.Parallel()
	w := setup(t)
	got := 0
	err := w.Register(Token{Token: "a:1", Online: false, Deliver: func(m Message) {
		got++
		if got == 1 {
			w.SetOnline("a:1", false)
			w.SetOnline("a:1", true)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.to("a:1", "")
	}
	w.online("a:1", true)
	if got != 5 {
		t.Errorf("delivered %d, want 5", got)
	}
}
