package sdk_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/sdk"
)

// phoneClock is a phone's clock that can be set.
type phoneClock struct{ ahead atomic.Int64 }

func (p *phoneClock) set(ahead time.Duration) { p.ahead.Store(int64(ahead)) }

func (p *phoneClock) on(c *sdk.Config) {
	c.Now = func() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }
}

func TestAClockThatIsPutRightDropsNoWakeAndRunsNoExpiredOne(t *testing.T) {
	t.Parallel()
	for name, was := range map[string]time.Duration{"behind": -2 * time.Hour, "ahead": 2 * time.Hour} {
		for _, restarted := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", in another process"}[restarted], func(t *testing.T) {
				t.Parallel()
				b := newBackend(t)
				dir := t.TempDir()
				var phone phoneClock
				phone.set(was)
				a := openApp(t, b, dir, phone.on).handle().registered()
				phone.set(0)
				if restarted {
					_ = a.Close()
					a = openApp(t, b, dir, phone.on).handle()
				}
				late := b.wake(b.accept("alice", "late", -time.Minute))
				b.expire("late")
				if result, err := a.notified(late); result != sdk.NoData || err != nil {
					t.Errorf("a wake that has expired gave %q, %v; want no_data", result, err)
				}
				phone.set(was) // and wrong again, since when nothing was heard
				good := b.accept("alice", "good", time.Hour)
				if _, err := a.notified(b.wake(good)); err != nil {
					t.Fatal(err)
				}
				b.final(good)
				a.waitFor(t, "background:apns:good")
			})
		}
	}
}

func TestAWakeInDoubtThatCannotBeAskedAboutIsNotRunAndComesAgain(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	var phone phoneClock
	phone.set(-2 * time.Hour)
	a := openApp(t, b, t.TempDir(), phone.on).handle().registered()
	phone.set(0)
	p := b.accept("alice", "1", time.Hour)
	w := b.wake(p)
	b.setDown(true)
	if result, err := a.notified(w); result != sdk.Failed || err == nil {
		t.Errorf("a wake in doubt without a server gave %q, %v; want failed, and why", result, err)
	}
	if got := a.all(); len(got) != 0 {
		t.Errorf("the handlers got %q, want nothing", got)
	}
	b.setDown(false)
	if _, err := a.notified(w); err != nil {
		t.Fatal(err)
	}
	b.final(p)
	a.waitFor(t, "background:apns:1")
}

func TestAWakeThatIsInTimeByBothClocksRunsWithoutTheServer(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	_ = openApp(t, b, dir).handle().registered().Close()
	a := openApp(t, b, dir).handle() // what it knows of the server's time, it remembers
	w := b.wake(b.accept("alice", "1", time.Hour))
	b.setDown(true)
	if _, err := a.notified(w); err != nil {
		t.Errorf("a wake that is in time by all that is known: %v", err)
	}
	a.waitFor(t, "background:apns:1")
}

func TestAQueuedPushInDoubtIsAskedAbout(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	var phone phoneClock
	a := openApp(t, b, t.TempDir(), phone.on)
	release := make(chan struct{})
	a.OnThroughMessageReceived(func(_ context.Context, m sdk.Message) sdk.FetchResult {
		a.add("through", m.Path, m.Extras[sdk.ExtraPayload])
		if m.Extras[sdk.ExtraPayload] == "first" {
			<-release
		}
		return sdk.NewData
	})
	a.registered().open(b, "alice")
	first, late, good := b.accept("alice", "first", 12*time.Hour), b.accept("alice", "late", time.Hour), b.accept("alice", "good", time.Hour)
	for _, p := range []*sent{first, late, good} {
		b.give(p)
	}
	a.waitFor(t, "through:session:first")
	b.wait("all to be acknowledged", func() bool { return len(b.receipts) >= 3 })
	phone.set(2 * time.Hour) // as if the process had been suspended
	b.expire("late")
	close(release)
	b.final(good)
	a.waitFor(t, "through:session:first", "through:session:good")
}

// expire removes a push from the inbox, as the server does when its time to live has ended.
func (b *backend) expire(payload string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.pushes {
		p.final = p.final || p.Payload == payload
	}
}
