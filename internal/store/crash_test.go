package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/internal/store/storetest"
	"github.com/hushpush/hush/push"
)

// The test binary is also the process that is killed. With one of these variables set, it writes to the store that they name.
const (
	crashDirEnv = "HUSH_STORE_CRASH_DIR"
	crashURLEnv = "HUSH_STORE_CRASH_URL"
)

// crashLog is after how many pages SQLite's write-ahead log restarts in that process. They are so few that it is being copied half the
// time, so that kills interrupt copies.
const crashLog = 32

// writeUntilKilled accepts and handles pushes as fast as it can, and prints the id of each push that was acknowledged.
func writeUntilKilled() {
	cfg := store.Config{DataDir: os.Getenv(crashDirEnv), DatabaseURL: os.Getenv(crashURLEnv), Keys: storetest.SealedBy("k1")}
	s, err := store.Open(context.Background(), cfg.ShortLog(crashLog))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	if id := os.Getenv(crashPushEnv); id != "" {
		expandUntilKilled(s, push.ID(id))
	}
	var out sync.Mutex
	for range 16 {
		go func() {
			for {
				p := storetest.PushTo(storetest.ToUsers("alice", "bob"), "x")
				r := s.Accept(context.Background(), []push.AcceptRequest{{Push: p}}, time.Hour, nil)[0]
				if r.Err != nil {
					fmt.Println("error", r.Err)
					os.Exit(1)
				}
				if _, _, err := s.Push(context.Background(), "notes", p.ID); err != nil { // read while others write
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(p.ID)
				out.Unlock()
			}
		}()
	}
	for i := range crashPhones {
		go func() {
			for n := 0; ; n++ {
				p, err := sendShort(s, fmt.Sprint("short", i), fmt.Sprintf("wake-%d-%d-%d", i, os.Getpid(), n))
				out.Lock()
				if err != nil {
					fmt.Println("error", err)
				}
				fmt.Println("short", p)
				out.Unlock()
			}
		}()
	}
	select {}
}

// wakeLease is the lease of the killed process's wakes.
const wakeLease = 10 * time.Second

// crashPhones is how many phones get pushes whose wakes are decided on as they are accepted.
const crashPhones = 3

// sendShort counts a push's wake as the push is accepted, settles the wake's plain 200, and handles the push.
func sendShort(s *store.Store, device, wake string) (push.ID, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	p := storetest.PushTo(storetest.ToDevices(device), "x")
	var left push.Settlement
	r := s.Accept(context.Background(), []push.AcceptRequest{{Push: p}}, time.Hour, func(snap push.Snapshot) push.Changes {
		d, o := snap.Device, snap.Open[0]
		d.Wake = push.Wake{ID: push.ID(wake), State: push.WakeSending, Provider: push.APNs, Attempt: 1, DueAt: now.Add(wakeLease), Pushes: []push.ID{o.PushID}}
		d.WakeTimes, d.DueAt, o.WakeUntil = append(d.WakeTimes, now), now.Add(time.Hour), now.Add(wakeLease)
		left = push.Settlement{Left: &d, Open: []push.Delivery{o}}
		left.Open[0].EventsKept = 1
		return push.Changes{Device: &d, Deliveries: []push.Change{{Delivery: o, Events: []push.Event{{At: now, Event: push.EventWakeSent, WakeID: d.Wake.ID, Attempt: 1}}}}}
	})[0]
	if r.Err != nil || len(r.Accepted.Looked) != 1 {
		return "", fmt.Errorf("accepted %+v, %v; want it looked at", r.Accepted, r.Err)
	}
	answered := left.Open[0].SentBy(now, push.PathAPNs, left.Left.DueAt)
	answered.Delivery.WakeUntil = time.Time{}
	answered.Events = append([]push.Event{{At: now, Event: push.EventWakeAnswered, WakeID: push.ID(wake), Attempt: 1, Status: 200}}, answered.Events...)
	left.Changes.Deliveries = []push.Change{answered}
	if settled, err := s.Settle(context.Background(), left); err != nil || !settled {
		return "", fmt.Errorf("settled %v, %v; want it settled", settled, err)
	}
	_, err := s.Step(context.Background(), push.StepRequest{Key: storetest.Key(device), Named: []push.ID{p.ID}}, func(snap push.Snapshot) push.Changes {
		r := push.Receipt{PushID: p.ID, Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathInbox}
		return push.Changes{Deliveries: []push.Change{snap.Named[0].Receive(now, push.IOS, r)}}
	})
	return p.ID, err
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		surviveKills(t, store.Config{DataDir: t.TempDir()})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		surviveKills(t, store.Config{DatabaseURL: pgtest.URL(t)})
	})
}

func surviveKills(t *testing.T, cfg store.Config) {
	w := newWorld(t, cfg)
	w.AddDevice("notes", "alice", "d1", push.IOS)
	for i := range crashPhones {
		w.AddDevice("notes", fmt.Sprint("of short", i), fmt.Sprint("short", i), push.IOS)
	}
	for round := range 3 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		acknowledged, handled := killWriter(t, cfg, 100*(round+1))
		w.Store = storetest.Open(t, w.Config)
		for _, id := range acknowledged {
			if got := storetest.States(w.AllDeliveries(id)); len(got) != 2 {
				t.Fatalf("round %d: an acknowledged push has the deliveries %q; want alice's and bob's", round, got)
			}
		}
		for _, id := range handled {
			if got := w.AllDeliveries(id); len(got) != 1 || got[0].State != push.Handled || countOf(got[0], push.EventWakeSent) != 1 || countOf(got[0], push.EventWakeAnswered) != 1 {
				t.Fatalf("round %d: a push that was woken for, answered and handled is %+v", round, got)
			}
		}
		flying := w.endShort()
		if cfg.DataDir != "" { // the killed process owned them, and no other can have their wakes
			if keys, err := w.ClaimDevices(storetest.Context(t), time.Now(), time.Second, 10); len(keys) != 1+flying || err != nil {
				t.Errorf("round %d: %d devices due after the start, %v; want alice's, and %d whose wake had no answer", round, len(keys), err, flying)
			}
		}
		w.handleShort()
	}
}

// countOf returns how many events with a name a delivery has.
func countOf(d push.Delivery, name push.EventName) (n int) {
	for _, e := range d.Events {
		if e.Event == name {
			n++
		}
	}
	return n
}

// endShort looks at the phones that sendShort uses, and returns how many have a wake in flight. It may only be the wake that was counted
// for the push that is open there.
func (w *world) endShort() (flying int) {
	w.T.Helper()
	for i := range crashPhones {
		snap, err := w.PeekDevice(storetest.Context(w.T), storetest.Key(fmt.Sprint("short", i)), 10)
		if err != nil || len(snap.Open) > 1 {
			w.T.Fatalf("open on a phone: %+v, %v; want one push at most", snap.Open, err)
		}
		if len(snap.Open) == 0 || snap.Open[0].State == push.Sent {
			if snap.Device.Wake.State != push.WakeNone {
				w.T.Errorf("a phone whose last wake is answered has %+v in flight", snap.Device.Wake)
			}
			continue
		}
		flying++
		d := w.AllDeliveries(snap.Open[0].PushID)[0]
		if wake := snap.Device.Wake; wake.State != push.WakeSending || countOf(d, push.EventWakeSent) != 1 || d.Events[len(d.Events)-1].WakeID != wake.ID {
			w.T.Errorf("a push that waits for its wake's answer has the timeline %+v, and in flight is %+v; want that wake", d.Events, wake)
		}
		if n := len(snap.Device.WakeTimes); n == 0 || !snap.Device.WakeTimes[n-1].Equal(d.Events[len(d.Events)-1].At) {
			w.T.Errorf("the wake at %v is not the last of those counted: %v", d.Events[len(d.Events)-1].At, snap.Device.WakeTimes)
		}
	}
	return flying
}

// handleShort ends the open deliveries on those phones, so that no wake is in flight.
func (w *world) handleShort() {
	w.T.Helper()
	for i := range crashPhones {
		device := fmt.Sprint("short", i)
		_, err := w.Step(storetest.Context(w.T), push.StepRequest{Key: storetest.Key(device), OpenLimit: 10}, func(snap push.Snapshot) push.Changes {
			snap.Device.Wake, snap.Device.DueAt = push.Wake{}, time.Time{}
			c := push.Changes{Device: &snap.Device}
			for _, o := range snap.Open {
				o.WakeUntil = time.Time{}
				c.Deliveries = append(c.Deliveries, o.Receive(time.Now(), push.IOS, push.Receipt{PushID: o.PushID, Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathInbox}))
			}
			return c
		})
		if err != nil {
			w.T.Fatal(err)
		}
	}
}

// startCrasher starts this program as the process to be killed, with additional environment variables, and returns its output.
func startCrasher(t *testing.T, cfg store.Config, env ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) // however long the disk takes
	cmd.Env = append(append(os.Environ(), crashDirEnv+"="+cfg.DataDir, crashURLEnv+"="+cfg.DatabaseURL), env...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, pipe
}

// killWriter runs a writing process and kills it after some acknowledged pushes. It returns all acknowledged pushes, and those of
// sendShort that were handled.
func killWriter(t *testing.T, cfg store.Config, after int) (ids, handled []push.ID) {
	t.Helper()
	cmd, pipe := startCrasher(t, cfg)
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the end, or an incomplete line
		}
		if strings.HasPrefix(line, "error") {
			t.Fatal(line)
		}
		if id, short := strings.CutPrefix(strings.TrimSpace(line), "short "); short {
			handled = append(handled, push.ID(id))
			continue
		}
		ids = append(ids, push.ID(strings.TrimSpace(line)))
		if len(ids) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if len(ids) < after {
		t.Fatalf("the writer ended by itself after %d pushes", len(ids))
	}
	return ids, handled
}
