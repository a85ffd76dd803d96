package worldtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// fate is what FCM's side of the control API says of the messages to a token: those that wait, and each one's outcome.
func fate(t testing.TB, w *worldtest.World, token string) (stored, delivered int, outcomes string) {
	t.Helper()
	var state struct{ Stored, Delivered []string }
	must(t, w, "GET", "/tokens/"+token, "", &state)
	var page struct {
		Requests []struct{ Outcome, Reason string }
	}
	must(t, w, "GET", "/requests?token="+token, "", &page)
	var words []string
	for _, r := range page.Requests {
		words = append(words, r.Outcome)
	}
	return len(state.Stored), len(state.Delivered), strings.Join(words, " ")
}

func wantFate(t testing.TB, w *worldtest.World, when, token string, stored, delivered int, outcomes string) {
	t.Helper()
	if s, d, o := fate(t, w, token); s != stored || d != delivered || o != outcomes {
		t.Errorf("%s: %d stored, %d delivered, outcomes %q; want %d, %d, %q", when, s, d, o, stored, delivered, outcomes)
	}
}

func lastOf(p *phonetest.Phone, did phonetest.Did) (last phonetest.Record) {
	for _, r := range p.Records() {
		if r.Did == did {
			last = r
		}
	}
	return last
}

func TestMessagesForADozingPhoneWaitAtFCMUntilTheNextWindow(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	p := w.Phone(t, phonetest.Spec{Platform: phonetest.Android, State: phonetest.Suspended})
	must(t, w, "POST", "/phones/"+p.Name(), `{"state":"doze"}`, nil)
	s.push(t, phonetest.Android, p.Token(), "one")
	wantFate(t, w, "in Doze", p.Token(), 1, 0, "stored")
	w.WaitFor(t, p, "a line that it is held", func(p *phonetest.Phone) bool { return lastOf(p, phonetest.Held).Reason == phonetest.Dozing })

	must(t, w, "POST", "/clock", `{"advance":"1h"}`, nil)
	w.WaitHandled(t, p, 1)
	wantFate(t, w, "in the window", p.Token(), 0, 1, "delivered")

	must(t, w, "POST", "/clock", `{"advance":"10m"}`, nil)
	s.push(t, phonetest.Android, p.Token(), "two")
	wantFate(t, w, "after the window", p.Token(), 1, 1, "delivered stored")
	must(t, w, "POST", "/phones/"+p.Name(), `{"charging":true}`, nil)
	w.WaitHandled(t, p, 2)
	wantFate(t, w, "while it charges", p.Token(), 0, 2, "delivered delivered")
}

func TestAHundredMessagesWaitForADozingPhoneAndThenNone(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	p := w.Phone(t, phonetest.Spec{Platform: phonetest.Android, State: phonetest.Doze})
	for i := range 100 {
		s.push(t, phonetest.Android, p.Token(), fmt.Sprint(i))
	}
	wantFate(t, w, "a hundred", p.Token(), 100, 0, strings.TrimSpace(strings.Repeat("stored ", 100)))
	s.push(t, phonetest.Android, p.Token(), "one too many")
	if stored, _, _ := fate(t, w, p.Token()); stored != 0 {
		t.Errorf("%d wait after one too many, want none", stored)
	}
	w.WaitFor(t, p, "the loss of all", func(p *phonetest.Phone) bool { return lastOf(p, phonetest.Dropped).Reason == phonetest.TooMany })
	must(t, w, "POST", "/phones/"+p.Name(), `{"state":"foreground"}`, nil)
	w.WaitFor(t, p, "onDeletedMessages", func(p *phonetest.Phone) bool {
		return strings.HasPrefix(lastOf(p, phonetest.Gave).Push, "deleted-")
	})
	var state struct {
		Deleted int `json:"deleted_messages"`
	}
	must(t, w, "GET", "/tokens/"+p.Token(), "", &state)
	if state.Deleted != 1 {
		t.Errorf("deleted_messages is %d, want 1", state.Deleted)
	}
}

func TestMessagesForAForceStoppedAppAreDiscardedAtFCM(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	p := w.Phone(t, phonetest.Spec{Platform: phonetest.Android, State: phonetest.Background})
	must(t, w, "POST", "/phones/"+p.Name(), `{"state":"force-stopped"}`, nil)
	s.push(t, phonetest.Android, p.Token(), "lost")
	wantFate(t, w, "force-stopped", p.Token(), 0, 0, "discarded")
	w.WaitFor(t, p, "a line that it is dropped", func(p *phonetest.Phone) bool {
		return lastOf(p, phonetest.Dropped).Reason == phonetest.WasForceStopped
	})
	must(t, w, "POST", "/phones/"+p.Name(), `{"state":"foreground"}`, nil)
	s.push(t, phonetest.Android, p.Token(), "after")
	w.WaitHandled(t, p, 1)
	wantFate(t, w, "opened again", p.Token(), 0, 1, "discarded delivered")
	if logged(p, `"say":"lost"`) {
		t.Errorf("a message for a force-stopped app came when it was opened\n%s", p.History())
	}
}

func TestWhatWaitsInDozeIsReplacedAndExpiresAtFCM(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	p := w.Phone(t, phonetest.Spec{Platform: phonetest.Android, State: phonetest.Doze})
	send := func(android string) {
		t.Helper()
		s.fcmBody(t, fmt.Sprintf(`{"message":{"token":%q,"data":{"say":"x"},"android":%s}}`, p.Token(), android))
	}
	send(`{"collapse_key":"a"}`)
	send(`{"collapse_key":"a"}`)
	wantFate(t, w, "one collapse key", p.Token(), 1, 0, "replaced stored")
	send(`{"ttl":"600s"}`)
	send(`{"ttl":"0s"}`)
	wantFate(t, w, "now or never", p.Token(), 2, 0, "replaced stored stored discarded")
	w.WaitFor(t, p, "a line that now was never", func(p *phonetest.Phone) bool {
		r := p.Records()
		return len(r) > 0 && r[len(r)-1].Did == phonetest.Dropped && r[len(r)-1].Reason == phonetest.Dozing
	})
	must(t, w, "POST", "/clock", `{"advance":"11m"}`, nil)
	wantFate(t, w, "after its time to live", p.Token(), 1, 0, "replaced stored discarded discarded")
	w.WaitFor(t, p, "a line that it expired", func(p *phonetest.Phone) bool { return lastOf(p, phonetest.Dropped).Reason == phonetest.PushExpired })
	send(`{"priority":"high"}`)
	w.WaitHandled(t, p, 1)
	wantFate(t, w, "high priority", p.Token(), 1, 1, "replaced stored discarded discarded delivered")
}

func TestAPhoneThatWasSwitchedOnIsLockedUntilItIsUnlocked(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	p := w.Phone(t, phonetest.Spec{Platform: phonetest.Android, State: phonetest.Background})
	change := func(body string) (now worldtest.Phone) {
		t.Helper()
		must(t, w, "POST", "/phones/"+p.Name(), body, &now)
		return now
	}
	if now := change(`{"screen_lock":true,"direct_boot":true,"restart":true}`); !now.Locked || !now.ScreenLock || !now.DirectBoot || now.State != phonetest.Reclaimed {
		t.Errorf("after a restart: locked %v, screen_lock %v, direct_boot %v, %s; want all three, and reclaimed", now.Locked, now.ScreenLock, now.DirectBoot, now.State)
	}
	s.push(t, phonetest.Android, p.Token(), "one")
	s.fcmBody(t, fmt.Sprintf(`{"message":{"token":%q,"data":{"say":"direct"},"android":{"direct_boot_ok":true}}}`, p.Token()))
	w.WaitHandled(t, p, 1)
	wantFate(t, w, "locked", p.Token(), 1, 1, "stored delivered")
	if now := change(`{"locked":false}`); now.Locked {
		t.Error("unlocked, the phone says that it is locked")
	}
	w.WaitHandled(t, p, 2)
	wantFate(t, w, "unlocked", p.Token(), 0, 2, "delivered delivered")
	if now := change(`{"restart":true,"state":"foreground"}`); now.Locked {
		t.Error("with its app open, the phone says that it is locked")
	}
}

func TestAPNsKeepsOnePushForAPhoneThatSavesPower(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	p := w.IOS(t, phonetest.Background)
	var now worldtest.Phone
	must(t, w, "POST", "/phones/"+p.Name(), `{"power_restricted":true}`, &now)
	if !now.PowerRestricted {
		t.Error("the phone does not say that it saves power")
	}
	s.push(t, phonetest.IOS, p.Token(), "old")
	s.push(t, phonetest.IOS, p.Token(), "new")
	wantFate(t, w, "restricted", p.Token(), 1, 0, "replaced stored")
	must(t, w, "POST", "/phones/"+p.Name(), `{"power_restricted":false}`, nil)
	w.WaitHandled(t, p, 1)
	wantFate(t, w, "lifted", p.Token(), 0, 1, "replaced delivered")
}

func TestAForceStopInDozeDiscardsWhatWaited(t *testing.T) {
	t.Parallel()
	for _, change := range []string{`{"state":"force-stopped"}`, `{"state":"terminated","swipe_force_stops":true}`} {
		w := worldtest.New(t, nil)
		s := newSender(t, w)
		p := w.Phone(t, phonetest.Spec{Platform: phonetest.Android, State: phonetest.Doze})
		s.push(t, phonetest.Android, p.Token(), "one")
		must(t, w, "POST", "/phones/"+p.Name(), change, nil)
		w.WaitFor(t, p, change+": a line that it is dropped", func(p *phonetest.Phone) bool {
			return lastOf(p, phonetest.Dropped).Reason == phonetest.WasForceStopped
		})
		wantFate(t, w, change, p.Token(), 0, 0, "discarded")
	}
}
