package h2push_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/internal/h2push"
)

func TestRequestsShareAConnectionUpToThePeersLimit(t *testing.T) {
	t.Parallel()
	var most, now atomic.Int32
	p := newPeer(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 3}}, func(w *wire) error {
		var ids []uint32
		for {
			id, _, _, err := w.request()
			if err != nil {
				return err
			}
			ids = append(ids, id)
			most.Store(max(most.Load(), now.Add(1)))
			if len(ids) < 3 {
				continue
			}
			for _, id := range ids { // only when the limit is used up
				now.Add(-1)
				if err := w.answer(id, "200", ""); err != nil {
					return err
				}
			}
			ids = nil
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.MaxConns = 1 })
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 3 || p.connections() != 1 {
		t.Errorf("got %d requests at once on %d connections, want 3 on 1", most.Load(), p.connections())
	}
}

func TestALimitThatChangesIsKept(t *testing.T) {
	t.Parallel()
	var tooMany atomic.Bool
	p := newPeer(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 1}}, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := errors.Join(w.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2}), w.answer(id, "200", "")); err != nil {
			return err
		}
		for {
			one, _, _, err := w.request()
			if err != nil {
				return err
			}
			two, _, _, err := w.request()
			if err != nil {
				return err
			}
			_ = w.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // a third would come at once
			if _, _, _, err := w.request(); err == nil {
				tooMany.Store(true)
			}
			_ = w.nc.SetReadDeadline(time.Time{})
			if err := errors.Join(w.answer(one, "200", ""), w.answer(two, "200", "")); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.MaxConns = 1; c.Proves = func(h2push.Response) bool { return true } })
	var wg sync.WaitGroup
	for range 7 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tooMany.Load() {
		t.Error("got a third request at once, want two as the peer's SETTINGS say")
	}
}

func TestAFreshConnectionCarriesOneRequestUntilAnAnswerProvesIt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log []string
	note := func(s string) { mu.Lock(); log = append(log, s); mu.Unlock() }
	p := newPeer(t, nil, func(w *wire) error {
		for {
			id, path, body, err := w.request()
			if err != nil {
				return err
			}
			note("request")
			status := "200"
			if string(body) == "refuse" {
				status = "403"
			}
			_ = path
			note("answer")
			if err := w.answer(id, status, ""); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.Proves = func(r h2push.Response) bool { return r.Status == 200 } })
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("refuse")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	want := strings.TrimSpace(strings.Repeat("request answer ", 5))
	if got := strings.Join(log, " "); got != want || p.connections() != 1 {
		t.Errorf("got %q on %d connections, want one request after the other on one", got, p.connections())
	}
}

func TestMoreConnectionsComeWithTheLoad(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := newPeer(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 5}}, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		<-release
		if err := w.answer(id, "200", ""); err != nil {
			return err
		}
		return w.echo()
	})
	pool := p.pool(func(c *h2push.Config) { c.MaxConns, c.PingTimeout = 3, 2*long }) // these peers answer none while they wait
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := pool.Do(within(t, long), post("x")); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, "three connections", func() bool { return p.connections() == 3 })
	close(release)
	wg.Wait()
	if n := p.connections(); n != 3 {
		t.Errorf("got %d connections, want the 3 that are allowed", n)
	}
}

func TestReconnectsAreHeldBack(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var dials atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			_ = nc.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	pool, err := h2push.New(h2push.Config{URL: "https://" + ln.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(pool) })
	var told bool
	for range 200 {
		_, err := pool.Do(within(t, long), post("x"))
		e := isError(t, err)
		if e.Sent {
			t.Fatalf("got %v as unclear, want it certain: nothing was sent", err)
		}
		if told = e.RetryAfter > time.Second; told {
			break
		}
	}
	if !told || dials.Load() > 20 {
		t.Errorf("got %d dials, told to come back later %v; want few, and true", dials.Load(), told)
	}
}

func TestClosingLetsWhatIsInFlightEnd(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		close(arrived)
		<-release
		if err := w.answer(id, "200", ""); err != nil {
			return err
		}
		return w.echo()
	})
	pool := p.pool(func(c *h2push.Config) { c.PingTimeout = 2 * long }) // this peer answers none while it waits
	got := make(chan error, 1)
	go func() {
		_, err := pool.Do(within(t, long), post("x"))
		got <- err
	}()
	<-arrived
	closed := make(chan struct{})
	go func() { pool.Close(within(t, long)); close(closed) }()
	waitFor(t, "no new request is let in", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := pool.Do(ctx, post("y"))
		return errors.Is(err, h2push.ErrClosed)
	})
	close(release)
	if err := <-got; err != nil {
		t.Errorf("got %v, want the request in flight answered", err)
	}
	<-closed
}
