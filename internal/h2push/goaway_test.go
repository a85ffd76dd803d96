package h2push_test

import (
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/internal/h2push"
)

func TestRequestsAboveAGoAwaysLastStreamAreSentAgainAtOnce(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if w.n > 1 {
			return w.echo()
		}
		first, _, _, err := w.request()
		if err != nil {
			return err
		}
		if _, _, _, err := w.request(); err != nil {
			return err
		}
		if err := w.WriteGoAway(first, http2.ErrCodeNo, []byte("Shutdown")); err != nil {
			return err
		}
		if err := w.answer(first, "200", "first"); err != nil { // those below are still answered
			return err
		}
		_, err = w.ReadFrame()
		return err
	})
	pool := p.pool(nil)
	type result struct {
		body string
		err  error
	}
	results := make(chan result, 2)
	for range 2 {
		go func() {
			resp, err := pool.Do(within(t, long), post("again"))
			results <- result{string(resp.Body), err}
		}()
	}
	got := map[string]int{}
	for range 2 {
		r := <-results
		if r.err != nil {
			t.Errorf("got %v, want both answered", r.err)
		}
		got[r.body]++
	}
	if got["first"] != 1 || got["again"] != 1 || p.connections() != 2 {
		t.Errorf("got %v over %d connections, want one answer of each connection", got, p.connections())
	}
}

func TestWhatAGoAwayCoversWithoutAnAnswerIsUnclearAndHasItsReason(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		id, _, _, err := w.request()
		if err != nil {
			return err
		}
		_ = w.WriteGoAway(id, http2.ErrCodeNo, []byte("BadCertificateEnvironment"))
		return w.WriteGoAway(id, http2.ErrCodeNo, nil) // seen in the field: a second one, without a reason
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); !e.Sent || e.Reason != "BadCertificateEnvironment" {
		t.Errorf("got sent %v, reason %q, want true and the reason of the GOAWAY", e.Sent, e.Reason)
	}
}

func TestAConnectionThatIsAlwaysSentAwayEndsWithTheReason(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if _, _, _, err := w.request(); err != nil {
			return err
		}
		return w.WriteGoAway(0, http2.ErrCodeNo, []byte("BadCertificate"))
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); e.Sent || e.Reason != "BadCertificate" {
		t.Errorf("got sent %v, reason %q, want false and BadCertificate", e.Sent, e.Reason)
	}
	if n := p.connections(); n > 4 {
		t.Errorf("got %d connections, want a few", n)
	}
}

func TestAGoAwayBeforeTheFirstRequestTellsItsReason(t *testing.T) {
	t.Parallel()
	p := newPeer(t, nil, func(w *wire) error {
		if err := w.WriteGoAway(0, http2.ErrCodeNo, []byte("BadCertificateEnvironment")); err != nil {
			return err
		}
		for {
			if _, err := w.ReadFrame(); err != nil {
				return err
			}
		}
	})
	_, err := p.pool(nil).Do(within(t, long), post("x"))
	if e := isError(t, err); e.Sent || e.Reason != "BadCertificateEnvironment" {
		t.Errorf("got %v, sent %v, want the reason, and false", err, e.Sent)
	}
	if n := p.connections(); n > 6 {
		t.Errorf("got %d connections, want a few", n)
	}
}

func TestAnAnswerThatAsksForAnotherConnectionIsTheLastOnItsOwn(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	closed := make(chan error, 4)
	p := newPeer(t, nil, func(w *wire) error {
		first := conns.Add(1) == 1
		for {
			id, _, _, err := w.request()
			if err != nil {
				closed <- err
				return err
			}
			status := "200"
			if first {
				status = "503"
			}
			if err := w.answer(id, status, ""); err != nil {
				return err
			}
		}
	})
	pool := p.pool(func(c *h2push.Config) { c.Spent = func(r h2push.Response) bool { return r.Status == 503 } })
	for _, want := range []int{503, 200, 200} {
		if r, err := pool.Do(within(t, long), post("x")); err != nil || r.Status != want {
			t.Fatalf("got %d, %v; want %d", r.Status, err, want)
		}
	}
	select {
	case <-closed:
	case <-time.After(long):
		t.Error("the first connection is still open, want it closed after its last answer")
	}
	if got := conns.Load(); got != 2 {
		t.Errorf("got %d connections, want 2", got)
	}
}
