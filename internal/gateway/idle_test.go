//go:build !race

package gateway_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// This test measures an idle session's memory: its part of the heap and its stack, including the device's end of the
// connection, which is in this process. It is not parallel, so that nothing else allocates. The race detector makes
// everything larger.
func TestIdleSessionIsSmall(t *testing.T) {
	const sessions, most = 400, 7_500
	w := newWorld(t)
	for i := range sessions {
		id := fmt.Sprint("idle", i)
		w.devices[id] = push.Device{App: "notes", ID: id, User: "alice", Platform: push.IOS, OwnerGeneration: 3, Facts: map[string]any{"os_version": "18.1"}}
	}
	w.dial("idle0") // what is made once
	before := inUse()
	for i := range sessions {
		w.dial(fmt.Sprint("idle", i))
	}
	w.wait("all sessions idle", func() bool { return w.gateway.Count() == sessions && runtime.NumGoroutine() < 2*sessions })
	if each := (inUse() - before) / sessions; each > most {
		t.Errorf("an idle session has %d bytes, want at most %d", each, most)
	} else {
		t.Logf("an idle session has %d bytes, both ends of the connection included", each)
	}
}

// inUse returns the memory of the live heap and of stacks.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers kept
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// dial opens a session without a goroutine of the device's, and reads the first bytes of its hello.
func (w *world) dial(device string) {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "GET /v1/connect HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer alice\r\n%s: %s\r\n\r\n", protocol.HeaderDevice, device)
	r := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := r.Peek(10); err != nil {
		w.t.Fatal(err)
	}
}
