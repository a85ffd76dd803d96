package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/proxy/proxytest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/sdk"
)

// TestAWakeThatWasCountedSurvivesAKillBeforeAndAfterItsRequest kills a server that has answered 202 and committed the wake, once
// while APNs cannot be reached, and once when APNs has the request and its answer has not come. The next process cannot tell which
// it was. It sends the same wake again, which the budget counts once. On SQLite it does so at its start; on PostgreSQL, where another
// node may have the wake in hand, only when the lease is over.
func TestAWakeThatWasCountedSurvivesAKillBeforeAndAfterItsRequest(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		w := wakeBehindGate(t)
		w.gate.requests.hold()
		id := w.hush.Send(t, "alice", "patient", "unsent")
		w.waitSent(id, 1)
		w.gate.waitAsked(t)
		killedAt := time.Now()
		w.hush.Kill(t)
		readyAt := time.Now()
		w.waitSent(id, 2)
		if got := w.hush.APNs.Requests(); len(got) != 0 {
			t.Fatalf("APNs got %d requests while it could not be reached", len(got))
		}
		w.gate.requests.release()
		d := w.hush.WaitState(t, id, push.Handled).Deliveries[0]
		w.checkWake(id, d, w.hush.APNs.Requests(), 1)
		w.checkStart(d, killedAt, readyAt)
		w.wantCounted(d.DeviceID, 1)
	})
	t.Run("after", func(t *testing.T) {
		t.Parallel()
		w := wakeBehindGate(t)
		w.hush.WaitState(t, w.hush.Send(t, "alice", "patient", "opens the connection"), push.Handled)
		w.phone.SetOnline(false) // APNs takes what comes, and the phone cannot tell of it
		w.gate.answers.hold()
		id := w.hush.Send(t, "alice", "patient", "unanswered")
		w.waitStored(2)
		killedAt := time.Now()
		w.hush.Kill(t)
		readyAt := time.Now()
		w.waitSent(id, 2)
		w.gate.answers.release()
		w.waitStored(3)
		w.phone.SetOnline(true)
		d := w.hush.WaitState(t, id, push.Handled).Deliveries[0]
		w.checkWake(id, d, w.hush.APNs.Requests()[1:], 2)
		w.checkStart(d, killedAt, readyAt)
		w.wantCounted(d.DeviceID, 2)
	})
}

// gatedWorld is a server that is a process, the gate before its APNs, and one phone.
type gatedWorld struct {
	t     *testing.T
	hush  *hushtest.Server
	gate  *gate
	phone *phonetest.Phone

	mu      sync.Mutex
	handled []string // push ids, in the order handled; guarded by mu
}

func wakeBehindGate(t *testing.T) *gatedWorld {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &gatedWorld{t: t}
	w.hush = hushtest.Start(t, hushtest.Command(self, asHush+"=1"), hushtest.RetryWait(time.Second), hushtest.Proxy(func(apns, fcm string) string {
		w.gate = startGate(t, apns)
		return proxytest.Start(t, map[string]string{
			"api.push.apple.com:443": w.gate.ln.Addr().String(), "fcm.googleapis.com:443": fcm, "oauth2.googleapis.com:443": fcm,
		}).URL
	}))
	patient := protocol.Resource{APNs: &protocol.Strategy{Budget: &protocol.Budget{Wakes: 100, Per: "1h", Burst: 100}}}
	if _, _, err := w.hush.PutResource(t.Context(), hushtest.App, "patient", patient); err != nil {
		t.Fatal(err)
	}
	w.phone = w.hush.Phone(t, "alice", phonetest.IOS, func(_ context.Context, m sdk.Message) sdk.FetchResult {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.handled = append(w.handled, m.ID)
		return sdk.NewData
	})
	return w
}

// waitSent waits until a try of the push's wake is committed, counted from 1.
func (w *gatedWorld) waitSent(id string, attempt int) {
	w.t.Helper()
	w.hush.WaitFor(w.t, id, fmt.Sprintf("sent for the time %d", attempt), func(p protocol.Push) bool {
		return len(p.Deliveries) == 1 && len(sent(p.Deliveries[0])) >= attempt
	})
}

// waitStored waits until APNs has so many requests, and keeps the last for the phone.
func (w *gatedWorld) waitStored(n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hushtest.Wait)
	defer cancel()
	err := w.hush.APNs.WaitFor(ctx, func(got []apnstest.Request) bool { return len(got) >= n && got[n-1].Outcome == "stored" })
	if err != nil {
		w.t.Fatalf("APNs did not take request %d: %v", n, err)
	}
}

// wakeLease is how long a wake is its process's own; see internal/delivery.
const wakeLease = 16 * time.Second

// checkWake checks that the push's wake kept its id through all its tries, and that the push was handled once. requests are those
// that APNs got for the push, of which there should be want.
func (w *gatedWorld) checkWake(id string, d protocol.Delivery, requests []apnstest.Request, want int) {
	w.t.Helper()
	tries := sent(d)
	for i, e := range tries {
		if e.WakeID != tries[0].WakeID || e.Attempt != i+1 {
			w.t.Errorf("try %d is attempt %d of wake %s; want one wake, %s, through all tries", i+1, e.Attempt, e.WakeID, tries[0].WakeID)
		}
	}
	if len(requests) != want {
		w.t.Errorf("APNs got %d requests for the push, want %d", len(requests), want)
	}
	for _, r := range requests {
		if got := r.Headers["apns-id"]; !strings.EqualFold(got, string(tries[0].WakeID)) {
			w.t.Errorf("APNs got apns-id %s, want the wake's, %s", got, tries[0].WakeID)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	ran := 0
	for _, h := range w.handled {
		if h == id {
			ran++
		}
	}
	if ran != 1 {
		w.t.Errorf("the handler ran %d times for the push, want once", ran)
	}
}

// checkStart checks that the next process, ready at readyAt, has sent the wake again without waiting for the lease of the killed one.
// One that was long in starting cannot tell.
func (w *gatedWorld) checkStart(d protocol.Delivery, killedAt, readyAt time.Time) {
	w.t.Helper()
	tries := sent(d)
	next := slices.IndexFunc(tries, func(e protocol.Event) bool { return e.At.After(killedAt) })
	if next < 1 {
		w.t.Fatalf("the tries are %+v; want one before the kill at %s, and one after it", tries, killedAt)
	}
	over := tries[next-1].At.Add(wakeLease)
	if again := tries[next].At; readyAt.Before(over.Add(-wakeLease/2)) && !again.Before(over) {
		w.t.Errorf("the process was ready at %s and tried the wake again at %s, after its lease was over; want it due at the start", readyAt, again)
	}
}

// wantCounted compares how many wakes the device's budget has counted.
func (w *gatedWorld) wantCounted(device string, want int) {
	w.t.Helper()
	x, err := w.hush.ExplainDevice(w.t.Context(), hushtest.App, device)
	if err != nil {
		w.t.Fatal(err)
	}
	if x.WakesLastHour != want {
		w.t.Errorf("%d wakes are counted, want %d: a wake is counted once, however often it is tried", x.WakesLastHour, want)
	}
}

// sent returns the tries of wakes on a delivery's timeline.
func sent(d protocol.Delivery) (tries []protocol.Event) {
	for _, e := range d.Events {
		if e.Event == push.EventWakeSent {
			tries = append(tries, e)
		}
	}
	return tries
}

// gate leads to a provider, and holds what is asked or what is answered while it is told to.
type gate struct {
	requests, answers latch

	ln    net.Listener
	to    string
	asked atomic.Int64 // connections
	ended context.Context
	work  sync.WaitGroup
}

func startGate(t *testing.T, to string) *gate {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{requests: newLatch(), answers: newLatch(), ln: ln, to: to, ended: t.Context()}
	g.work.Go(g.accept)
	t.Cleanup(func() {
		ln.Close()
		g.work.Wait()
	})
	return g
}

func (g *gate) accept() {
	for {
		from, err := g.ln.Accept()
		if err != nil {
			return
		}
		g.asked.Add(1)
		to, err := net.Dial("tcp", g.to)
		if err != nil {
			from.Close()
			continue
		}
		stop := context.AfterFunc(g.ended, func() { from.Close(); to.Close() })
		g.work.Go(func() { g.relay(to, from, g.requests) })
		g.work.Go(func() {
			defer stop()
			g.relay(from, to, g.answers)
		})
	}
}

// relay takes bytes through a latch until either side is gone.
func (g *gate) relay(to, from net.Conn, through latch) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !through.pass(g.ended) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// waitAsked waits for a connection to come.
func (g *gate) waitAsked(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(hushtest.Wait); g.asked.Load() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no connection to APNs was asked for within %s", hushtest.Wait)
		}
	}
}

// latch holds its token while it is open.
type latch chan struct{}

func newLatch() latch {
	l := make(latch, 1)
	l.release()
	return l
}

func (l latch) hold()    { <-l }
func (l latch) release() { l <- struct{}{} }

// pass waits until the latch is open; false: ctx ended first.
func (l latch) pass(ctx context.Context) bool {
	select {
	case <-l:
		l <- struct{}{}
		return true
	case <-ctx.Done():
		return false
	}
}
