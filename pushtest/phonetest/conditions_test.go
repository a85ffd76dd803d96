package phonetest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

func TestAReinstalledAppHasANewTokenAndHasNeverRun(t *testing.T) {
	t.Parallel()
	p, send := fcmPhone(t, phonetest.Spec{State: phonetest.Doze})
	send("held")
	record(t, p, p.Records()[0].Push)
	old := p.Token()
	if err := p.Reinstall(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Token() == old || p.State() != phonetest.NeverRun {
		t.Fatalf("after the reinstallation: state %s, the old token: %v; want never-run and a new one", p.State(), p.Token() == old)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	send("after")
	waitLogged(t, p, "push after #1")
	if logged(p, "push held") {
		t.Errorf("what was held for the old installation reached the new one\n%s", p.History())
	}
}

func TestAFullDiskHoldsNoPushAndTheAppIsTold(t *testing.T) {
	t.Parallel()
	with(t, phonetest.IOS, phonetest.Background, func(t *testing.T, p *phonetest.Phone) {
		p.SetDiskFull(true)
		waitLogged(t, p, "disk full")
		p.SetLowPower(true)
		p.Deliver(message("m1", ""))
		if r := record(t, p, "m1"); r.Did != phonetest.Dropped || r.Reason != phonetest.DiskFull {
			t.Errorf("a push to be held: %s (%s), want dropped (disk_full)", r.Did, r.Reason)
		}
		p.SetDiskFull(false)
		waitLogged(t, p, "disk free")
		p.Deliver(message("m2", ""))
		if r := record(t, p, "m2"); r.Did != phonetest.Held {
			t.Errorf("with room again: %s (%s), want held", r.Did, r.Reason)
		}
	})
}

func TestAWrongClockIsShownAndChangesNoPacing(t *testing.T) {
	t.Parallel()
	clocks := make(chan *time.Time, 8)
	app := phonetest.InProcess(func(string, func(string)) phonetest.Program { return clockReader{clocks} })
	p := add(t, phonetest.Rules{}, phonetest.Spec{Platform: phonetest.IOS, App: app, AppID: "a", State: phonetest.Background})
	p.Deliver(message("m1", ""))
	if at := <-clocks; at != nil {
		t.Errorf("with a right clock the app is told that it shows %s, want nothing", at)
	}
	p.SetClock(-48 * time.Hour)
	m := message("m2", "")
	m.ExpiresAt = time.Now().Add(time.Minute)
	p.Deliver(m)
	at := <-clocks
	if at == nil || time.Since(*at) < 47*time.Hour {
		t.Errorf("two days slow, the app is told that its clock shows %v", at)
	}
	if r := record(t, p, "m2"); time.Since(r.At) < 47*time.Hour || r.Result != phonetest.NewData {
		t.Errorf("the record says %s, %q; want the clock of the phone, and new_data", r.At, r.Result)
	}
}

type clockReader struct{ clocks chan *time.Time }

func (c clockReader) Handle(_ context.Context, e phoneline.Event) string {
	if e.Kind == phoneline.Push {
		c.clocks <- e.Clock
	}
	return phoneline.NewData
}

func TestAPhoneThatWasSwitchedOnStartsAppsAfterAWhile(t *testing.T) {
	t.Parallel()
	for kind, app := range apps(t) {
		for _, platform := range []phonetest.Platform{phonetest.IOS, phonetest.Android} {
			t.Run(fmt.Sprint(platform, "/", kind), func(t *testing.T) {
				t.Parallel()
				rules := phonetest.Rules{RestartDelay: 5 * time.Minute}
				p := add(t, rules, phonetest.Spec{Platform: platform, App: app, AppID: "a", State: phonetest.Suspended})
				p.Restart()
				p.Deliver(message("m1", ""))
				if r := record(t, p, "m1"); r.Reason != phonetest.Restarting {
					t.Fatalf("just after a restart: %s (%s), want held (restarting)", r.Did, r.Reason)
				}
				p.Advance(5 * time.Minute)
				waitLogged(t, p, "push m1 #1")
			})
		}
	}
}

func TestTheBudgetOfADayIsSpentUntilTheNext(t *testing.T) {
	t.Parallel()
	with := phonetest.Rules{IOSDaily: 4, IOSBurst: 100}
	p := add(t, with, phonetest.Spec{Platform: phonetest.IOS, App: phonetest.InProcess(newApp), AppID: "a", State: phonetest.Background})
	p.Deliver(message("m1", "fail")) // costs two
	record(t, p, "m1")
	for i := range 2 {
		id := fmt.Sprint("n", i)
		p.Deliver(message(id, ""))
		if r := record(t, p, id); r.Result != phonetest.NewData {
			t.Fatalf("push %s: %s (%s), want it handled", id, r.Did, r.Reason)
		}
	}
	p.Deliver(message("over", ""))
	if r := record(t, p, "over"); r.Reason != phonetest.DaySpent {
		t.Fatalf("after the budget: %s (%s), want held (daily_budget)", r.Did, r.Reason)
	}
	p.Advance(23 * time.Hour)
	if logged(p, "push over") {
		t.Errorf("the push came on the same day\n%s", p.History())
	}
	p.Advance(time.Hour)
	waitLogged(t, p, "push over")
}

func TestAnAppThatShowsSomethingKeepsHighPriority(t *testing.T) {
	t.Parallel()
	p := add(t, phonetest.Rules{HighUnseen: 2}, phonetest.Spec{
		Platform: phonetest.Android, App: phonetest.InProcess(newApp), AppID: "a", State: phonetest.Doze})
	high := func(id string) phonetest.Record {
		m := message(id, "")
		m.High = true
		p.Deliver(m)
		return record(t, p, id)
	}
	high("m1")
	high("m2")
	p.Shown()
	if r := high("m3"); r.Result != phonetest.NewData {
		t.Errorf("after something was shown: %s (%s), want it handled", r.Did, r.Reason)
	}
	high("m4")
	if r := high("m5"); r.Reason != phonetest.Dozing {
		t.Errorf("two more without anything to see: %s (%s), want held (doze)", r.Did, r.Reason)
	}
	p.Advance(8 * 24 * time.Hour)
	waitLogged(t, p, "push m5")
}

func TestAnAppForPushesOnlyIsToldOfNothingElse(t *testing.T) {
	t.Parallel()
	for kind, app := range apps(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := add(t, phonetest.Rules{}, phonetest.Spec{
				Platform: phonetest.IOS, App: app, AppID: "a", State: phonetest.Foreground, PushesOnly: true})
			if err := p.Home(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := p.RenewToken(); err != nil {
				t.Fatal(err)
			}
			p.Deliver(message("m1", ""))
			waitLogged(t, p, "push m1 #1")
			for _, l := range p.Log() {
				if !l.System && !strings.HasPrefix(l.Text, "push ") {
					t.Errorf("the app was told of %q", l.Text)
				}
			}
		})
	}
}

func TestAJumpOverAMaintenanceWindowDeliversWhatWaitedForIt(t *testing.T) {
	t.Parallel()
	d := phonetest.New(phonetest.Config{})
	t.Cleanup(d.Close)
	p, err := d.Add(t.Context(), phonetest.Spec{
		Platform: phonetest.Android, App: phonetest.InProcess(newApp), AppID: "a", State: phonetest.Doze})
	if err != nil {
		t.Fatal(err)
	}
	m := message("m1", "")
	m.ExpiresAt = time.Now().Add(2 * time.Hour)
	p.Deliver(m)
	record(t, p, "m1")
	d.Advance(90 * time.Minute) // the window was open from 60 to 65, and is closed now
	waitLogged(t, p, "push m1 #1")
}

// script has one sender use a few phones for two days, and returns all that happened on them, in order.
func script(t *testing.T, seed uint64) []string {
	t.Helper()
	rules, err := phonetest.NewRules(nil, seed)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string // written by whoever holds the turn, or by this goroutine when there is none
	d := phonetest.New(phonetest.Config{Rules: rules, Seed: seed, InOrder: true,
		OnLog: func(phone string, l phonetest.LogLine) { lines = append(lines, phone+" "+l.Text) }})
	defer d.Close()
	var phones []*phonetest.Phone
	for i := range 12 {
		spec := phonetest.Spec{Platform: phonetest.IOS, App: phonetest.InProcess(newApp), AppID: "a", State: phonetest.Suspended}
		if i%2 == 1 {
			spec.Platform, spec.State = phonetest.Android, phonetest.Doze
		}
		p, err := d.Add(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, p.Token())
		phones = append(phones, p)
	}
	for i := range 200 {
		m := message(fmt.Sprint("m", i), []string{"", "", "fail"}[i%3])
		m.High = i%4 == 3
		phones[i*i%len(phones)].Deliver(m)
		if i%20 == 19 {
			d.Advance(50 * time.Minute)
		}
	}
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range phones {
		for _, r := range p.Records() {
			lines = append(lines, fmt.Sprint(p.Name(), r.Push, r.Did, r.Reason, r.State, r.Result))
		}
	}
	return lines
}

func TestTheSameSeedMakesTheSameChoicesInTheSameOrder(t *testing.T) {
	t.Parallel()
	want := script(t, 7)
	for range 3 {
		got := script(t, 7)
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("line %d of the second run is %q, want %q", i, got[i], want[i])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("the second run has %d lines, want %d", len(got), len(want))
		}
	}
	if slices.Equal(script(t, 8), want) {
		t.Error("another seed changed nothing")
	}
}

func TestSwitchesOfPhonesAreReadAndRefused(t *testing.T) {
	t.Parallel()
	r, err := phonetest.NewRules([]string{"phone.ios.burst=9", "phone.ios.daily=0", "phone.doze.windows=10m,20m"}, 0)
	if err != nil || r.IOSBurst != 9 || r.IOSDaily != -1 || !slices.Equal(r.DozeWindows, []time.Duration{10 * time.Minute, 20 * time.Minute}) {
		t.Errorf("NewRules = %+v, %v", r, err)
	}
	for _, wrong := range []string{"phone.ios.burst=many", "phone.nothing=1", "phone.doze.windows=1h,,", "phone.ios.allowed=0s"} {
		if _, err := phonetest.NewRules([]string{wrong}, 0); err == nil || !strings.Contains(err.Error(), strings.Split(wrong, "=")[0]) {
			t.Errorf("%s: %v, want an error that names it", wrong, err)
		}
	}
	if usual, err := phonetest.NewRules(nil, 0); err != nil || usual.IOSBurst != 3 || usual.RestartDelay != 0 {
		t.Errorf("without switches: %+v, %v", usual, err)
	}
}
