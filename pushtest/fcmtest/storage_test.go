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
