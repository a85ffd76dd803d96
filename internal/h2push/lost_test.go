package h2push_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/net/http2"
)

func TestALostConnectionIsUnclearForWhatWasSent(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		_, _, _, err := w.request()
		return err // closes
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent {
		t.Errorf("got %v, want it unclear", err)
	}
}

func TestARefusedStreamIsSentAgain(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := w.WriteRSTStream(id, http2.ErrCodeRefusedStream); err != nil {
			return err
		}
		return w.echo()
	})
	if resp := mustSend(t, p.pool(nil), "again"); string(resp.Body) != "again" {
		t.Errorf("got %q, want the second try's answer", resp.Body)
	}
}

func TestAResetStreamIsUnclear(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		if err := w.WriteRSTStream(id, http2.ErrCodeInternal); err != nil {
			return err
		}
		return w.echo()
	})
	pool := p.pool(nil)
	_, err := pool.Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent {
		t.Errorf("got %v, want it unclear", err)
	}
	mustSend(t, pool, "the connection lives on")
	if p.connections() != 1 {
		t.Errorf("got %d connections, want 1", p.connections())
	}
}

func TestARequestWithoutAnAnswerEndsWithItsContextAndTheConnectionLivesOn(t *testing.T) {
	t.Parallel()
	cause := errors.New("the test's clock")
	ctx, end := context.WithCancelCause(within(t, long))
	p := newPeer(t, nil, func(w *wire) error {
		if _, _, _, err := w.request(); err != nil {
			return err
		}
		end(cause) // not before the request has come
		return w.echo()
	})
	pool := p.pool(nil)
	_, err := pool.Do(ctx, post("x"))
	if e := isError(t, err); !e.Sent || !errors.Is(err, cause) {
		t.Errorf("got %v (sent %v), want unclear, and which clock ran out", err, e.Sent)
	}
	mustSend(t, pool, "y")
	if p.connections() != 1 {
		t.Errorf("got %d connections, want 1", p.connections())
	}
}
