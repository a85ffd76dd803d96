package h2sim_test

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

func TestGoAwayAnswersWhatWasBegunThenCloses(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	addr, trust, s := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		close(began)
		<-release
		return echo(r)
	}})
	c := dial(t, addr, trust)
	id := must[uint32](t)(c.Request("/", nil))
	<-began
	s.Conns()[0].GoAway([]byte(`{"reason":"Shutdown"}`))
	ga := must[*h2raw.GoAway](t)(c.AwaitGoAway())
	if ga.Last != id || ga.Code != http2.ErrCodeNo || ga.Debug != `{"reason":"Shutdown"}` {
		t.Errorf("got GOAWAY %+v; want last %d, no error, the reason", ga, id)
	}
	must[uint32](t)(c.Request("/late", nil))
	close(release)
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 200 {
		t.Errorf("the stream begun before: status %d, want 200", a.Status)
	}
	if err := c.AwaitEnd(); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestWhatAGoAwayNamesAsBegunIsAnsweredHoweverTheTwoCross(t *testing.T) {
	t.Parallel()
	addr, trust, s := setup(t, h2sim.Config{})
	for round := range 300 {
		c := dial(t, addr, trust)
		first := must[uint32](t)(c.Request("/", nil))
		must[*h2raw.Answer](t)(c.Await(first))
		crossed := make(chan struct{})
		go func() {
			defer close(crossed)
			for _, conn := range s.Conns() {
				conn.GoAway(nil)
			}
		}()
		body := []byte("x")
		if round%2 == 0 {
			body = nil // the headers end the stream
		}
		id, err := c.Request("/", body)
		<-crossed
		if end := c.AwaitEnd(); end != nil {
			t.Fatal(end)
		}
		if c.GoAway == nil {
			t.Fatalf("round %d: the connection ended without the GOAWAY", round)
		}
		a := c.Answer(id)
		if err == nil && c.GoAway.Last >= id && (a == nil || a.Status != 200) {
			t.Fatalf("round %d: GOAWAY says that stream %d may have been worked on, and it got %+v", round, id, a)
		}
		c.Close()
	}
}

func TestGoAwayBeforeAStreamSaysThatItWasNotTaken(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		if r.Path == "/no" {
			r.Conn.GoAwayBefore(r.StreamID, []byte("{}"))
			return h2sim.Response{}
		}
		return echo(r)
	}})
	c := dial(t, addr, trust)
	first := must[uint32](t)(c.Request("/", nil))
	must[*h2raw.Answer](t)(c.Await(first))
	must[uint32](t)(c.Request("/no", nil))
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Last != first {
		t.Errorf("GOAWAY names stream %d as the last, want %d", ga.Last, first)
	}
	if err := c.AwaitEnd(); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestIdleConnectionsAreSentAway(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{IdleWait: 50 * time.Millisecond, IdleDebug: []byte(`{"reason":"IdleTimeout"}`)})
	c := dial(t, addr, trust)
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Debug != `{"reason":"IdleTimeout"}` {
		t.Errorf("got %+v, want IdleTimeout", ga)
	}
}

func TestAGoAwayOnAConnectionThatIsEndingCutsNothingOff(t *testing.T) {
	t.Parallel()
	addr, trust, s := setup(t, h2sim.Config{})
	c := dial(t, addr, trust)
	id := must[uint32](t)(c.Request("/", []byte("x")))
	must[*h2raw.Answer](t)(c.Await(id))
	conn := s.Conns()[0]
	for range 5 {
		conn.GoAway([]byte("bye"))
	}
	c.Framer.WritePing(false, [8]byte{}) // unread by the server: a cut would reset the connection
	if ga := must[*h2raw.GoAway](t)(c.AwaitGoAway()); ga.Last != id || ga.Debug != "bye" {
		t.Errorf("got %+v", ga)
	}
	select {
	case <-conn.Done():
		t.Error("the connection was cut while the client was still there")
	default:
	}
	if err := c.AwaitEnd(); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestTheLastStreamOfAGoAwayNeverRises(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{Handler: func(r *h2sim.Request) h2sim.Response {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if i == 8 {
					r.Conn.GoAwayBefore(r.StreamID, nil)
				} else {
					r.Conn.GoAway(nil)
				}
			})
		}
		wg.Wait()
		return h2sim.Response{}
	}})
	for range 100 {
		c := dial(t, addr, trust)
		must[uint32](t)(c.Request("/", nil))
		if err := c.AwaitEnd(); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(c.GoAways); i++ {
			if was, is := c.GoAways[i-1].Last, c.GoAways[i].Last; is > was {
				t.Fatalf("GOAWAY %d of %d names stream %d as the last, after %d", i+1, len(c.GoAways), is, was)
			}
		}
		c.Close()
	}
}
