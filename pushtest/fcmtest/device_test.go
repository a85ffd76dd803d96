package fcmtest

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// told has a token write down, in order, what its phone gets and what it is told that it does not get.
func told(t *testing.T, w *world, token string, ready func(Message) Readiness) *[]string {
	t.Helper()
	lines := &[]string{}
	err := w.Register(Token{
		Token: token, Online: true, Ready: ready,
		NotDelivered: func(m Message, f Fate, why string) {
			*lines = append(*lines, fmt.Sprint(m.RequestID, " ", map[Fate]string{Waits: "waits", Lost: "lost"}[f], " ", why))
		},
		Deliver:         func(m Message) { *lines = append(*lines, m.RequestID+" delivered") },
		DeletedMessages: func() { *lines = append(*lines, "messages deleted") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// wantEntry looks at what the ledger says of the send that was the nth, from 1.
func wantEntry(t *testing.T, w *world, when string, n int, outcome, reason string) {
	t.Helper()
	if r := w.Requests()[n-1]; string(r.Outcome) != outcome || r.Reason != reason {
		t.Errorf("%s: send %d is %s (%s), want %s (%s)", when, n, r.Outcome, r.Reason, outcome, reason)
	}
}

func TestALockedPhoneGetsOnlyWhatIsForDirectBoot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lines := told(t, w, "a:1", nil)
	if err := w.SetLocked("a:1", true); err != nil {
		t.Fatal(err)
	}
	w.to("a:1", `"priority":"high"`)
	w.to("a:1", `"direct_boot_ok":true`)
	w.to("a:1", `"ttl":"0s"`)
	wantEntry(t, w, "locked", 1, "stored", DelayedLocked)
	if err := w.SetLocked("a:1", false); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 waits deviceLocked", "2 delivered", "3 lost droppedTtlExpired", "1 delivered"}
	if !slices.Equal(*lines, want) {
		t.Errorf("the phone was told %q, want %q", *lines, want)
	}
	wantEntry(t, w, "unlocked", 1, "delivered", DelayedLocked)
}

func TestThePhoneIsToldWhenTheReasonForWaitingIsAnotherOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lines := told(t, w, "a:1", nil)
	w.SetOnline("a:1", false)
	w.to("a:1", `"ttl":"60s"`)
	w.to("a:1", "")
	w.SetDoze("a:1", true)
	w.SetOnline("a:1", true)
	wantEntry(t, w, "on-line in Doze", 1, "stored", DelayedDoze)
	w.Advance(time.Minute)
	w.SetDoze("a:1", false)
	want := []string{
		"1 waits delayedDeviceOffline", "2 waits delayedDeviceOffline", "1 waits delayedDeviceDoze", "2 waits delayedDeviceDoze",
		"1 lost droppedTtlExpired", "2 delivered",
	}
	if !slices.Equal(*lines, want) {
		t.Errorf("the phone was told %q, want %q", *lines, want)
	}
}

func TestAHundredAndOneMessagesInDozeAreDiscardedAndTheAppIsToldAfterwards(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lines := told(t, w, "a:1", nil)
	w.SetDoze("a:1", true)
	for range 101 {
		w.to("a:1", "")
	}
	if last := (*lines)[len(*lines)-1]; last != "101 lost "+DroppedTooMany || slices.Contains(*lines, "messages deleted") {
		t.Errorf("in Doze the last that the phone was told is %q, want that the 101st is lost, and no onDeletedMessages", last)
	}
	w.SetDoze("a:1", false)
	if last := (*lines)[len(*lines)-1]; last != "messages deleted" {
		t.Errorf("after Doze the last that the phone was told is %q, want onDeletedMessages", last)
	}
}

func TestAMaintenanceWindowOpensForAPhoneThatSaysThatItDozes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lines := told(t, w, "a:1", func(Message) Readiness { return Dozes })
	w.to("a:1", "")
	if err := w.ReleaseHeld("a:1"); err != nil {
		t.Fatal(err)
	}
	w.to("a:1", "")
	want := []string{"1 waits delayedDeviceDoze", "1 delivered", "2 waits delayedDeviceDoze"}
	if !slices.Equal(*lines, want) {
		t.Errorf("the phone was told %q, want %q", *lines, want)
	}
}

func TestAnUninstalledAppIsFoundAlsoInDoze(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lines := told(t, w, "a:1", func(Message) Readiness { return Dozes })
	w.to("a:1", "")
	w.to("a:1", "")
	w.Uninstall("a:1")
	if res := w.to("a:1", ""); res.status != 404 {
		t.Errorf("after what waited has found that the app is gone: %d %s, want 404", res.status, res.raw)
	}
	want := []string{"1 waits delayedDeviceDoze", "2 waits delayedDeviceDoze", "1 lost appUninstalled", "2 lost tokenRetired"}
	if !slices.Equal(*lines, want) {
		t.Errorf("the phone was told %q, want %q", *lines, want)
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
