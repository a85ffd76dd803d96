package phonetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// onFCM runs a test with each kind of app on an Android phone with a simulator of FCM.
func onFCM(t *testing.T, spec phonetest.Spec, rules phonetest.Rules, f func(t *testing.T, k phoneOnFCM)) {
	t.Helper()
	for kind, app := range apps(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			fcm := fcmtest.New(t)
			d := phonetest.New(phonetest.Config{FCM: phonetest.FCM(fcm), Rules: rules})
			t.Cleanup(d.Close)
			spec := spec
			spec.Platform, spec.App, spec.AppID = phonetest.Android, app, "com.example.notes"
			p, err := d.Add(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			send := senderTo(t, fcm, p)
			f(t, phoneOnFCM{t, fcm, d, p, func(say, android string) { t.Helper(); send(say, `,"android":{`+android+`}`) }})
		})
	}
}

// phoneOnFCM is a phone, and FCM that keeps what the phone cannot take.
type phoneOnFCM struct {
	t     *testing.T
	fcm   *fcmtest.Server
	fleet *phonetest.Fleet
	phone *phonetest.Phone
	send  func(say, android string)
}

// want looks at the outcomes of all sends, at FCM, and at how many messages wait there.
func (k phoneOnFCM) want(when string, stored int, outcomes ...string) {
	k.t.Helper()
	var got []string
	for _, r := range k.fcm.Requests() {
		got = append(got, string(r.Outcome))
	}
	state, _ := k.fcm.State(k.phone.Token())
	if strings.Join(got, " ") != strings.Join(outcomes, " ") || len(state.Stored) != stored {
		k.t.Errorf("%s: outcomes %v and %d stored, want %v and %d\n%s", when, got, len(state.Stored), outcomes, stored, k.phone.History())
	}
}

// records waits for so many lines of the phone's record, and returns what they say: how a handler ended, or else what was done.
func (k phoneOnFCM) records(n int) (lines []string) {
	k.t.Helper()
	wait(k.t, k.phone, fmt.Sprint(n, " lines of the record, all with an end"), func(p *phonetest.Phone) bool {
		lines = nil
		for _, r := range p.Records() {
			switch {
			case r.Result != "": // whether the app slept again after the message before is another matter
				lines = append(lines, string(r.Result))
			case r.Reason != "":
				lines = append(lines, fmt.Sprint(r.Did, " ", r.Reason))
			}
		}
		return len(lines) >= n
	})
	return lines
}

func (k phoneOnFCM) wantRecords(when string, want ...string) {
	k.t.Helper()
	if got := k.records(len(want)); strings.Join(got, ", ") != strings.Join(want, ", ") {
		k.t.Errorf("%s: the record says %q, want %q", when, got, want)
	}
}

func TestFCMKeepsWhatComesInDoze(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Doze}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		k.send("one", "")
		k.want("in Doze", 1, "stored")
		k.wantRecords("in Doze", "held doze")
		k.send("urgent", `"priority":"high"`)
		k.want("high priority", 1, "stored", "delivered")
		waitLogged(t, k.phone, "push urgent")
		if by := k.phone.AdvanceToMaintenanceWindow(); by < 59*time.Minute {
			t.Errorf("the first window opened after %s, want an hour", by)
		}
		waitLogged(t, k.phone, "push one")
		k.send("now", `"ttl":"0s"`)
		k.want("in the window", 0, "delivered", "delivered", "delivered")
		waitLogged(t, k.phone, "push now")
		k.phone.Advance(6 * time.Minute)
		k.send("never", `"ttl":"0s"`)
		k.send("two", "")
		k.want("after the window", 1, "delivered", "delivered", "delivered", "discarded", "stored")
		k.phone.SetDoze(false)
		waitLogged(t, k.phone, "push two")
		k.want("after Doze", 0, "delivered", "delivered", "delivered", "discarded", "delivered")
		k.wantRecords("at the end", "held doze", "new_data", "new_data", "new_data", "dropped doze", "held doze", "new_data")
	})
}

func TestWhatWaitedOfflineAndThenInDozeComesInTheNextWindow(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Doze, Offline: true}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		k.send("one", "")
		if n := len(k.phone.Records()); n != 0 {
			t.Errorf("off-line the phone has %d lines of record, want none: it knows of nothing", n)
		}
		k.phone.SetOnline(true)
		k.want("on-line in Doze", 1, "stored")
		k.fleet.Advance(2 * time.Hour) // over the first window
		waitLogged(t, k.phone, "push one")
		k.want("after the window", 0, "delivered")
		k.wantRecords("at the end", "held doze", "new_data")
	})
}

func TestAPhoneThatIsAdvancedAloneDoesNotJumpOverAWindow(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Doze}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		k.send("one", `"ttl":"60s"`) // by FCM's time, which does not move
		k.phone.Advance(90 * time.Minute)
		waitLogged(t, k.phone, "push one")
		k.want("after the window", 0, "delivered")
	})
	for kind, app := range apps(t) { // and without FCM
		t.Run("alone/"+kind, func(t *testing.T) {
			t.Parallel()
			p := add(t, phonetest.Rules{}, phonetest.Spec{Platform: phonetest.Android, App: app, AppID: "a", State: phonetest.Doze})
			p.Deliver(message("m1", ""))
			record(t, p, "m1")
			p.Advance(90 * time.Minute)
			waitLogged(t, p, "push m1 #1")
		})
	}
}

func TestFCMDropsWhatComesForAnAppThatWasForceStoppedOrNeverOpened(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		k.send("early", "")
		k.wantRecords("never opened", "dropped never_run")
		if err := k.phone.ForceStop(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.send("lost", `"priority":"high"`)
		k.wantRecords("force-stopped", "dropped never_run", "dropped force_stopped")
		k.phone.Restart()
		k.send("lost too", "")
		if err := k.phone.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.send("after", "")
		waitLogged(t, k.phone, "push after #1")
		k.want("at the end", 0, "discarded", "discarded", "discarded", "delivered")
	})
}

func TestAHundredAndOneMessagesInDozeAreGoneAndTheAppIsTold(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Doze}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		for i := range 101 {
			k.send(fmt.Sprint("m", i), "")
		}
		if state, _ := k.fcm.State(k.phone.Token()); len(state.Stored) != 0 {
			t.Errorf("%d messages wait, want none", len(state.Stored))
		}
		if got := k.records(201)[200]; got != "dropped too_many" {
			t.Errorf("the last line of the record says %q, want dropped too_many", got)
		}
		k.phone.SetCharging(true)
		waitLogged(t, k.phone, "deleted_messages")
		if logged(k.phone, "push m0") {
			t.Errorf("a discarded message arrived\n%s", k.phone.History())
		}
	})
}

func TestAPhoneWithAScreenLockGetsOnlyWhatIsForDirectBootUntilItIsUnlocked(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Terminated}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		k.phone.Restart()
		k.send("no lock", "")
		k.wantRecords("without a lock", "new_data")
		k.phone.SetScreenLock(true)
		k.phone.Restart()
		k.send("one", "")
		k.send("direct", `"direct_boot_ok":true`) // for which the app is not made
		k.want("locked", 2, "delivered", "stored", "stored")
		k.phone.SetDirectBoot(true)
		waitLogged(t, k.phone, "push direct")
		k.want("for an app that is made for it", 1, "delivered", "stored", "delivered")
		k.phone.SetLocked(false)
		waitLogged(t, k.phone, "push one")
		k.want("unlocked", 0, "delivered", "delivered", "delivered")
		k.wantRecords("at the end", "new_data", "held locked", "held locked", "new_data", "new_data")
		k.phone.Restart()
		k.send("two", "")
		if err := k.phone.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitLogged(t, k.phone, "push two")
	})
}

func TestALockedPhoneWithoutFCMHoldsByItself(t *testing.T) {
	t.Parallel()
	with(t, phonetest.Android, phonetest.Reclaimed, func(t *testing.T, p *phonetest.Phone) {
		p.SetLocked(true)
		p.SetDirectBoot(true)
		p.Deliver(message("m1", ""))
		if r := record(t, p, "m1"); r.Did != phonetest.Held || r.Reason != phonetest.IsLocked {
			t.Errorf("locked: %s (%s), want held (locked)", r.Did, r.Reason)
		}
		m := message("m2", "")
		m.DirectBoot = true
		p.Deliver(m)
		waitLogged(t, p, "push m2 #1")
		p.SetLocked(false)
		waitLogged(t, p, "push m1 #2")
	})
}

func TestOpeningAnAppThatIsOpenEndsDoze(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Foreground}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		k.phone.SetDoze(true)
		k.send("one", "")
		k.want("in Doze", 1, "stored")
		if err := k.phone.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitLogged(t, k.phone, "push one")
		k.want("opened", 0, "delivered")
	})
}

func TestAReinstallationInDozeIsFoundByFCM(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Doze}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		k.send("held", "")
		k.wantRecords("in Doze", "held doze")
		if err := k.phone.Reinstall(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.wantRecords("reinstalled", "held doze", "dropped held_lost")
		if r := k.fcm.Requests()[0]; r.Outcome != "discarded" || r.Reason != fcmtest.DroppedGone {
			t.Errorf("what waited is %s (%s), want discarded (appUninstalled)", r.Outcome, r.Reason)
		}
	})
}

func TestAnAppThatShowsNothingLosesItsHighPriorityAtFCM(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Doze}, phonetest.Rules{HighUnseen: 2}, func(t *testing.T, k phoneOnFCM) {
		for i := range 3 {
			k.send(fmt.Sprint("m", i), `"priority":"high"`)
		}
		k.want("the third", 1, "delivered", "delivered", "stored")
		k.phone.Shown()
		waitLogged(t, k.phone, "push m2")
		k.want("something was shown", 0, "delivered", "delivered", "delivered")
	})
}

func TestWhatFCMDeliveredIsNotHeldByAPhoneThatDozesAMomentLater(t *testing.T) {
	t.Parallel()
	onFCM(t, phonetest.Spec{State: phonetest.Background}, phonetest.Rules{}, func(t *testing.T, k phoneOnFCM) {
		for i := range 10 {
			k.send(fmt.Sprint("m", i), "")
			k.phone.SetDoze(true)
			waitLogged(t, k.phone, fmt.Sprint("push m", i))
			k.phone.SetDoze(false)
		}
	})
}
