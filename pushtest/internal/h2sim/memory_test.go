package h2sim_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

// half opens a stream and sends a part of its body.
func half(c *h2raw.Client, size int, fields ...string) (id uint32) {
	id = c.NextID()
	all := append([]string{":method", "POST", ":scheme", "https", ":path", "/half"}, fields...)
	c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: c.Block(all...)})
	for sent := 0; sent < size; sent += 16384 {
		c.Framer.WriteData(id, false, make([]byte, min(size-sent, 16384)))
	}
	return id
}

func TestAClientThatFillsTheMemoryLosesItsConnectionAndNoOther(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(*h2raw.Client){
		"bodies that do not end": func(c *h2raw.Client) { half(c, 50_000) },
		"large headers":          func(c *h2raw.Client) { half(c, 0, "x", strings.Repeat("v", 7000)) },
		"streams":                func(c *h2raw.Client) { half(c, 0) },
		"a string that does not end": func(c *h2raw.Client) {
			c.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x40, 1, 'x', 0x7f, 0x81, 0xff, 0x0e}})
			for range 10 {
				c.Framer.WriteContinuation(1, false, make([]byte, 16000))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, trust, _ := setup(t, h2sim.Config{MaxHeldBytes: 300_000})
			good, bad := dial(t, addr, trust), dial(t, addr, trust)
			begun := half(good, 5000)
			// Its acknowledgement must not get between the attack's frames.
			if err := bad.Until(func() bool { return len(bad.Settings) > 0 }); err != nil {
				t.Fatal(err)
			}
			go func() {
				for range 99 {
					attack(bad)
				}
			}()
			if ga := must[*h2raw.GoAway](t)(bad.AwaitGoAway()); ga.Code != http2.ErrCodeEnhanceYourCalm {
				t.Errorf("got %+v, want ENHANCE_YOUR_CALM", ga)
			}
			good.Framer.WriteData(begun, true, []byte("the end"))
			if a := must[*h2raw.Answer](t)(good.Await(begun)); a.Status != 200 || len(a.Body) != 5007 {
				t.Errorf("the other client's request got status %d and %d bytes, want 200 and 5007", a.Status, len(a.Body))
			}
		})
	}
}

func TestWhoHoldsTheMostHasToGoWhoeverAsksForMore(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxHeldBytes: 300_000, Handler: taken})
	good, bad := dial(t, addr, trust), dial(t, addr, trust)
	for range 5 {
		half(bad, 50_000)
	}
	answered(t, bad, "the client that holds much, but not too much,") // so that all of it has been read
	id := must[uint32](t)(good.Request("/", make([]byte, 60_000)))
	if a := must[*h2raw.Answer](t)(good.Await(id)); a.Status != 200 {
		t.Errorf("the client that holds less got %+v, want 200", a)
	}
	if ga := must[*h2raw.GoAway](t)(bad.AwaitGoAway()); ga.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("the client that holds more got %+v, want ENHANCE_YOUR_CALM", ga)
	}
}

func TestASenderWithManyRequestsAtWorkDoesNotGoForOneThatEndsNone(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo() // the server waits for its handlers
	addr, trust, _ := setup(t, h2sim.Config{MaxHeldBytes: 400_000, Handler: func(r *h2sim.Request) h2sim.Response {
		if r.Path == "/work" {
			began <- struct{}{}
			<-release
			return h2sim.Response{Status: 200}
		}
		return echo(r)
	}})
	good, bad := dial(t, addr, trust), dial(t, addr, trust)
	var ids []uint32
	for range 5 {
		ids = append(ids, must[uint32](t)(good.Request("/work", make([]byte, 50_000))))
		<-began
	}
	go func() {
		for range 4 {
			half(bad, 40_000)
		}
	}()
	if ga := must[*h2raw.GoAway](t)(bad.AwaitGoAway()); ga.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("the client that ends no request got %+v, want ENHANCE_YOUR_CALM", ga)
	}
	letGo()
	for _, id := range ids {
		if a := must[*h2raw.Answer](t)(good.Await(id)); a.Status != 200 {
			t.Errorf("the client whose requests are whole got %+v on stream %d, want 200", a, id)
		}
	}
}

func TestWhatRequestsHeldIsFreeAgainAfterThem(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{MaxHeldBytes: 100_000, Handler: taken})
	c := dial(t, addr, trust)
	for i := range 20 {
		c.Framer.WriteRSTStream(half(c, 50_000), http2.ErrCodeCancel)
		id := must[uint32](t)(c.Request("/", make([]byte, 50_000)))
		if a := must[*h2raw.Answer](t)(c.Await(id)); a.Status != 200 {
			t.Fatalf("request %d got %+v, want 200", i, a)
		}
	}
}

// taken answers without a body, which a client would have to make room for.
func taken(*h2sim.Request) h2sim.Response { return h2sim.Response{Status: 200} }

func TestBodiesOverHTTP1CountToo(t *testing.T) {
	t.Parallel()
	addr, trust, _ := setup(t, h2sim.Config{HTTP1: true, MaxHeldBytes: 20_000})
	post := func(size int) (*tls.Conn, error) {
		c, err := tls.Dial("tcp", addr, trust)
		if err == nil {
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
		}
		return c, err
	}
	bad := must[*tls.Conn](t)(post(40_000))
	defer bad.Close()
	bad.Write(make([]byte, 30_000)) // an error, too, is the end that is wanted
	if got, _ := io.ReadAll(bad); bytes.Contains(got, []byte("200 OK")) {
		t.Errorf("got %q, want no good answer", got)
	}
	for range 5 {
		good := must[*tls.Conn](t)(post(10_000))
		good.Write(make([]byte, 10_000))
		var got [15]byte
		if _, err := io.ReadFull(good, got[:]); err != nil || string(got[:]) != "HTTP/1.1 200 OK" {
			t.Errorf("got %q, %v; want HTTP/1.1 200 OK", got, err)
		}
		good.Close()
	}
}
