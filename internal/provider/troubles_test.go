package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

// What a wake may come to, for Note.
var (
	refused   = push.Answer{Error: push.FailureRefused, Detail: "x"}
	own       = push.Answer{Status: 503}
	answered  = push.Answer{Status: 200}
	notSent   = push.Answer{Error: push.FailureNotSent}
	noAnswer  = &push.WakeError{Fault: push.FaultProvider}
	badKey    = &push.WakeError{Fault: push.FaultCredentials, Reason: "InvalidProviderToken"}
	badTopic  = &push.WakeError{Fault: push.FaultCredentials, Reach: push.ReachTopic, Reason: "TopicDisallowed"}
	noKey     = &push.WakeError{Fault: push.FaultCredentials, Reason: provider.NoCredentials}
	deadToken = &push.WakeError{Fault: push.FaultToken, Reason: "Unregistered"}
	badToken  = &push.WakeError{Fault: push.FaultSuspect, Reason: "BadDeviceToken"}
	noQuota   = &push.WakeError{Fault: push.FaultQuota, Reason: "QUOTA_EXCEEDED"}
)

// step is a wake and what became of it; the device is "d" unless it is named.
type step struct {
	after  time.Duration
	answer push.Answer
	err    *push.WakeError
	device push.Device
}

func device(id string, e push.Environment, bundle string) push.Device {
	return push.Device{App: "notes", ID: id, Environment: e, BundleID: bundle}
}

type world struct {
	*provider.Troubles
	log *wakertest.Log
	now time.Time
}

func setup() *world {
	w := &world{log: &wakertest.Log{}, now: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	w.Troubles = provider.NewTroubles(w.log.Logger(), push.APNs, func() time.Time { return w.now })
	return w
}

func (w *world) record(d push.Device, wake push.Wake, a push.Answer, e *push.WakeError, shared bool) {
	w.Record(&d, &wake, provider.Result{Answer: a, Refused: e, Shared: shared})
}

// pass lets time go by as the server does.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(min(5*time.Second, end.Sub(w.now)))
		w.Tick()
	}
}

func (w *world) do(steps ...step) {
	for _, s := range steps {
		w.pass(s.after)
		if s.device.ID == "" {
			s.device = device("d", "", "")
		}
		w.record(s.device, push.Wake{Pushes: []push.ID{"p", "q"}}, s.answer, s.err, false)
	}
}

func TestATroubleIsToldWhenItBeginsGoesOnAndEnds(t *testing.T) {
	t.Parallel()
	prod, dev := device("d", push.Production, "com.example.a"), device("e", push.Development, "com.example.a")
	otherTopic := device("f", push.Production, "com.example.b")
	const minute = time.Minute
	for name, c := range map[string]struct {
		steps []step
		want  []string
	}{
		"counted, with how long it lasted and whom it hit": {
			[]step{{0, refused, noAnswer, prod}, {time.Second, refused, noAnswer, prod}, {time.Second, refused, noAnswer, otherTopic}, {minute, answered, nil, prod}, {0, answered, nil, prod}},
			[]string{
				"provider unreachable; provider=apns; app=notes; environment=production; fault=provider; error=refused; detail=x; next=wakes are tried again; failed=1; devices=1; pushes=2; since=2026-01-02T00:00:00Z",
				"provider still unreachable; failed=3; devices=2; pushes=4; for=1m2s",
				"provider reachable again; failed=3; for=1m2s",
			},
		},
		"a line a minute while it goes on": {
			slices.Repeat([]step{{time.Second, refused, noAnswer, prod}}, 130),
			[]string{"provider unreachable", "provider still unreachable; failed=60; for=1m0s", "provider still unreachable; failed=120; for=2m0s"},
		},
		"an outage that the provider answers itself": {
			append(slices.Repeat([]step{{time.Second, own, noAnswer, prod}}, 7), step{time.Second, answered, nil, prod}),
			[]string{"provider unreachable; environment=production; fault=provider; error=provider; status=503; failed=1", "provider reachable again; status=503; failed=3; for=3s"},
		},
		"an outage that goes on with answers": {
			append(slices.Repeat([]step{{time.Second, refused, noAnswer, prod}}, 5), step{time.Second, own, noAnswer, prod}, step{time.Second, answered, nil, prod}),
			[]string{"provider unreachable; error=refused", "provider reachable again; error=provider; failed=6"},
		},
		"a 503 now and then is none": {
			slices.Repeat([]step{{time.Second, own, noAnswer, prod}, {time.Second, own, noAnswer, dev}, {time.Second, answered, nil, prod}, {0, push.Answer{Status: 410}, deadToken, dev}}, 20),
			nil,
		},
		"a dead token is an answer": {
			[]step{{0, refused, noAnswer, prod}, {0, push.Answer{Status: 410}, deadToken, prod}},
			[]string{"provider unreachable", "provider reachable again; error=refused; failed=1"},
		},
		"a credential beside an outage": {
			[]step{
				{0, own, badKey, prod}, {0, refused, noAnswer, prod}, {0, own, noAnswer, prod}, // the provider's 503 ends the outage, and proves no key
				{0, answered, nil, prod},
			},
			[]string{"credential refused; reason=InvalidProviderToken", "provider unreachable", "provider reachable again", "credential accepted again; failed=1"},
		},
		"one environment does not speak for the other": {
			[]step{{0, own, badKey, prod}, {0, answered, nil, dev}, {0, answered, nil, prod}},
			[]string{"credential refused; environment=production", "credential accepted again; environment=production"},
		},
		"nor one topic": {
			[]step{{0, own, badTopic, otherTopic}, {0, answered, nil, prod}, {0, own, badKey, prod}, {0, answered, nil, otherTopic}},
			[]string{
				"credential refused; environment=production; topic=com.example.b", "credential refused; reason=InvalidProviderToken",
				"credential accepted again; ", "credential accepted again; ",
			},
		},
		"what may mean the credential itself does not prove it": {
			[]step{{0, own, badKey, prod}, {0, push.Answer{Status: 400}, badToken, prod}},
			[]string{"credential refused"},
		},
		"no credential": {[]step{{0, notSent, noKey, prod}}, []string{"credential refused; error=not_sent; reason=no_credentials"}},
		"the quota": {
			[]step{{0, own, noQuota, prod}, {0, push.Answer{Status: 410}, deadToken, prod}, {minute, answered, nil, prod}},
			[]string{"provider quota used up; fault=quota; reason=QUOTA_EXCEEDED", "provider quota available again; for=1m0s"},
		},
		"one that comes and goes": {
			append(slices.Repeat([]step{{time.Second, refused, noAnswer, prod}, {time.Second, answered, nil, prod}}, 31), step{3 * minute, answered, nil, prod}),
			[]string{"provider unreachable", "provider reachable again", "provider still unreachable; failed=30", "provider reachable again; failed=30; for=59s"},
		},
		"what is nobody's trouble": {
			[]step{
				{0, own, noAnswer, prod}, {0, push.Answer{Status: 410}, deadToken, prod}, {0, push.Answer{Error: push.FailureStopping}, noAnswer, prod},
				{0, push.Answer{Status: 401}, &push.WakeError{Fault: push.FaultCredentials, Reach: push.ReachDevice}, prod},
				{0, notSent, &push.WakeError{Fault: push.FaultPush}, prod},
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup()
			w.do(c.steps...)
			wakertest.Warnings(t, w.log, c.want...)
		})
	}
}

func TestACredentialThatWasReplacedIsToldAnew(t *testing.T) {
	t.Parallel()
	w := setup()
	w.do(step{answer: own, err: badKey}, step{answer: own, err: badKey})
	w.Forget("notes")
	if got := w.Standing("notes"); got.State != push.ProviderUntried || len(w.InTrouble()) != 0 {
		t.Errorf("with a credential that nobody has tried: %+v, in trouble %v; want untried", got, w.InTrouble())
	}
	w.pass(time.Minute)
	w.do(step{answer: own, err: badKey})
	w.Forget("notes")
	w.do(step{answer: answered})
	wakertest.Warnings(t, w.log, "credential refused; failed=1", "credential refused; failed=1", "credential accepted again; failed=1")
}

func TestACredentialThatIsReplacedOverAndOverIsALineAMinute(t *testing.T) {
	t.Parallel()
	refusals := slices.Repeat([]step{{600 * time.Millisecond, own, badKey, push.Device{}}}, 10)
	for name, c := range map[string]struct {
		then []step
		want []string
	}{
		"and stays refused": {
			[]step{{2 * time.Minute, answered, nil, push.Device{}}},
			[]string{"credential refused; failed=1", "credential refused; failed=1", "credential accepted again; failed=1"},
		},
		"until one is good": {
			[]step{{time.Second, answered, nil, push.Device{}}, {5 * time.Minute, answered, nil, push.Device{}}},
			[]string{"credential refused; failed=1", "credential accepted again; failed=1"},
		},
		"and good ones in between": {
			append(slices.Repeat([]step{{time.Second, answered, nil, push.Device{}}, {time.Second, own, badKey, push.Device{}}}, 10), step{2 * time.Minute, answered, nil, push.Device{}}),
			[]string{"credential refused; failed=1", "credential accepted again", "credential refused; failed=1", "credential accepted again"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup()
			for _, s := range append(slices.Clone(refusals), c.then...) {
				w.pass(s.after)
				w.Forget("notes")
				s.after = 0
				w.do(s)
			}
			wakertest.Warnings(t, w.log, c.want...)
		})
	}
}

func TestAThousandAppsAreAFewLines(t *testing.T) {
	t.Parallel()
	w := setup()
	const apps = 1_000
	each := func(a push.Answer, e *push.WakeError) {
		for i := range apps {
			d := device("d", "", "")
			d.App = fmt.Sprint("app-", i)
			w.record(d, push.Wake{Pushes: []push.ID{"p"}}, a, e, false)
		}
	}
	for range 24 { // two minutes
		each(refused, noAnswer)
		w.pass(5 * time.Second)
	}
	w.pass(5 * time.Second)
	text := w.log.String()
	if n := strings.Count(text, "\n"); n > 35 {
		t.Errorf("%d lines within two minutes, want a few:\n%s", n, text)
	}
	for what, want := range map[string]int{`"provider unreachable"`: 8, `"provider unreachable for more apps"`: 3, `"apps":992,`: 3, `"devices":992,`: 3} {
		if got := strings.Count(text, what); got != want {
			t.Errorf("%s: %d times, want %d:\n%s", what, got, want, text)
		}
	}
	if got := w.Lasting()[push.ProviderUnreachable]; got != apps || len(w.InTrouble()) != apps {
		t.Errorf("%d apps, %d by name in trouble, want %d", got, len(w.InTrouble()), apps)
	}
	each(answered, nil)
	w.pass(2 * time.Minute)
	ended := strings.TrimPrefix(w.log.String(), text)
	if n := strings.Count(ended, "\n"); n > 20 || !strings.Contains(ended, `"provider reachable again for more apps","provider":"apns","apps":992,`) {
		t.Errorf("%d lines at the end, want a few and 992 apps in one:\n%s", n, ended)
	}
	if n := len(w.InTrouble()); n != 0 {
		t.Errorf("%d apps in trouble at the end, want none", n)
	}
}

func TestADevicesManyBundleIDsAreAFewLines(t *testing.T) {
	t.Parallel()
	w := setup()
	for i := range 1_000 {
		w.do(step{answer: own, err: badTopic, device: device("d", push.Production, fmt.Sprint("com.example.", i))})
	}
	d := device("d", push.Production, "com.example")
	d.App = "another"
	w.do(step{answer: own, err: badKey, device: d})
	if text := w.log.String(); strings.Count(text, "\n") > 5 || !strings.Contains(text, "another") {
		t.Errorf("the log has\n%s\nwant a few lines, and the other app's", text)
	}
	if n := len(w.Standing("notes").Troubles); n != push.MaxProviderTroubles {
		t.Errorf("%d troubles of the app, want %d", n, push.MaxProviderTroubles)
	}
}

func TestHowAnAppDoesWithItsProvider(t *testing.T) {
	t.Parallel()
	w := setup()
	if got := w.Standing("notes"); got.State != push.ProviderUntried || got.LastError != nil {
		t.Errorf("at the start: %+v, want untried", got)
	}
	w.do(step{answer: answered}, step{after: time.Minute, answer: push.Answer{Status: 410, Detail: "gone"}, err: deadToken})
	got := w.Standing("notes")
	if got.State != push.ProviderOK || !got.Since.Equal(w.now.Add(-time.Minute)) || got.Wakes[""] != 1 || got.Wakes[push.FaultToken] != 1 {
		t.Errorf("two answers: %+v, want ok since the first, and both counted", got)
	}
	if e := got.LastError; e == nil || e.Status != 410 || e.Reason != "Unregistered" || e.Fault != push.FaultToken || e.Detail != "gone" || !e.At.Equal(w.now) {
		t.Errorf("the last error is %+v", e)
	}
	w.do(step{after: time.Second, answer: own, err: badKey}, step{after: time.Second, answer: refused, err: noAnswer})
	got = w.Standing("notes")
	if got.State != push.ProviderUnreachable || len(got.Troubles) != 2 || got.Troubles[1].State != push.ProviderRefused || got.LastError.Error != push.FailureRefused {
		t.Errorf("with two troubles: %+v, want both, the worst first", got)
	}
	w.do(step{after: time.Second, answer: answered})
	if got = w.Standing("notes"); got.State != push.ProviderOK || len(got.Troubles) != 0 || got.LastError == nil || !got.Since.Equal(w.now) {
		t.Errorf("afterwards: %+v, want ok since now, with the last error", got)
	}
	w.do(step{after: time.Second, answer: notSent, err: noKey})
	if got = w.Standing("notes"); got.State != push.ProviderNoCredential {
		t.Errorf("without a credential: %+v", got)
	}
	w.pass(3 * time.Hour)
	if got = w.Standing("notes"); len(w.InTrouble()) != 0 || len(got.Wakes) != 0 {
		t.Errorf("nobody has tried for 3h: %+v, in trouble %v; want nothing", got, w.InTrouble())
	}
}

func TestATroubleThatNobodyWaitsInAnyMoreIsNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer push.Answer
		err    *push.WakeError
	}{{refused, noAnswer}, {own, badKey}, {own, noQuota}} {
		w := setup()
		w.do(step{answer: answered})
		wake := func(id string, ttl time.Duration) {
			w.record(device(id, "", ""), push.Wake{Pushes: []push.ID{"p"}, EndsAt: w.now.Add(ttl)}, c.answer, c.err, false)
		}
		w.pass(time.Minute)
		wake("d", 5*time.Second)
		wake("e", 30*time.Second)
		w.pass(5 * time.Second)
		if got := w.Standing("notes"); len(got.Troubles) != 1 || got.Troubles[0].Devices != 1 || got.Troubles[0].Pushes != 1 {
			t.Errorf("%s: when the push of one of two devices has expired: %+v; want the other one", c.err.Fault, got)
		}
		w.pass(25 * time.Second)
		if got := w.Standing("notes"); got.State != push.ProviderUntried || len(got.Troubles)+len(w.InTrouble())+len(w.Lasting()) != 0 {
			t.Errorf("%s: when nobody waits: %+v, in trouble %v; want none", c.err.Fault, got, w.InTrouble())
		}
	}
}

// Pushes that live shorter than the wake's next try come and go, and the provider stays away.
func TestShortLivedPushesAreALineAMinute(t *testing.T) {
	t.Parallel()
	w := setup()
	for range 20 { // 200 s
		w.record(device("d", "", ""), push.Wake{Pushes: []push.ID{"p"}, EndsAt: w.now.Add(5 * time.Second)}, refused, noAnswer, false)
		w.pass(10 * time.Second)
	}
	w.pass(3 * time.Minute)
	w.do(step{answer: answered})
	wakertest.Warnings(t, w.log, "provider unreachable; failed=1", "provider still unreachable; failed=6", "provider still unreachable; failed=12",
		"provider still unreachable; failed=18", "provider still unreachable; failed=20; devices=0; pushes=0")
}

func TestADeviceBeyondThoseThatAreCountedWaitsToo(t *testing.T) {
	t.Parallel()
	w := setup()
	wake := func(app, id string, ttl time.Duration) {
		w.record(push.Device{App: app, ID: id}, push.Wake{Pushes: []push.ID{"p"}, EndsAt: w.now.Add(ttl)}, refused, noAnswer, false)
	}
	for i := range 100_000 {
		wake("large", fmt.Sprint(i), time.Hour)
	}
	wake("notes", "d", time.Minute)
	w.pass(30 * time.Second)
	if got := w.InTrouble(); !slices.Equal(got, []string{"large", "notes"}) {
		t.Errorf("in trouble: %v, want both", got)
	}
	w.pass(30 * time.Second)
	if got := w.InTrouble(); !slices.Equal(got, []string{"large"}) {
		t.Errorf("in trouble when the device of notes waits no more: %v, want the other app", got)
	}
}
