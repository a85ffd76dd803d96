package h2push

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// counted is a connection that counts what is written to it, and takes everything.
type counted struct {
	net.Conn
	writes, bytes atomic.Int64
	endless       atomic.Int64 // writes that had no deadline of their own
	deadline      atomic.Bool
}

func (c *counted) Write(b []byte) (int, error) {
	if !c.deadline.Swap(false) {
		c.endless.Add(1)
	}
	c.writes.Add(1)
	c.bytes.Add(int64(len(b)))
	return len(b), nil
}

func (c *counted) SetWriteDeadline(at time.Time) error {
	c.deadline.Store(time.Until(at) > 0)
	return nil
}

func TestFramesOfManyWritersLeaveTogether(t *testing.T) {
	t.Parallel()
	const writers, frameBytes = 200, 9 + 8
	nc := &counted{}
	c := newConn(nc, endpoint{}, Config{}, func() {})
	var all sync.WaitGroup
	c.wmu.Lock()
	for range writers {
		all.Go(func() {
			if err := c.write(func() error { return c.fr.WritePing(false, [8]byte{}) }); err != nil {
				t.Error(err)
			}
		})
	}
	c.wmu.Unlock()
	all.Wait()
	if got := nc.bytes.Load(); got != writers*frameBytes {
		t.Errorf("%d bytes have left, want %d: a frame was left behind, or left twice", got, writers*frameBytes)
	}
	if got := nc.writes.Load(); got > writers/2 {
		t.Errorf("%d frames took %d writes to the connection", writers, got)
	}
	if got := nc.endless.Load(); got > 0 {
		t.Errorf("%d writes had no deadline: a peer that reads nothing would hold all writers up", got)
	}
}

// What one has written does not wait for others.
func TestALoneFrameLeavesAtOnce(t *testing.T) {
	t.Parallel()
	nc := &counted{}
	c := newConn(nc, endpoint{}, Config{}, func() {})
	for i := range int64(3) {
		if err := c.write(func() error { return c.fr.WriteSettings(http2.Setting{}) }); err != nil {
			t.Fatal(err)
		}
		if got := nc.writes.Load(); got != i+1 {
			t.Fatalf("%d frames took %d writes", i+1, got)
		}
	}
}
