package h2sim_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

// answered sends a request and wants it answered with 200.
func answered(t testing.TB, c *h2raw.Client, who string) {
	t.Helper()
	id := must[uint32](t)(c.Request("/", []byte("x")))
	if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 200 {
		t.Errorf("%s got %+v, want 200", who, a)
	}
}

// awaitConns waits until no more than most connections are open: those that were sent away may take a moment to end.
func awaitConns(t testing.TB, s *h2sim.Server, most int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(s.Conns()) > most; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open, want %d at most", len(s.Conns()), most)
		}
	}
}

func TestOneClientCannotTakeThePlacesOfOthers(t *testing.T) {
	t.Parallel()
	plain := func(t *testing.T, addr string, _ *tls.Config) net.Conn {
		return must[net.Conn](t)(net.Dial("tcp", addr))
	}
	handshaken := func(t *testing.T, addr string, trust *tls.Config) net.Conn {
		return must[*h2raw.Client](t)(h2raw.DialBare(addr, trust)).Conn
	}
	greeted := func(t *testing.T, addr string, trust *tls.Config) net.Conn {
		return must[*h2raw.Client](t)(h2raw.Dial(addr, trust)).Conn
	}
	refused := func(t *testing.T, addr string, trust *tls.Config) net.Conn {
		c := must[*h2raw.Client](t)(h2raw.Dial(addr, trust))
		must[uint32](t)(c.Request("/refused", nil))
		return c.Conn
	}
	unread := func(t *testing.T, addr string, trust *tls.Config) net.Conn {
		c := must[*h2raw.Client](t)(h2raw.Dial(addr, trust))
		c.Framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		must[uint32](t)(c.Request("/refused", []byte("an answer that it never takes")))
		return c.Conn
	}
	halfHeaders := func(t *testing.T, addr string, trust *tls.Config) net.Conn {
		c := must[*h2raw.Client](t)(h2raw.Dial(addr, trust))
		c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.Block(":method", "POST")})
		return c.Conn
	}
	halfBody := func(t *testing.T, addr string, trust *tls.Config) net.Conn {
		c := must[*h2raw.Client](t)(h2raw.Dial(addr, trust))
		begin(c, 1)
		c.Framer.WriteData(1, false, []byte("and then"))
		return c.Conn
	}
	for name, attack := range map[string]func(*testing.T, string, *tls.Config) net.Conn{
		"sockets that say nothing": plain, "handshakes and no more": handshaken, "prefaces and no more": greeted,
		"requests that are refused": refused, "answers that are not taken": unread,
		"headers that do not end": halfHeaders, "bodies that do not end": halfBody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, trust, s := setup(t, h2sim.Config{MaxConns: 8, NewcomerWait: 10 * time.Millisecond, Handler: func(r *h2sim.Request) h2sim.Response {
				if r.Path == "/refused" {
					return h2sim.Response{Status: 403, Body: r.Body}
				}
				return echo(r)
			}})
			old := dial(t, addr, trust)
			answered(t, old, "the client that was there before")
			for range 30 {
				c := attack(t, addr, trust)
				defer c.Close()
			}
			answered(t, old, "the client that was there before")
			answered(t, dial(t, addr, trust), "a client that came later")
			answered(t, old, "the client that was there before")
			awaitConns(t, s, 8)
		})
	}
}

func TestAmongKnownClientsTheLongestUnusedIsSentAway(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxConns: 3, IdleDebug: []byte(`{"reason":"IdleTimeout"}`)})
	var cs []*h2raw.Client
	for range 3 {
		c := dial(t, addr, trust)
		answered(t, c, "each client")
		cs = append(cs, c)
	}
	answered(t, cs[0], "the first client, once more")
	answered(t, dial(t, addr, trust), "the fourth client")
	if ga, err := cs[1].AwaitGoAway(); err != nil || ga.Code != http2.ErrCodeNo || ga.Debug != `{"reason":"IdleTimeout"}` {
		t.Errorf("the client that was unused for the longest time got %+v, %v; want a GOAWAY with the reason", ga, err)
	}
	answered(t, cs[0], "the first client")
	answered(t, cs[2], "the third client")
}

func TestAConnectionForWhichAHandlerWorksKeepsItsPlace(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}, 2), make(chan struct{})
	addr, trust, s := setup(t, h2sim.Config{MaxConns: 2, NewcomerWait: time.Millisecond, Handler: func(r *h2sim.Request) h2sim.Response {
		if r.Path == "/slow" {
			began <- struct{}{}
			<-release
		}
		return echo(r)
	}})
	a, b := dial(t, addr, trust), dial(t, addr, trust)
	ids := []uint32{must[uint32](t)(a.Request("/slow", nil)), must[uint32](t)(b.Request("/slow", nil))}
	<-began
	<-began
	if c, err := h2raw.Dial(addr, trust); err == nil {
		if err := c.AwaitEnd(); err != nil {
			t.Errorf("a third client was let in: %v", err)
		}
		c.Close()
	}
	close(release)
	for i, c := range []*h2raw.Client{a, b} {
		if got := must[*h2raw.Answer](t)(c.Await(ids[i])); got.Status != 200 {
			t.Errorf("client %d got %+v, want 200", i, got)
		}
	}
	answered(t, dial(t, addr, trust), "a client that came when there was room again")
	awaitConns(t, s, 2)
}
