package h2sim

import (
	"time"

	"golang.org/x/net/http2"
)

// watch ends what lasts too long, until the connection is over: header blocks and bodies that do not end, answers that the
// client does not take, a GOAWAY that is not followed, and connections on which nothing happens.
func (c *Conn) watch() {
	every := time.Second
	for _, d := range []time.Duration{c.cfg.IdleWait, c.cfg.BodyWait} {
		if d > 0 {
			every = min(every, d/4)
		}
	}
	tick := time.NewTicker(max(every, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case now := <-tick.C:
			c.look(now)
		}
	}
}

func (c *Conn) look(now time.Time) {
	if c.silent.Load() {
		return
	}
	if since := c.headerSince.Load(); since != 0 && now.Sub(time.Unix(0, since)) > c.cfg.BodyWait {
		c.Close()
		return
	}
	var late []uint32
	c.mu.Lock()
	for _, st := range c.streams {
		unread := st.started && (st.sendWindow <= 0 || c.sendWindow <= 0)
		if (!st.ended || unread) && now.Sub(st.since) > c.cfg.BodyWait {
			late = append(late, st.id)
		}
	}
	var tails []uint32
	for id, t := range c.cutShort {
		if t.open && now.Sub(t.since) > discardWait {
			t.open = false
			tails = append(tails, id)
		}
	}
	idle := len(c.streams) == 0 && c.goneAt.IsZero() && c.cfg.IdleWait > 0 &&
		now.Sub(time.Unix(0, c.lastFrame.Load())) > c.cfg.IdleWait
	gone := !c.goneAt.IsZero()
	c.mu.Unlock()
	for _, id := range late {
		c.reset(id, http2.ErrCodeCancel)
	}
	for _, id := range tails {
		c.write(func() error { return c.fr.WriteRSTStream(id, http2.ErrCodeNo) })
	}
	if idle {
		c.GoAway(c.cfg.IdleDebug)
	} else if gone {
		c.endIfDrained()
	}
}
