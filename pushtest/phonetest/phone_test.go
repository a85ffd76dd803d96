package phonetest_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
)

// apps are both kinds of app; every test of the suite runs with each.
func apps(t *testing.T) map[string]phonetest.App {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]phonetest.App{
		"process":    phonetest.Command{Path: exe, Env: append(os.Environ(), appEnv+"=1")},
		"in process": phonetest.InProcess(newApp),
	}
}

// with runs a test with each kind of app and a phone of the platform in the state.
func with(t *testing.T, platform phonetest.Platform, state phonetest.State, f func(t *testing.T, p *phonetest.Phone)) {
	t.Helper()
	for kind, app := range apps(t) {
		t.Run(fmt.Sprintf("%s/%s/%s", platform, state, kind), func(t *testing.T) {
			t.Parallel()
			f(t, add(t, phonetest.Rules{}, phonetest.Spec{Platform: platform, App: app, AppID: "com.example.notes", State: state}))
		})
	}
}

func add(t *testing.T, rules phonetest.Rules, spec phonetest.Spec) *phonetest.Phone {
	t.Helper()
	d := phonetest.New(phonetest.Config{Rules: rules})
	t.Cleanup(d.Close)
	p, err := d.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func message(id, do string) phonetest.Message {
	return phonetest.Message{ID: id, Data: []byte(`{"say":"` + id + `","do":"` + do + `"}`)}
}

func wait(t *testing.T, p *phonetest.Phone, what string, ok func(*phonetest.Phone) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Wait(ctx, ok); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// record waits for a line of the record that says how a push ended: a result, or a reason.
func record(t *testing.T, p *phonetest.Phone, push string) (found phonetest.Record) {
	t.Helper()
	wait(t, p, "an end of push "+push, func(p *phonetest.Phone) bool {
		for _, r := range p.Records() {
			if r.Push == push && (r.Result != "" || r.Reason != "") {
				found = r
			}
		}
		return found.Push != ""
	})
	return found
}

func logged(p *phonetest.Phone, text string) bool {
	return slices.ContainsFunc(p.Log(), func(l phonetest.LogLine) bool { return strings.Contains(l.Text, text) })
}

// waitLogged waits for what the app prints: a process prints on a pipe of its own, which may come after its answer.
func waitLogged(t *testing.T, p *phonetest.Phone, text string) {
	t.Helper()
	wait(t, p, text+" in the device log", func(p *phonetest.Phone) bool { return logged(p, text) })
}

func TestWhatAPushDoesInEachState(t *testing.T) {
	t.Parallel()
	type want struct {
		did    phonetest.Did
		reason phonetest.Reason
		result phonetest.Result
		after  phonetest.State
	}
	given := func(did phonetest.Did, after phonetest.State) want { return want{did, "", phonetest.NewData, after} }
	for _, c := range []struct {
		platform phonetest.Platform
		state    phonetest.State
		want     want
	}{
		{phonetest.IOS, phonetest.Foreground, given(phonetest.Gave, phonetest.Foreground)},
		{phonetest.IOS, phonetest.Background, given(phonetest.Gave, phonetest.Background)},
		{phonetest.IOS, phonetest.Suspended, given(phonetest.Resumed, phonetest.Suspended)},
		{phonetest.IOS, phonetest.Reclaimed, given(phonetest.Launched, phonetest.Suspended)},
		{phonetest.IOS, phonetest.Terminated, want{phonetest.Dropped, phonetest.TerminatedByUser, "", phonetest.Terminated}},
		{phonetest.IOS, phonetest.NeverRun, want{phonetest.Dropped, phonetest.WasNeverRun, "", phonetest.NeverRun}},
		{phonetest.Android, phonetest.Foreground, given(phonetest.Gave, phonetest.Foreground)},
		{phonetest.Android, phonetest.Background, given(phonetest.Gave, phonetest.Background)},
		{phonetest.Android, phonetest.Suspended, given(phonetest.Resumed, phonetest.Suspended)},
		{phonetest.Android, phonetest.Reclaimed, given(phonetest.Launched, phonetest.Suspended)},
		{phonetest.Android, phonetest.Terminated, given(phonetest.Launched, phonetest.Suspended)},
		{phonetest.Android, phonetest.ForceStopped, want{phonetest.Dropped, phonetest.WasForceStopped, "", phonetest.ForceStopped}},
		{phonetest.Android, phonetest.NeverRun, want{phonetest.Dropped, phonetest.WasNeverRun, "", phonetest.NeverRun}},
		{phonetest.Android, phonetest.Doze, want{phonetest.Held, phonetest.Dozing, "", phonetest.Suspended}},
	} {
		with(t, c.platform, c.state, func(t *testing.T, p *phonetest.Phone) {
			p.Deliver(message("m1", ""))
			r := record(t, p, "m1")
			if got := (want{r.Did, r.Reason, r.Result, c.want.after}); got != c.want {
				t.Errorf("the phone did %+v, want %+v\n%s", got, c.want, p.History())
			}
			wait(t, p, "state "+string(c.want.after), func(p *phonetest.Phone) bool { return p.State() == c.want.after })
			if c.want.result != "" {
				waitLogged(t, p, "push m1")
			} else if logged(p, "push m1") {
				t.Errorf("the handler ran\n%s", p.History())
			}
		})
	}
}

func TestSuspendedAppKeepsItsMemoryAndATerminatedOneDoesNot(t *testing.T) {
	t.Parallel()
	with(t, phonetest.IOS, phonetest.Suspended, func(t *testing.T, p *phonetest.Phone) {
		p.Deliver(message("m1", ""))
		record(t, p, "m1")
		p.Deliver(message("m2", ""))
		record(t, p, "m2")
		waitLogged(t, p, "push m2 #2")
		if err := p.Reclaim(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.Deliver(message("m3", ""))
		record(t, p, "m3")
		waitLogged(t, p, "push m3 #1")
	})
}

func TestOpeningAnAppDeliversWhatThePhoneHeld(t *testing.T) {
	t.Parallel()
	with(t, phonetest.IOS, phonetest.Suspended, func(t *testing.T, p *phonetest.Phone) {
		p.SetLowPower(true)
		p.Deliver(message("old", ""))
		p.Deliver(message("new", ""))
		if r := record(t, p, "new"); r.Did != phonetest.Held || r.Reason != phonetest.LowPower {
			t.Fatalf("in Low Power Mode the phone did %s (%s), want held (low_power)", r.Did, r.Reason)
		}
		if err := p.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitLogged(t, p, "push new #1")
		if logged(p, "push old") {
			t.Errorf("iOS kept more than the newest push\n%s", p.History())
		}
	})
}

func TestIOSPacesBackgroundPushes(t *testing.T) {
	t.Parallel()
	with(t, phonetest.IOS, phonetest.Background, func(t *testing.T, p *phonetest.Phone) {
		for i := range 3 {
			id := fmt.Sprint("m", i)
			p.Deliver(message(id, ""))
			if r := record(t, p, id); r.Did != phonetest.Gave {
				t.Fatalf("push %d of the burst: %s (%s), want gave", i, r.Did, r.Reason)
			}
		}
		p.Deliver(message("m3", ""))
		if r := record(t, p, "m3"); r.Did != phonetest.Held || r.Reason != phonetest.Throttled {
			t.Fatalf("beyond the burst: %s (%s), want held (throttled)", r.Did, r.Reason)
		}
		p.Advance(19 * time.Minute)
		if logged(p, "push m3") {
			t.Errorf("19 minutes later the push was not held any more")
		}
		p.Advance(time.Minute + time.Second)
		waitLogged(t, p, "push m3")
	})
}

func TestFailingHandlersGetFewerPushes(t *testing.T) {
	t.Parallel()
	with(t, phonetest.IOS, phonetest.Background, func(t *testing.T, p *phonetest.Phone) {
		for i := range 2 {
			p.Deliver(message(fmt.Sprint("m", i), "fail"))
			if r := record(t, p, fmt.Sprint("m", i)); r.Result != phonetest.Failed {
				t.Fatalf("push %d: result %q, want failed", i, r.Result)
			}
		}
		p.Deliver(message("m2", ""))
		if r := record(t, p, "m2"); r.Reason != phonetest.Throttled {
			t.Errorf("after two failures the third push was %s (%s), want throttled", r.Did, r.Reason)
		}
	})
}

func TestAppThatTakesTooLongIsKilled(t *testing.T) {
	t.Parallel()
	for kind, app := range apps(t) {
		for _, platform := range []phonetest.Platform{phonetest.IOS, phonetest.Android} {
			t.Run(fmt.Sprint(platform, "/", kind), func(t *testing.T) {
				t.Parallel()
				rules := phonetest.Rules{IOSAllowed: time.Second, AndroidAllowed: time.Second}
				p := add(t, rules, phonetest.Spec{Platform: platform, App: app, AppID: "a", State: phonetest.Suspended})
				p.Deliver(message("m1", "hang"))
				if r := record(t, p, "m1"); r.Reason != phonetest.TimeOver || r.Result != "" {
					t.Errorf("the record says %q, %q; want time_over and no result", r.Reason, r.Result)
				}
				if got := p.State(); got != phonetest.Reclaimed {
					t.Errorf("the app is %s, want reclaimed", got)
				}
			})
		}
	}
}

func TestAppThatCrashesIsStartedAgainByTheNextPush(t *testing.T) {
	t.Parallel()
	with(t, phonetest.Android, phonetest.Suspended, func(t *testing.T, p *phonetest.Phone) {
		p.Deliver(message("m1", "crash"))
		if r := record(t, p, "m1"); r.Reason != phonetest.AppGone {
			t.Fatalf("the record says %q, want app_gone\n%s", r.Reason, p.History())
		}
		wait(t, p, "no process", func(p *phonetest.Phone) bool { return p.State() == phonetest.Reclaimed })
		p.Deliver(message("m2", ""))
		if r := record(t, p, "m2"); r.Did != phonetest.Launched || r.Result != phonetest.NewData {
			t.Errorf("the next push: %s, %q; want launched, new_data\n%s", r.Did, r.Result, p.History())
		}
	})
}

func TestDozeHoldsNormalPriorityUntilTheMaintenanceWindow(t *testing.T) {
	t.Parallel()
	with(t, phonetest.Android, phonetest.Doze, func(t *testing.T, p *phonetest.Phone) {
		p.Deliver(message("normal", ""))
		if r := record(t, p, "normal"); r.Reason != phonetest.Dozing {
			t.Fatalf("normal priority in Doze: %s (%s), want held (doze)", r.Did, r.Reason)
		}
		high := message("high", "")
		high.High = true
		p.Deliver(high)
		if r := record(t, p, "high"); r.Result != phonetest.NewData {
			t.Errorf("high priority in Doze: %s (%s), want it handled", r.Did, r.Reason)
		}
		if by := p.AdvanceToMaintenanceWindow(); by < 59*time.Minute || by > time.Hour {
			t.Errorf("the first window opened after %s, want an hour", by)
		}
		waitLogged(t, p, "push normal #2")
	})
}

func TestHighPriorityIsLostByAppsThatShowNothing(t *testing.T) {
	t.Parallel()
	with(t, phonetest.Android, phonetest.Doze, func(t *testing.T, p *phonetest.Phone) {
		for i := range 21 {
			m := message(fmt.Sprint("m", i), "")
			m.High = true
			p.Deliver(m)
			want := phonetest.Resumed
			if i == 20 {
				want = phonetest.Held
			}
			if r := record(t, p, m.ID); r.Did != want {
				t.Errorf("high-priority message %d: %s (%s), want %s", i+1, r.Did, r.Reason, want)
			}
			wait(t, p, "a sleeping app", func(p *phonetest.Phone) bool { return p.State() == phonetest.Suspended })
		}
	})
}

func TestSwipeIsAForceStopOnSomePhones(t *testing.T) {
	t.Parallel()
	for kind, app := range apps(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := add(t, phonetest.Rules{}, phonetest.Spec{
				Platform: phonetest.Android, App: app, AppID: "a", State: phonetest.Foreground, SwipeForceStops: true})
			if err := p.Swipe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := p.State(); got != phonetest.ForceStopped {
				t.Errorf("after the swipe the app is %s, want force-stopped", got)
			}
		})
	}
}

func TestAppThatWasSwipedAwayRunsAgainAfterARestart(t *testing.T) {
	t.Parallel()
	with(t, phonetest.IOS, phonetest.Terminated, func(t *testing.T, p *phonetest.Phone) {
		p.Restart()
		p.Deliver(message("m1", ""))
		if r := record(t, p, "m1"); r.Did != phonetest.Launched {
			t.Errorf("after a restart: %s (%s), want launched", r.Did, r.Reason)
		}
	})
}

func TestDeletedMessagesReachTheApp(t *testing.T) {
	t.Parallel()
	with(t, phonetest.Android, phonetest.Terminated, func(t *testing.T, p *phonetest.Phone) {
		p.Deliver(phonetest.Message{ID: "d", Deleted: true})
		record(t, p, "d")
		waitLogged(t, p, "deleted_messages")
	})
}

func TestLowPowerMayDropWhatItDoesNotWakeAnAppFor(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]phonetest.Did{"hold": phonetest.Held, "drop": phonetest.Dropped} {
		rules, err := phonetest.NewRules([]string{"phone.ios.not_woken=" + value}, 0)
		if err != nil {
			t.Fatal(err)
		}
		d := phonetest.New(phonetest.Config{Rules: rules})
		t.Cleanup(d.Close)
		p, err := d.Add(t.Context(), phonetest.Spec{Platform: phonetest.IOS, App: phonetest.InProcess(newApp), AppID: "a", State: phonetest.Background})
		if err != nil {
			t.Fatal(err)
		}
		p.SetLowPower(true)
		p.Deliver(message("m", ""))
		if r := record(t, p, "m"); r.Did != want || r.Reason != phonetest.LowPower {
			t.Errorf("phone.ios.not_woken=%s: %s (%s), want %s (low_power)", value, r.Did, r.Reason, want)
		}
	}
}

// Several people's requests may move one phone at once: each of them is done whole, one after the other.
func TestStepsThatAreTakenAtOnceFollowOneAnother(t *testing.T) {
	t.Parallel()
	p := add(t, phonetest.Rules{}, phonetest.Spec{
		Platform: phonetest.Android, App: phonetest.InProcess(newApp), AppID: "a", State: phonetest.Background})
	var steps sync.WaitGroup
	for _, s := range []phonetest.State{phonetest.Background, phonetest.Suspended, phonetest.Reclaimed, phonetest.Terminated} {
		steps.Go(func() {
			for range 200 {
				if err := p.SetState(t.Context(), s); err != nil {
					t.Errorf("to %s, while others move the phone: %v", s, err)
					return
				}
			}
		})
	}
	steps.Wait()
}
