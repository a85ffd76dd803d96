// Package linger closes a connection so that the peer gets to read what was written last.
package linger

import (
	"net"
	"sync/atomic"
	"time"
)

// Conn closes in two steps: the first Close ends only our side, and whoever reads goes on for a moment until the peer has ended
// its own. Closing at once with bytes unread would reset the connection, and the reset can overtake the last frames, such as a
// close code that says whether to come back.
type Conn struct {
	net.Conn
	closing atomic.Bool
}

// wait bounds how long the peer may take to end its side.
const wait = time.Second

// Close ends our side. A second call closes the connection.
func (c *Conn) Close() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if c.closing.Swap(true) || !ok {
		return c.Conn.Close()
	}
	_ = c.Conn.SetDeadline(time.Now().Add(wait))
	return half.CloseWrite()
}

// BoundWrite sets the deadline of the next write, unless the connection is closing.
func (c *Conn) BoundWrite(limit time.Duration) {
	if !c.closing.Load() {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(limit))
	}
}
