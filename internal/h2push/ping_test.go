package h2push_test

import (
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/internal/h2push"
)

func TestAPeerThatAnswersNoPingIsGivenUp(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if w.n > 1 {
			return w.echo()
		}
		for { // half open: takes everything, says nothing
			if _, err := w.ReadFrame(); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.PingAfter = 30 * time.Millisecond; c.PingTimeout = 200 * time.Millisecond })
	_, err := pool.Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent {
		t.Errorf("got %v, want it unclear", err)
	}
	sendUntilAnswered(t, pool, "over a new connection")
}

func TestAnIdleConnectionIsPinged(t *testing.T) {
	t.Parallel()
	pinged := make(chan struct{})
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := w.answer(id, "200", ""); err != nil {
			return err
		}
		for {
			f, err := w.ReadFrame()
			if err != nil {
				return err
			}
			if ping, ok := f.(*http2.PingFrame); ok && !ping.IsAck() {
				close(pinged)
				return w.echo()
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.PingAfter = 10 * time.Millisecond; c.IdlePing = 10 * time.Millisecond })
	mustSend(t, pool, "x")
	select {
	case <-pinged:
	case <-time.After(long):
		t.Error("got no ping on an idle connection, want one")
	}
}
