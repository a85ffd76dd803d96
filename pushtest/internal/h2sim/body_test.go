package h2sim_test

import (
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

func TestABodyThatNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{BodyWait: 50 * time.Millisecond})
	c := dial(t, addr, trust)
	id := c.NextID()
	begin(c, id)
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Reset != http2.ErrCodeCancel {
		t.Errorf("got %+v, want a reset with CANCEL", a)
	}
}

func TestABodyOverTheLimitIsAnsweredBeforeItsEnd(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 1000})
	c := dial(t, addr, trust)
	id := c.NextID()
	begin(c, id)
	c.Framer.WriteData(id, false, make([]byte, 1001))
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 413 {
		t.Errorf("got %+v, want 413", a)
	}
	// What is still on its way must not end the connection.
	c.Framer.WriteData(id, false, make([]byte, 16000))
	next := must[uint32](t)(c.Request("/", []byte("ok")))
	if a := must[*h2raw.Answer](t)(c.Await(next)); string(a.Body) != "ok" {
		t.Errorf("the next request got %+v", a)
	}
}

func TestTheRestOfABodyThatWasAnsweredIsDiscardedWithoutAReset(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 1000, InitialMaxStreams: 1})
	c := dial(t, addr, trust)
	id := c.NextID()
	begin(c, id)
	c.Framer.WriteData(id, false, make([]byte, 16384))
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 413 || a.WasReset {
		t.Errorf("got %+v, want 413 that ends the stream, and no reset", a)
	}
	// The rest goes beyond the first window: it can only be sent because the window opens again.
	for sent := 0; sent < 6*65536; sent += 16384 {
		c.Framer.WriteData(id, false, make([]byte, 16384))
		c.Framer.WritePing(false, [8]byte{byte(sent >> 14)})
	}
	c.Framer.WriteData(id, true, nil)
	next := must[uint32](t)(c.Request("/", []byte("ok")))
	if a := must[*h2raw.Answer](t)(c.Await(next)); string(a.Body) != "ok" {
		t.Errorf("the next request got %+v", a)
	}
	if a := c.Answer(id); a.WasReset {
		t.Errorf("the answered stream was reset: %+v", a)
	}
}

func TestABodyThatGoesOnForMegabytesAfterItsAnswerIsReset(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 1000})
	c := dial(t, addr, trust)
	id := c.NextID()
	begin(c, id)
	c.Framer.WriteData(id, false, make([]byte, 16384))
	must[*h2raw.Answer](t)(c.Await(id))
	for sent := 0; sent < 5<<20; sent += 16384 {
		c.Framer.WriteData(id, false, make([]byte, 16384))
	}
	if err := c.Until(func() bool { return c.Answer(id).WasReset }); err != nil {
		t.Fatal(err)
	}
	if a := c.Answer(id); a.Reset != http2.ErrCodeNo {
		t.Errorf("got %+v, want a reset with NO_ERROR", a)
	}
}

func TestDataBeyondTheStreamsWindowResetsTheStream(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	addr, trust, _ := setup(t, h2sim.Config{MaxBodyBytes: 10, Handler: func(r *h2sim.Request) h2sim.Response {
		<-release
		return echo(r)
	}})
	defer close(release)
	c := dial(t, addr, trust)
	id := c.NextID()
	begin(c, id)
	for range 5 {
		c.Framer.WriteData(id, false, make([]byte, 16384))
	}
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Reset != http2.ErrCodeFlowControl {
		t.Errorf("got %+v, want FLOW_CONTROL_ERROR", a)
	}
}
