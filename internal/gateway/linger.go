package gateway

import (
	"net"
	"sync/atomic"
	"time"
)

// lingerConn closes in two steps: the first Close only ends our side, and the read loop goes on for a moment until the
// device has ended its own. Closing at once with bytes unread would reset the connection, and the reset can overtake the
// close frame, whose code says whether to come back.
type lingerConn struct {
	net.Conn
	closing atomic.Bool
}

// lingerWait bounds how long the device may take to end its side.
const lingerWait = time.Second

// Close ends our side. A second call closes the connection.
func (c *lingerConn) Close() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if c.closing.Swap(true) || !ok {
		return c.Conn.Close()
	}
	_ = c.Conn.SetDeadline(time.Now().Add(lingerWait))
	return half.CloseWrite()
}

// bound sets the deadline of the next write.
func (c *lingerConn) bound(wait time.Duration) {
	if !c.closing.Load() {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(wait))
	}
}
