package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// The test binary is also the process that is killed: with one of these set it writes to the store that they name.
const (
	crashDirEnv = "HUSH_STORE_CRASH_DIR"
	crashURLEnv = "HUSH_STORE_CRASH_URL"
)

// crashLog is how many pages SQLite's write-ahead log has there before it begins anew: few, so that it is being copied half of
// the time, and any kill meets that.
const crashLog = 32

// writeUntilKilled accepts and handles pushes as fast as it can, and prints the id of each push that was acknowledged.
func writeUntilKilled() {
	cfg := store.Config{DataDir: os.Getenv(crashDirEnv), DatabaseURL: os.Getenv(crashURLEnv), Keys: sealedBy("k1")}
	s, err := store.Open(context.Background(), cfg.ShortLog(crashLog))
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var out sync.Mutex
	for range 16 {
		go func() {
			for {
				p := pushTo(toUsers("alice", "bob"), "x")
				r := s.Accept(context.Background(), []push.AcceptRequest{{Push: p}}, time.Hour, nil)[0]
				if r.Err != nil {
					fmt.Println("error", r.Err)
					os.Exit(1)
				}
				if _, _, err := s.Push(context.Background(), "notes", p.ID); err != nil { // a reader beside the writer
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(p.ID)
				out.Unlock()
			}
		}()
	}
	select {}
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
	w.device("notes", "alice", "d1", push.IOS)
	for round := range 3 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		acknowledged := killWriter(t, cfg, 100*(round+1))
		w.Store = open(t, w.cfg)
		for _, id := range acknowledged {
			if got := states(w.deliveries(id)); len(got) != 2 {
				t.Fatalf("round %d: an acknowledged push has the deliveries %q; want alice's and bob's", round, got)
			}
		}
		if cfg.DataDir != "" { // it had them in hand
			if keys, err := w.ClaimDevices(ctx(t), time.Now(), time.Second, 10); len(keys) != 1 || err != nil {
				t.Errorf("round %d: %d devices due after the start, %v; want 1", round, len(keys), err)
			}
		}
	}
}

// killWriter runs a writing process, kills it after some acknowledged pushes, and answers all that were acknowledged.
func killWriter(t *testing.T, cfg store.Config, after int) []push.ID {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) // however long the disk takes
	cmd.Env = append(os.Environ(), crashDirEnv+"="+cfg.DataDir, crashURLEnv+"="+cfg.DatabaseURL)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []push.ID
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the end, or a line that was cut off
		}
		if strings.HasPrefix(line, "error") {
			t.Fatal(line)
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
	return ids
}
