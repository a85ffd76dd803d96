package store_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/internal/store/storetest"
	"github.com/hushpush/hush/push"
)

// crashPushEnv names the push whose deliveries the killed process makes.
const crashPushEnv = "HUSH_STORE_CRASH_PUSH"

// expandUntilKilled makes a push's deliveries, and prints a line for each piece.
func expandUntilKilled(s *store.Store, id push.ID) {
	for {
		if _, done, err := s.Expand(context.Background(), push.PushRef{App: "notes", ID: id}, time.Now(), largePiece(), time.Hour); err != nil || done {
			fmt.Println("ended", err)
			os.Exit(1)
		}
		fmt.Println("piece")
	}
}

// largeEnv says how many devices the app "notes" has in the test of a large broadcast. make bench sets a million.
const largeEnv = "HUSH_STORE_LARGE_APP"

var largeApp = func() int {
	if n, err := strconv.Atoi(os.Getenv(largeEnv)); err == nil {
		return n
	}
	return 10_000
}()

// largePiece returns the number of deliveries in a piece of the process that is killed: so few that the kill comes before the end, and
// as many as package delivery requests if there are a million devices.
func largePiece() int { return min(largeApp/40, 16_384) }

func (w *world) manyDevices() {
	w.T.Helper()
	for from := 0; from < largeApp; from += 1000 {
		devices := make([]push.ImportedDevice, 1000)
		for i := range devices {
			token := push.Secret(fmt.Sprintf("%064x", from+i))
			devices[i] = push.ImportedDevice{User: fmt.Sprint("u", from+i), Registration: push.Registration{DeviceID: fmt.Sprintf("d%07d", from+i),
				Platform: push.IOS, BundleID: "b", Environment: push.Production, ProviderToken: &token}}
		}
		for _, r := range w.RegisterMany(storetest.Context(w.T), "notes", devices) {
			if r.Err != nil {
				w.T.Fatal(r.Err)
			}
		}
	}
}

// wantCounted checks that a large push has one delivery per device, and that the stored counts are those of the deliveries' states.
func (w *world) wantCounted(id push.ID) map[push.State]int {
	w.T.Helper()
	found, devices := map[push.State]int{}, map[string]bool{}
	for cursor, more := "", true; more; more = cursor != "" {
		list, next, err := w.Deliveries(storetest.Context(w.T), "notes", id, cursor, 1000)
		if err != nil {
			w.T.Fatal(err)
		}
		for _, d := range list {
			if devices[d.DeviceID] {
				w.T.Errorf("two deliveries for %s", d.DeviceID)
			}
			devices[d.DeviceID] = true
			found[d.State]++
		}
		cursor = next
	}
	if kept, err := w.Counts(storetest.Context(w.T), "notes", id); err != nil || !maps.Equal(kept, found) {
		w.T.Errorf("kept are %v, %v; the deliveries are %v", kept, err, found)
	}
	return found
}

func TestALargeBroadcastIsCancelledInTheMiddle(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.manyDevices()
		p := storetest.PushTo(push.Audience{All: true}, "x")
		w.MustAccept(p)
		ref := push.PushRef{App: "notes", ID: p.ID}
		half := make(chan bool)
		var all sync.WaitGroup
		all.Go(func() {
			for piece := 0; ; piece++ {
				if piece == 3 {
					close(half)
				}
				if _, done, err := w.Expand(storetest.Context(t), ref, time.Now(), 1500, time.Hour); err != nil || done {
					if err != nil || piece < 3 || piece >= largeApp/1000 {
						t.Errorf("ended with piece %d, %v; want it ended by the cancel", piece, err)
					}
					return
				}
			}
		})
		all.Go(func() {
			for i := range 30 { // some are handled before the push is cancelled, and some during that
				w.Handle(fmt.Sprintf("d%07d", i*7), p.ID)
			}
		})
		<-half
		cancelled, _, err := w.Cancel(t.Context(), "notes", p.ID)
		if err != nil {
			t.Fatal(err)
		}
		all.Wait()
		counts := w.wantCounted(p.ID)
		if counts[push.Cancelled] != cancelled || counts[push.Waiting] != 0 {
			t.Errorf("%v, and %d cancelled; want all handled or cancelled", counts, cancelled)
		}
		if final, err := w.Final(storetest.Context(t), "notes", p.ID); !final || err != nil {
			t.Errorf("final %v, %v; want it final", final, err)
		}
	})
}

func TestALargeBroadcastThatIsKilledInTheMiddleGoesOn(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]func(t *testing.T) store.Config{
		"sqlite":   func(t *testing.T) store.Config { return store.Config{DataDir: t.TempDir()} },
		"postgres": func(t *testing.T) store.Config { return store.Config{DatabaseURL: pgtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := cfg(t)
			w := newWorld(t, cfg)
			w.manyDevices()
			goesOn, ends := storetest.PushTo(push.Audience{All: true}, "x"), storetest.PushTo(push.Audience{All: true}, "x")
			for _, p := range []push.Push{goesOn, ends} {
				w.MustAccept(p)
				for _, pieces := range []int{3, 7} {
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
					killExpander(t, cfg, p.ID, pieces)
					w.Store = storetest.Open(t, w.Config)
					if n := w.wantCounted(p.ID)[push.Waiting]; n < pieces*min(largePiece(), 1000) || n >= largeApp {
						t.Errorf("%d deliveries after a kill in the middle, want some", n)
					}
				}
			}
			if _, _, err := w.Cancel(t.Context(), "notes", ends.ID); err != nil {
				t.Fatal(err)
			}
			w.ExpandAll(time.Now(), 500)
			if got, want := w.wantCounted(goesOn.ID), (map[push.State]int{push.Waiting: largeApp}); !maps.Equal(got, want) {
				t.Errorf("made in the end: %v, want %v", got, want)
			}
			if got := w.wantCounted(ends.ID); len(got) != 1 || got[push.Cancelled] == 0 {
				t.Errorf("of the cancelled one: %v, want nothing open", got)
			}
		})
	}
}

// killExpander runs a process that makes a push's deliveries, and kills it after some pieces.
func killExpander(t *testing.T, cfg store.Config, id push.ID, pieces int) {
	t.Helper()
	cmd, pipe := startCrasher(t, cfg, crashPushEnv+"="+string(id))
	lines := bufio.NewScanner(pipe)
	for n := 0; lines.Scan(); {
		if lines.Text() != "piece" {
			t.Errorf("the process said %q, want it killed before it ends", lines.Text())
		}
		if n++; n == pieces {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
}
