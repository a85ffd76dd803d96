package h2sim_test

import (
	"bytes"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

func TestAFloodOfFramesThatAskForNothingEndsTheConnection(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{})
	c := dial(t, addr, trust)
	var frames bytes.Buffer
	fr := http2.NewFramer(&frames, nil)
	for range 1000 {
		fr.WritePriority(1, http2.PriorityParam{Weight: 1})
	}
	go func() {
		for {
			if _, err := c.Conn.Write(frames.Bytes()); err != nil {
				return
			}
		}
	}()
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("got %+v, want ENHANCE_YOUR_CALM", ga)
	}
}

func TestRequestsThatAreResetAtOnceDoNotPileUp(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	running, most := 0, 0
	addr, trust, _ := setup(t, h2sim.Config{InitialMaxStreams: 10, Handler: func(r *h2sim.Request) h2sim.Response {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		<-r.Conn.Done()
		mu.Lock()
		running--
		mu.Unlock()
		return h2sim.Response{}
	}})
	c := dial(t, addr, trust)
	settle(t, c)
	go func() {
		for {
			id, err := c.Request("/", nil)
			if err != nil || c.Framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				return
			}
		}
	}()
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("got %+v, want ENHANCE_YOUR_CALM", ga)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > 120 {
		t.Errorf("%d handlers ran at once for a client with 10 streams", most)
	}
}
