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
