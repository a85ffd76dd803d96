package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

// age moves the clock of the server ahead, so that its keys are old.
func (b *backend) age(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.skew += d
}

func (b *backend) sealKey(user string) string {
	return b.device(user).SealKeyID
}

func TestAWakeOnItsWayAcrossARotationOpensWithTheOlderKey(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	first := b.sealKey("alice")
	onItsWay := b.wake(b.accept("alice", "on its way", 60*24*time.Hour))
	b.age(push.WakeKeyAge)
	a.registered() // brings the second key
	if b.sealKey("alice") != first {
		t.Error("the new key seals before the device has named it")
	}
	between := b.wake(b.accept("alice", "between", time.Hour))
	a.registered() // names the second key
	if b.sealKey("alice") == first {
		t.Error("the first key seals after the device has named the second")
	}
	after := b.wake(b.accept("alice", "after", time.Hour))
	b.setDown(true) // all three open without a network
	a.notified(onItsWay)
	a.notified(between)
	a.notified(after)
	a.waitFor(t, "background:apns:on its way", "background:apns:between", "background:apns:after")
}

func TestAKeyWhoseAnswerWasLostComesWithTheNextRegistration(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	var lose atomic.Bool
	dir := t.TempDir()
	a := openApp(t, b, dir, func(c *sdk.Config) {
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err == nil && lose.Load() && r.Method == http.MethodPut {
				_ = answer.Body.Close()
				return nil, errors.New("the process was killed before it had the answer")
			}
			return answer, err
		})}
	}).handle().registered()
	b.age(push.WakeKeyAge)
	lose.Store(true)
	if err := a.RegisterPush(context.Background(), sdk.Registration{ProviderToken: "ff00", BundleID: "com.example.notes", Environment: sdk.Production}); err == nil {
		t.Fatal("the answer was not lost")
	}
	_ = a.Close()
	b.setDown(true)
	a = openApp(t, b, dir).handle()
	a.notified(b.wake(b.accept("alice", "with the old key", time.Hour)))
	b.setDown(false)
	a.registered() // names the old key, and gets the new one
	a.registered()
	if now := b.device("alice"); now.SealKeyID != now.WakeKeyID {
		t.Error("the device has not named the newest key")
	}
	a.notified(b.wake(b.accept("alice", "with the new key", time.Hour)))
	a.waitFor(t, "background:apns:with the old key", "background:apns:with the new key")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestProcessesOfOneAppShareItsKeys(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	early := openApp(t, b, dir).handle() // before the device is registered
	other := openApp(t, b, dir).handle().registered()
	early.notified(b.wake(b.accept("alice", "1", time.Hour)))
	b.age(push.WakeKeyAge)
	other.registered()
	other.registered()
	early.notified(b.wake(b.accept("alice", "2", time.Hour)))
	early.waitFor(t, "background:apns:1", "background:apns:2")
}

func TestAWakeThatOvertakesTheRegistrationWaitsForIt(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	held, release := make(chan struct{}), make(chan struct{})
	a := openApp(t, b, t.TempDir(), func(c *sdk.Config) {
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := http.DefaultTransport.RoundTrip(r)
			if r.Method == http.MethodPut {
				close(held)
				<-release
			}
			return answer, err
		})}
	}).handle()
	registered := make(chan struct{})
	go func() { defer close(registered); a.registered() }()
	<-held // the server has the device, the SDK not yet the answer
	woken := make(chan struct{})
	go func() { defer close(woken); a.notified(b.wake(b.accept("alice", "early", time.Hour))) }()
	close(release)
	<-registered
	<-woken
	a.waitFor(t, "background:apns:early")
	if n := b.count("POST /v1/foreign-wakes"); n != 0 {
		t.Errorf("%d reports, want none", n)
	}
}

func TestAWakeThatCannotBeOpenedIsReportedOnceAndDropped(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	a := openApp(t, b, dir).handle().registered()
	foreign := sealed(t, wakeKey(push.DeviceKey{Device: "another"}, "k"), carrying(b.accept("alice", "foreign", time.Hour)))
	for range 2 {
		if result, err := a.notified(foreign); result != sdk.NoData || err != nil {
			t.Errorf("a foreign wake gave %q, %v; want no_data", result, err)
		}
	}
	_ = a.Close()
	a = openApp(t, b, dir).handle()
	a.notified(foreign)
	if n := b.count("POST /v1/foreign-wakes"); n != 1 {
		t.Errorf("%d reports of one wake, want 1", n)
	}
	if got := a.all(); len(got) != 0 {
		t.Errorf("the handlers got %q, want nothing", got)
	}
}

func TestAKeyThatThePhoneLostComesWithTheReportAndTheInboxIsRead(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	b.mu.Lock() // the server seals with a key that this copy of the directory never had
	for _, d := range b.devices {
		d.WakeKeyID, d.SealKeyID = "unknown to the phone", "unknown to the phone"
		b.keys[d.SealKeyID] = push.WakeKeyOwner{DeviceKey: d.Key(), OwnerGeneration: d.OwnerGeneration}
	}
	b.mu.Unlock()
	a.notified(b.wake(b.accept("alice", "1", time.Hour)))
	a.waitFor(t, "background:inbox:1")
	b.setDown(true)
	a.notified(b.wake(b.accept("alice", "2", time.Hour)))
	a.waitFor(t, "background:inbox:1", "background:apns:2")
}

func TestANewerWakeIsABell(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	a := openApp(t, b, t.TempDir()).handle().registered()
	b.accept("alice", "1", time.Hour)
	info, _ := json.Marshal(map[string]any{"hush": map[string]any{"v": 3, "k": 7, "more": []int{1}}})
	if ours, _, err := a.HandleRemoteNotification(context.Background(), info); !ours || err != nil {
		t.Errorf("a newer wake: ours %v, %v", ours, err)
	}
	a.waitFor(t, "background:inbox:1")
	old, _ := json.Marshal(map[string]any{"hush": map[string]any{"v": 1, "gen": 1, "pushes": []map[string]string{{"id": "p", "payload": "in clear"}}}})
	if _, _, err := a.HandleRemoteNotification(context.Background(), old); err == nil {
		t.Error("a wake in clear was taken")
	}
	a.waitFor(t, "background:inbox:1")
}
