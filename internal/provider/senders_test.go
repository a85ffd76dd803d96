package provider_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

// door is a sender of which only its closing is of interest.
type door struct {
	provider.Sender

	team   string
	mu     sync.Mutex
	closed bool
}

func (d *door) Close(context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

func (d *door) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

func team(id string, topics ...string) push.Credential {
	return push.Credential{APNs: &push.APNsCredential{TeamID: id, Topics: topics}}
}

type doors struct {
	*provider.Senders
	t     *testing.T
	creds *wakertest.Credentials
	mu    sync.Mutex
	now   time.Time
}

func newDoors(t *testing.T) *doors {
	d := &doors{t: t, creds: &wakertest.Credentials{}, now: time.Unix(1_000_000, 0)}
	clock := func() time.Time {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.now
	}
	d.Senders = provider.NewSenders(d.creds, push.APNs, clock, time.Second, func(_ string, c push.Credential) (provider.Sender, error) {
		if c.APNs.TeamID == "bad" {
			return nil, push.FieldErrors{{Location: "key"}}
		}
		return &door{team: c.APNs.TeamID}, nil
	})
	t.Cleanup(d.Close)
	return d
}

func (d *doors) later(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *doors) of(app string) *door {
	d.t.Helper()
	s, err := d.Of(d.t.Context(), app)
	if err != nil {
		d.t.Fatal(err)
	}
	return s.(*door)
}

func TestAppsWithTheSameCredentialShareASender(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	d.creds.Put("a", team("one", "topic.a"))
	d.creds.Put("b", team("one", "topic.b"))
	d.creds.Put("c", team("two"))
	if d.of("a") != d.of("b") || d.of("a") == d.of("c") {
		t.Error("got senders not shared by credential, want one for a and b, whatever their topics, and another for c")
	}
}

func TestASenderThatNoAppHasAnyMoreIsClosed(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	d.creds.Put("a", team("one"))
	d.creds.Put("b", team("one"))
	old := d.of("a")
	d.of("b")
	d.creds.Put("a", team("two"))
	d.later(time.Minute)
	if got := d.of("a"); got.team != "two" || old.isClosed() {
		t.Errorf("got team %s, the old sender closed %v; want two, and false while b has it", got.team, old.isClosed())
	}
	d.creds.Put("b", team("two"))
	if got := d.of("b"); got.team != "two" {
		t.Errorf("got team %s, want two", got.team)
	}
	waitFor(t, "the old sender is closed", old.isClosed)
}

func TestForgettingAnAppClosesItsSenderForAll(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	d.creds.Put("a", team("one"))
	d.creds.Put("b", team("one"))
	old := d.of("a")
	d.of("b")
	d.Forget("a")
	if d.of("a") == old || d.of("b") == old {
		t.Error("got the forgotten sender, want a new one")
	}
	waitFor(t, "the old sender is closed", old.isClosed)
}

func TestADeletedOrBadCredentialHasNoSender(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	if _, err := d.Of(t.Context(), "a"); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	d.creds.Put("a", team("one"))
	old := d.of("a")
	d.creds.Fail(push.ErrNotFound)
	d.Doubt("a")
	if _, err := d.Of(t.Context(), "a"); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound once it is deleted", err)
	}
	waitFor(t, "its sender is closed", old.isClosed)
	d.creds.Fail(nil)
	d.creds.Put("a", team("bad"))
	var errs push.FieldErrors
	if _, err := d.Of(t.Context(), "a"); !errors.As(err, &errs) {
		t.Errorf("got %v, want field errors", err)
	}
	d.Close()
	if _, err := d.Of(t.Context(), "a"); !errors.Is(err, push.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable after Close", err)
	}
}

func TestWhileOneAsksTheStoreTheOthersGoOn(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	d.creds.Put("a", team("one"))
	d.of("a")
	d.later(time.Minute)
	asked := d.creds.Asked()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { d.of("a") })
	}
	wg.Wait()
	if n := d.creds.Asked() - asked; n != 1 {
		t.Errorf("got %d questions, want 1", n)
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	const long = 30 * time.Second
	for end := time.Now().Add(long); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for: %s", long, what)
		}
	}
}

func TestEachCredentialHasASenderOfItsOwn(t *testing.T) {
	t.Parallel()
	creds := []push.Credential{
		{APNs: &push.APNsCredential{Key: "k", KeyID: "i", TeamID: "t"}}, {APNs: &push.APNsCredential{Key: "ki", TeamID: "t"}},
		{APNs: &push.APNsCredential{P12: []byte("k")}}, {APNs: &push.APNsCredential{Password: "k"}},
		{FCM: &push.FCMCredential{ServiceAccount: []byte("k")}}, {FCM: &push.FCMCredential{ServiceAccount: []byte("{}")}},
	}
	of := map[string]int{}
	for i, c := range creds {
		id := provider.Identity(c)
		if other, there := of[id]; there {
			t.Errorf("credentials %d and %d have one sender", other, i)
		}
		of[id] = i
	}
	named := creds[0]
	named.APNs = &push.APNsCredential{Key: "k", KeyID: "i", TeamID: "t", Topics: []string{"com.example"}}
	if provider.Identity(named) != provider.Identity(creds[0]) {
		t.Error("a credential has another sender for its topics; want the same")
	}
}
