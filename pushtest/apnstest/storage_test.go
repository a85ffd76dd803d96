package apnstest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// inbox is a phone that keeps what it gets.
type inbox struct {
	mu  sync.Mutex
	got []apnstest.Notification
}

func (i *inbox) deliver(n apnstest.Notification) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, n)
}

func (i *inbox) all() []apnstest.Notification {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got)
}

func expires(in time.Duration) func(*http.Request) {
	return header("apns-expiration", strconv.FormatInt(time.Now().Add(in).Unix(), 10))
}

func TestAnOnlinePhoneGetsWhatWasSent(t *testing.T) {
	t.Parallel()
	w, phone := setup(t), &inbox{}
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
	w.send(header("apns-id", "eabeae54-14a8-11e5-b60b-1697f925ec7b"), header("apns-collapse-id", "c"), header("apns-expiration", "0"))
	got := phone.all()
	if len(got) != 1 {
		t.Fatalf("the phone got %d notifications, want 1", len(got))
	}
	n := got[0]
	if n.ID != "eabeae54-14a8-11e5-b60b-1697f925ec7b" || n.RequestID != "1" || n.Token != token(1) || n.Topic != topic ||
		n.PushType != "background" || n.Priority != 5 || n.CollapseID != "c" || string(n.Payload) != ping || !n.Once || n.Stored {
		t.Errorf("got %+v", n)
	}
	if st := w.state(token(1)); !slices.Equal(st.Delivered, []string{"1"}) || len(st.Stored) != 0 {
		t.Errorf("state %+v, want request 1 delivered", st)
	}
	if got := w.outcome(1); got != "delivered" {
		t.Errorf("outcome %q", got)
	}
}

func TestOneNotificationWaitsForAPhoneThatIsOffline(t *testing.T) {
	t.Parallel()
	w, phone := setup(t), &inbox{}
	w.register(apnstest.Token{Token: token(1), Deliver: phone.deliver})
	w.send().mustBe(t, 200, "", "off-line")
	w.send(body(`{"aps":{},"n":2}`)).mustBe(t, 200, "", "a newer one")
	if st := w.state(token(1)); !slices.Equal(st.Stored, []string{"2"}) {
		t.Errorf("stored %v, want the newer one alone", st.Stored)
	}
	if err := w.SetOnline(token(1), true); err != nil {
		t.Fatal(err)
	}
	got := phone.all()
	if len(got) != 1 || !got[0].Stored || string(got[0].Payload) != `{"aps":{},"n":2}` {
		t.Errorf("on-line again it got %+v, want the newer one from storage", got)
	}
	if w.outcome(1) != "replaced" || w.outcome(2) != "delivered" {
		t.Errorf("outcomes %q, %q; want replaced, delivered", w.outcome(1), w.outcome(2))
	}
}

func TestStoredNotificationsExpire(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		expires func(*http.Request)
		advance time.Duration
		want    string
	}{
		{"now or never", header("apns-expiration", "0"), 0, "discarded"},
		{"in the past", expires(-time.Hour), 0, "discarded"},
		{"within its time", expires(2 * time.Hour), time.Hour, "stored"},
		{"over its time", expires(2 * time.Hour), 2*time.Hour + time.Second, "discarded"},
		{"without one, 29 days", func(*http.Request) {}, 29 * 24 * time.Hour, "stored"},
		{"without one, 30 days", func(*http.Request) {}, 30*24*time.Hour + time.Second, "discarded"},
		{"at the end of what can be counted", header("apns-expiration", "9223372036854775807"), time.Hour, "stored"},
		{"in a year, 31 days", expires(365 * 24 * time.Hour), 31 * 24 * time.Hour, "discarded"},
	} {
		w := setup(t)
		w.SetOnline(token(1), false)
		w.Advance(40 * 24 * time.Hour) // the sender's clock is real, whatever time it is here
		w.send(tc.expires).mustBe(t, 200, "", tc.name)
		w.Advance(tc.advance)
		if got := w.outcome(1); got != tc.want {
			t.Errorf("%s: outcome %q, want %q", tc.name, got, tc.want)
		}
		if waits := len(w.state(token(1)).Stored) == 1; waits != (tc.want == "stored") {
			t.Errorf("%s: stored %v", tc.name, w.state(token(1)).Stored)
		}
	}
}

func TestAPowerRestrictionHoldsBackWhatIsNotUrgent(t *testing.T) {
	t.Parallel()
	w, phone := setup(t), &inbox{}
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: phone.deliver})
	w.SetPowerRestricted(token(1), true)
	w.send()
	w.send()
	w.send(header("apns-priority", "10"), header("apns-push-type", "alert"))
	if got := phone.all(); len(got) != 1 || got[0].Priority != 10 {
		t.Fatalf("restricted it got %+v, want the urgent one alone", got)
	}
	w.Release(token(1))
	if got := phone.all(); len(got) != 2 || got[1].RequestID != "2" {
		t.Fatalf("released it got %+v, want the newer of those that waited as well", got)
	}
	w.send()
	if got := w.outcome(4); got != "stored" {
		t.Errorf("after Release: outcome %q; the restriction should stand", got)
	}
	w.SetPowerRestricted(token(1), false)
	if got := w.outcome(4); got != "delivered" {
		t.Errorf("lifted: outcome %q, want delivered", got)
	}
}

func TestOneNotificationIsInFlightAndTheNewestFollows(t *testing.T) {
	t.Parallel()
	w := setup(t)
	began, acknowledge := make(chan string, 9), make(chan struct{})
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: func(n apnstest.Notification) {
		began <- n.RequestID
		<-acknowledge
	}})
	done := make(chan struct{})
	go func() {
		w.try(w.request())
		close(done)
	}()
	if got := <-began; got != "1" {
		t.Fatalf("the first in flight is %s", got)
	}
	w.client = w.Client() // the first answer waits for the phone
	defer w.client.CloseIdleConnections()
	w.send(header("apns-expiration", "0"))
	w.send()
	if got := w.outcome(2); got != "replaced" {
		t.Errorf("the second, overwritten in flight: outcome %q", got)
	}
	close(acknowledge)
	if got := <-began; got != "3" {
		t.Errorf("after the acknowledgement %s followed, want 3", got)
	}
	<-done
}

func TestAnAppThatIsGoneIsFoundOutByTheNextDelivery(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.SetOnline(token(1), false)
	w.Uninstall(token(1))
	w.send().mustBe(t, 200, "", "while the phone is off-line")
	w.send().mustBe(t, 200, "", "nobody knows yet")
	before := w.Now()
	w.SetOnline(token(1), true)
	if got := w.outcome(2); got != "discarded" {
		t.Errorf("outcome %q, want discarded", got)
	}
	a := w.send()
	a.mustBe(t, 410, "Unregistered", "after it was found out")
	if at := time.UnixMilli(a.Timestamp); at.Before(before.Add(-time.Millisecond)) || at.After(w.Now()) {
		t.Errorf("timestamp %s, want between %s and now", at, before)
	}
	if err := w.Renew(token(1)); err != nil {
		t.Fatal(err)
	}
	w.send().mustBe(t, 200, "", "the app is there again with the same token")

	w = setup(t, apnstest.Set("uninstall.delay", "48h"))
	w.Uninstall(token(1))
	w.send().mustBe(t, 200, "", "finds out")
	w.Advance(47 * time.Hour)
	w.send().mustBe(t, 200, "", "still answered")
	w.Advance(2 * time.Hour)
	w.send().mustBe(t, 410, "Unregistered", "two days later")
}

func TestRetiredTokensAreGoneSince(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.SetOnline(token(1), false)
	w.send()
	at := time.Date(2026, 1, 2, 15, 4, 5, 678e6, time.UTC)
	if err := w.Retire(token(1), apnstest.ExpiredToken, at); err != nil {
		t.Fatal(err)
	}
	a := w.send()
	a.mustBe(t, 410, "ExpiredToken", "retired")
	if a.Timestamp != at.UnixMilli() {
		t.Errorf("timestamp %d, want %d", a.Timestamp, at.UnixMilli())
	}
	if got := w.outcome(1); got != "discarded" {
		t.Errorf("what waited: outcome %q, want discarded", got)
	}
	if err := w.Retire(token(1), apnstest.BadTopic, at); err == nil {
		t.Error("a token was retired for BadTopic")
	}
	w.Forget(token(1))
	w.send().mustBe(t, 400, "BadDeviceToken", "forgotten")
}

func TestWhenSeveralComeAtOnceTheOlderOneMayStay(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("storage.replace", "usually"))
	w.SetOnline(token(1), false)
	older := 0
	for i := 1; i <= 200; i++ {
		w.send()
		if st := w.state(token(1)); len(st.Stored) != 1 {
			t.Fatalf("stored %v, want one", st.Stored)
		} else if st.Stored[0] != fmt.Sprint(i) {
			older++
		}
	}
	if older == 0 || older > 150 {
		t.Errorf("the older one stayed %d times of 200", older)
	}
}

func TestAPhoneMayCallTheSimulatorFromDeliver(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.register(apnstest.Token{Token: token(1), Online: true, Deliver: func(n apnstest.Notification) {
		w.SetOnline(n.Token, false)
		w.State(n.Token)
	}})
	w.send().mustBe(t, 200, "", "the phone goes off-line")
	w.send()
	if got := w.outcome(2); got != "stored" {
		t.Errorf("outcome %q, want stored", got)
	}
}

func TestTheOlderNotificationMayStay(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("storage.replace", "usually"), apnstest.Set("storage.replace.odds", "0"), apnstest.Set("storage.replace.within", "1m"))
	w.StopClock()
	w.register(apnstest.Token{Token: token(1)})
	w.send().mustBe(t, 200, "", "the first")
	w.send().mustBe(t, 200, "", "at once")
	w.Advance(time.Minute)
	w.send().mustBe(t, 200, "", "a minute later")
	if got, want := []string{w.outcome(1), w.outcome(2), w.outcome(3)}, []string{"replaced", "replaced", "stored"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v: the second gave way to the first, and that to the third", got, want)
	}
}
