package h2sim_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/h2sim/h2raw"
)

// FuzzFrames sends any bytes after a good preface, on a connection of its own, and then wants a request on another
// connection answered.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 1, 1, 5, 0, 0, 0, 1, 0x82})
	f.Add([]byte{0, 0, 4, 1, 4, 0, 0, 0, 1, 0x83, 0x84, 0x87, 0x82, 0, 0, 2, 0, 1, 0, 0, 0, 1, '{', '}'})
	f.Add([]byte{0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1})
	addr, trust, _ := setup(f, h2sim.Config{})
	trust = trust.Clone()
	trust.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	f.Fuzz(func(t *testing.T, frames []byte) {
		bad, err := h2raw.Dial(addr, trust)
		if err != nil {
			t.Fatalf("dialling: %v", err)
		}
		defer bad.Close()
		go func() {
			bad.Conn.Write(frames)
			bad.Conn.CloseWrite()
		}()
		bad.Conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, bad.Conn); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatalf("the connection stays open after the client's end: %v", err)
			}
		}
		good, err := h2raw.Dial(addr, trust)
		if err != nil {
			t.Fatalf("dialling again: %v", err)
		}
		defer good.Close()
		id, _ := good.Request("/", []byte("{}"))
		if a, err := good.Await(id); err != nil || a.Status != 200 || a.Reset != http2.ErrCodeNo {
			t.Fatalf("after %x another connection got %+v, %v", frames, a, err)
		}
	})
}
