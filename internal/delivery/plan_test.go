package delivery

import (
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// world is one device as the store would keep it; each look reads it and writes it back.
type world struct {
	t          *testing.T
	s          situation
	deliveries []push.Delivery
	events     map[push.ID][]push.EventName
	last       plan
}

func newWorld(t *testing.T, s situation, deliveries ...push.Delivery) *world {
	t.Helper()
	return &world{t: t, s: s, deliveries: deliveries, events: make(map[push.ID][]push.EventName)}
}

// look is one look, after an outcome if there is one.
func (w *world) look(o *outcome) *world {
	w.t.Helper()
	snap := push.Snapshot{Device: w.s.device}
	for _, d := range w.deliveries {
		if !d.State.Final() {
			snap.Open = append(snap.Open, d)
		} else if o != nil && slices.Contains(o.wake.Pushes, d.PushID) {
			snap.Named = append(snap.Named, d)
		}
	}
	b := newBoard(w.s.now, snap)
	if o != nil {
		o.apply(w.s, b)
	}
	w.last = planFor(w.s, b, time.Time{})
	w.s.device = *w.last.changes.Device
	for _, c := range w.last.changes.Deliveries {
		i := slices.IndexFunc(w.deliveries, func(d push.Delivery) bool { return d.PushID == c.Delivery.PushID })
		w.deliveries[i] = c.Delivery
		for _, e := range c.Events {
			w.events[c.Delivery.PushID] = append(w.events[c.Delivery.PushID], e.Event)
		}
	}
	return w
}

// answer is a look after the provider has answered to the wake that the last one sent.
func (w *world) answer(err *push.WakeError) *world {
	w.t.Helper()
	if w.last.wake == nil {
		w.t.Fatal("no wake was sent")
	}
	o := &outcome{wake: *w.last.wake, answer: push.Answer{Provider: push.APNs, Status: 200}, err: err}
	if err != nil {
		o.answer.Status, o.answer.Reason = 400, err.Reason
	}
	return w.look(o)
}

func (w *world) after(d time.Duration) *world {
	w.s.now = w.s.now.Add(d)
	return w.look(nil)
}

// atDue goes on to the moment at which the device is due.
func (w *world) atDue() *world {
	w.t.Helper()
	due := dueTime{w.s.device.DueAt}
	for _, d := range w.deliveries {
		due.at(d.WakeUntil) // the end of a lease makes the device due, too
	}
	if !due.After(w.s.now) {
		w.t.Fatalf("due at %v, which is not after %v", due, w.s.now)
	}
	return w.after(due.Sub(w.s.now))
}

func (w *world) want(i int, state push.State, why push.Reason) *world {
	w.t.Helper()
	if d := w.deliveries[i]; d.State != state || d.Reason != why {
		w.t.Errorf("delivery %d is %s (%s), want %s (%s); its events: %v", i, d.State, d.Reason, state, why, w.events[d.PushID])
	}
	return w
}

func (w *world) wantWake(want bool) *world {
	w.t.Helper()
	if got := w.last.wake != nil; got != want {
		w.t.Errorf("wake sent: %v, want %v", got, want)
	}
	return w
}

func TestFiftyPushesInAMinuteMakeNoMoreWakesThanTheBurst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0))
	wakes := 0
	for range 50 {
		w.deliveries = append(w.deliveries, waiting())
		for w.after(time.Second); w.last.wake != nil; w.answer(nil) {
			wakes++
		}
	}
	if wakes != 2 {
		t.Errorf("%d wakes left, want 2, the burst", wakes)
	}
	w.want(0, push.Sent, "").want(1, push.Sent, "").want(49, push.Waiting, push.ReasonBudget)
	if w.atDue().wantWake(true); len(w.last.wake.Items) != 48 {
		t.Errorf("the next wake brings %d, want all 48 that wait", len(w.last.wake.Items))
	}
}

func TestAWakeIsCountedBeforeItLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil).wantWake(true)
	if got := len(w.s.device.WakeTimes); got != 1 {
		t.Errorf("%d wakes counted in the commit before the request, want 1", got)
	}
	id := w.last.wake.ID
	w.after(time.Second).wantWake(false) // in flight: nobody sends another
	w.atDue().wantWake(true)             // its node is gone: the same id goes out again, and is not counted twice
	if w.last.wake.ID != id || w.last.wake.Attempt != 2 || len(w.s.device.WakeTimes) != 1 {
		t.Errorf("after a crash: id %s, attempt %d, %d counted; want %s, 2, 1", w.last.wake.ID, w.last.wake.Attempt, len(w.s.device.WakeTimes), id)
	}
}

func TestAFormerProcesssWakeGoesOutAgainAtOnceIfNobodyElseHasTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil)
	id := w.last.wake.ID
	w.s.soleSince = t0.Add(time.Second) // it was killed, and started again
	w.after(time.Second).wantWake(true)
	if w.last.wake.ID != id || w.last.wake.Attempt != 2 {
		t.Errorf("id the same %v, attempt %d; want true, 2", w.last.wake.ID == id, w.last.wake.Attempt)
	}
	w.after(time.Second).wantWake(false) // this one is our own
}

func TestNoReceiptWakesAgainAsOftenAsTheStrategySays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil)
	for i := range 3 {
		w.wantWake(true).answer(nil).want(0, push.Sent, "").wantWake(false)
		if i < 2 {
			if got := w.s.device.DueAt.Sub(w.s.now); got != push.DefaultRewake {
				t.Errorf("after wake %d: due in %s, want %s", i+1, got, push.DefaultRewake)
			}
			w.atDue()
		}
	}
	w.atDue().want(0, push.Expired, push.ReasonTTL)
	if !w.s.now.Equal(t0.Add(24 * time.Hour)) {
		t.Errorf("after the last wake it was looked at at %v, want at its expiry", w.s.now)
	}
}

func TestASessionThatDoesNotAcknowledgeGivesWayToAWake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0, withSession), waiting()).look(nil).want(0, push.Sent, "")
	if len(w.last.session) != 1 || w.last.wake != nil {
		t.Fatalf("%d over the session, wake %v; want 1 and none", len(w.last.session), w.last.wake)
	}
	w.atDue().wantWake(true)
	if !w.last.dead {
		t.Error("the session is not taken for dead")
	}
	if got := w.s.now.Sub(t0); got != 5*time.Second {
		t.Errorf("after %s, want 5s", got)
	}
	want := []push.EventName{"sent", "waiting", "wake_sent"}
	if got := w.events[w.deliveries[0].PushID]; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestANewerSessionIsNotBlamedForTheFormerOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0, withSession), waiting()).look(nil)
	w.s.session = &session{id: "newer", since: t0.Add(time.Second)}
	w.atDue().wantWake(false)
	if w.last.dead || len(w.last.session) != 1 {
		t.Errorf("dead %v, %d over the session; want false, 1", w.last.dead, len(w.last.session))
	}
}

func TestASessionLostWhileItIsGivenPushesGivesWayAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0, withSession), waiting()).look(nil)
	w.s.session, w.s.lost = nil, true
	w.look(nil).wantWake(true).want(0, push.Waiting, push.ReasonSessionLost)
}

func TestDeliveriesHandledMeanwhileNeedNoWake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil).answer(&push.WakeError{Fault: push.FaultProvider, RetryAfter: 15 * time.Minute})
	w.want(0, push.Waiting, push.ReasonRetry).wantWake(false)
	w.deliveries[0].State = push.Handled
	w.atDue().wantWake(false)
	if w.s.device.Wake.State != push.WakeNone || !w.s.device.DueAt.IsZero() {
		t.Errorf("wake %q, due %v; want none, never", w.s.device.Wake.State, w.s.device.DueAt)
	}
}

func TestWhatFollowsARefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		err   push.WakeError
		why   push.Reason
		again time.Duration // until the same wake goes out again; 0: never
		token push.TokenState
	}{
		{"dead token", push.WakeError{Fault: push.FaultToken, Reason: "Unregistered"}, push.ReasonNoToken, 0, push.TokenDead},
		{"dead token, renewed since", push.WakeError{Fault: push.FaultToken, DeadSince: t0.Add(-time.Hour)}, push.ReasonRetry, time.Minute, push.TokenOK},
		{"ours", push.WakeError{Fault: push.FaultCredentials, Reason: "InvalidProviderToken"}, push.ReasonCredentials, time.Minute, push.TokenOK},
		{"none stored", push.WakeError{Fault: push.FaultCredentials, Reason: "no_credentials"}, push.ReasonNoCredentials, time.Minute, push.TokenOK},
		{"never possible", push.WakeError{Fault: push.FaultPush, Reason: "BadTopic"}, push.ReasonRefused, 0, push.TokenOK},
		{"too much for the device", push.WakeError{Fault: push.FaultPace, RetryAfter: time.Minute}, push.ReasonRetry, time.Minute, push.TokenOK},
		{"too much for the app", push.WakeError{Fault: push.FaultQuota, RetryAfter: time.Minute}, push.ReasonQuota, time.Minute, push.TokenOK},
		{"the provider's own", push.WakeError{Fault: push.FaultProvider, RetryAfter: 15 * time.Minute}, push.ReasonRetry, 15 * time.Minute, push.TokenOK},
		{"no answer", push.WakeError{Fault: push.FaultProvider, Unclear: true}, push.ReasonRetry, time.Second, push.TokenOK},
	} {
		s := at(t0)
		s.device.TokenAt = t0.Add(-time.Minute)
		w := newWorld(t, s, waiting()).look(nil)
		id := w.last.wake.ID
		w.answer(&c.err).wantWake(false).want(0, push.Waiting, c.why)
		if w.s.device.Token != c.token {
			t.Errorf("%s: token %s, want %s", c.name, w.s.device.Token, c.token)
		}
		if c.again == 0 {
			if w.s.device.Wake.State != push.WakeNone {
				t.Errorf("%s: a wake is left: %+v", c.name, w.s.device.Wake)
			}
			continue
		}
		if w.atDue().wantWake(true); w.last.wake != nil && (w.last.wake.ID != id || w.last.wake.Attempt != 2 || w.s.now.Sub(t0) != c.again) {
			t.Errorf("%s: id the same %v, attempt %d, after %s; want true, 2, %s", c.name, w.last.wake.ID == id, w.last.wake.Attempt, w.s.now.Sub(t0), c.again)
		}
	}
}

func TestASuspectRefusalTakesEffectLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil).answer(&push.WakeError{Fault: push.FaultSuspect, Reason: "BadDeviceToken"})
	w.wantWake(false).want(0, push.Waiting, push.ReasonRetry)
	if w.s.device.Token != push.TokenOK {
		t.Fatalf("token %s at once, want ok until it is judged", w.s.device.Token)
	}
	w.atDue().want(0, push.Waiting, push.ReasonNoToken)
	if w.s.device.Token != push.TokenDead || w.s.now.Sub(t0) != suspectWait {
		t.Errorf("token %s after %s, want dead after %s", w.s.device.Token, w.s.now.Sub(t0), suspectWait)
	}
	if l := w.s.device.TokenLoss; l.Reason != "BadDeviceToken" || l.Status != 400 || l.Provider != push.APNs || l.WakeID == "" || l.PushID == "" || !l.At.Equal(w.s.now) {
		t.Errorf("the token's loss is %+v; want the refusal of the wake, when it was judged", l)
	}
}

func TestATokenIsKeptIfMostAreRefusedAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0, func(s *situation) { s.tokenBad = func(string) bool { return false } }), waiting())
	w.look(nil).answer(&push.WakeError{Fault: push.FaultSuspect, Reason: "BadDeviceToken"}).atDue()
	w.want(0, push.Waiting, push.ReasonCredentials).wantWake(false)
	if w.s.device.Token != push.TokenOK {
		t.Errorf("token %s, want ok", w.s.device.Token)
	}
	w.s.renewed = w.s.now.Add(-time.Hour)
	w.after(time.Second).wantWake(false) // that was before the refusal
	w.s.renewed = w.s.now
	w.after(time.Second).wantWake(true) // new credentials: what the old ones held up goes
}

func TestATokenRenewedWhileItIsJudgedIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil).answer(&push.WakeError{Fault: push.FaultSuspect, Reason: "BadDeviceToken"})
	w.s.device.TokenGeneration++
	w.after(time.Second).wantWake(true)
	if w.s.device.Token != push.TokenOK {
		t.Errorf("token %s, want ok", w.s.device.Token)
	}
}

func TestALateAnswerIsAnEventOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil)
	stale := &outcome{wake: *w.last.wake, answer: push.Answer{Status: 410, Reason: "Unregistered"}, err: &push.WakeError{Fault: push.FaultToken, Reason: "Unregistered"}}
	w.atDue() // the lease is over: attempt 2 is on its way
	w.look(stale)
	if w.s.device.Token != push.TokenOK || w.s.device.Wake.State != push.WakeSending {
		t.Errorf("token %s, wake %s; want ok, sending", w.s.device.Token, w.s.device.Wake.State)
	}
	if got := w.events[w.deliveries[0].PushID]; !slices.Contains(got, push.EventWakeAnswered) {
		t.Errorf("events %v, want wake_answered among them", got)
	}
}

func TestTheReceiptMayBeFasterThanTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting()).look(nil)
	w.deliveries[0].State = push.Handled
	w.answer(nil).want(0, push.Handled, "")
	if got, want := w.events[w.deliveries[0].PushID], []push.EventName{"wake_sent", "wake_answered"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestNowOrNever(t *testing.T) {
	t.Parallel()
	never := func(d *push.Delivery) { d.NowOrNever, d.ExpiresAt = true, t0.Add(35*time.Second) }
	w := newWorld(t, at(t0), waiting(never)).look(nil).wantWake(true)
	if !w.last.wake.ExpiresAt.IsZero() {
		t.Errorf("the provider may keep the wake until %v, want not at all", w.last.wake.ExpiresAt)
	}
	if got, want := w.last.wake.EndsAt, t0.Add(35*time.Second); !got.Equal(want) {
		t.Errorf("the app takes the wake until %v, want %v", got, want)
	}
	w.answer(nil).want(0, push.Sent, "").atDue().want(0, push.Expired, push.ReasonTTL)

	spent := at(t0, func(s *situation) { s.device.WakeTimes = []time.Time{t0.Add(-2), t0.Add(-1)} })
	newWorld(t, spent, waiting(never), waiting()).look(nil).want(0, push.Expired, push.ReasonBudget).want(1, push.Waiting, push.ReasonBudget)

	held := at(t0, func(s *situation) { s.hold = &hold{push.ReasonQuota, t0.Add(time.Minute)} })
	newWorld(t, held, waiting(never), waiting()).look(nil).want(0, push.Expired, push.ReasonQuota).want(1, push.Waiting, push.ReasonQuota)
	soon := at(t0, func(s *situation) { s.hold = &hold{push.ReasonQuota, t0.Add(20 * time.Second)} })
	newWorld(t, soon, waiting(never)).look(nil).want(0, push.Waiting, push.ReasonQuota)
}

// The same wake is tried again, but for some pushes it would come too late: they end at once, unless the first try may have
// brought them.
func TestNowOrNeverEndsWithTheLastTryThatIsInTime(t *testing.T) {
	t.Parallel()
	never := func(d *push.Delivery) { d.NowOrNever, d.ExpiresAt = true, t0.Add(35*time.Second) }
	for _, c := range []struct {
		err   push.WakeError
		state push.State
		why   push.Reason
	}{
		{push.WakeError{Fault: push.FaultCredentials, Reason: "no_credentials"}, push.Expired, push.ReasonNoCredentials},
		{push.WakeError{Fault: push.FaultCredentials, Reason: "InvalidProviderToken"}, push.Expired, push.ReasonCredentials},
		{push.WakeError{Fault: push.FaultPace, RetryAfter: time.Minute}, push.Expired, push.ReasonRetry},
		{push.WakeError{Fault: push.FaultPace, RetryAfter: 10 * time.Second}, push.Waiting, push.ReasonRetry},
		{push.WakeError{Fault: push.FaultProvider, RetryAfter: 15 * time.Minute, Unclear: true}, push.Waiting, push.ReasonRetry},
	} {
		w := newWorld(t, at(t0), waiting(never), waiting()).look(nil).answer(&c.err)
		w.want(0, c.state, c.why).want(1, push.Waiting, c.why)
		if !w.s.device.DueAt.After(t0) {
			t.Errorf("%+v: due at %v, want later: one delivery waits on", c.err, w.s.device.DueAt)
		}
	}
}

// A later try may be refused clearly; the phone may have what an earlier one carried all the same.
func TestNowOrNeverThatAnEarlierTryMayHaveBroughtStaysOpen(t *testing.T) {
	t.Parallel()
	never := func(d *push.Delivery) { d.NowOrNever, d.ExpiresAt = true, t0.Add(35*time.Second) }
	for name, first := range map[string]func(w *world){
		"unclear": func(w *world) { w.answer(&push.WakeError{Fault: push.FaultProvider, Unclear: true}) },
		"killed":  func(*world) {},
	} {
		w := newWorld(t, at(t0), waiting(never)).look(nil)
		first(w)
		w.deliveries = append(w.deliveries, waiting(never)) // only the second try carries it
		w.atDue().wantWake(true).answer(&push.WakeError{Fault: push.FaultPace, RetryAfter: time.Minute})
		t.Log(name)
		w.want(0, push.Waiting, push.ReasonRetry).want(1, push.Expired, push.ReasonRetry)
		w.atDue().want(0, push.Expired, push.ReasonRetry)
	}
}

func TestAHandlerThatDoesNotReturnIsWokenAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at(t0), waiting(func(d *push.Delivery) { d.State, d.DueAt = push.Received, t0.Add(32*time.Second) })).look(nil)
	w.atDue().wantWake(true).want(0, push.Waiting, push.ReasonNoResult)
	if w.deliveries[0].Unreturned != 1 {
		t.Errorf("unreturned %d, want 1", w.deliveries[0].Unreturned)
	}
}

func TestTheTimelineHasTheRefusalsThatWereMendedAtOnce(t *testing.T) {
	t.Parallel()
	o := &outcome{wake: push.Wake{ID: "w", Provider: push.APNs, Attempt: 1}, answer: push.Answer{
		Status: 200, Mended: []push.Answer{{Status: 403, Reason: "ExpiredProviderToken", ProviderID: "w"}},
	}}
	want := []push.Event{
		{At: t0, Event: push.EventWakeAnswered, WakeID: "w", Provider: push.APNs, Attempt: 1, Status: 403, ProviderReason: "ExpiredProviderToken", ProviderID: "w", Fault: push.FaultCredentials},
		{At: t0, Event: push.EventWakeAnswered, WakeID: "w", Provider: push.APNs, Attempt: 1, Status: 200},
	}
	if got := o.events(t0); !slices.Equal(got, want) {
		t.Errorf("events %+v, want %+v", got, want)
	}
}
