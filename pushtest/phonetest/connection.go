package phonetest

import (
	"fmt"
	"sync"
)

// connection is the app's installation at its push service: its token and its line, and the lines of installations that are
// gone. Its methods are called with steps held, but for those that say so; none calls the service with mu held, since the
// service may call the phone.
type connection struct {
	spec  *Spec // never changes
	fleet *Fleet

	mu     sync.Mutex
	token  string // guarded by mu
	line   Line   // guarded by mu; nil: none
	former []Line // guarded by mu; of installations that are gone
}

func newConnection(d device) *connection {
	return &connection{spec: d.spec, fleet: d.fleet, token: d.spec.Token}
}

// maxFormer is how many former installations a phone keeps a line for.
const maxFormer = 8

// current returns the app's token. Steps need not be held.
func (c *connection) current() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// toService returns the line; nil: there is none. Steps need not be held.
func (c *connection) toService() Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.line
}

// open makes the installation known to the provider.
func (c *connection) open(r Receiver, f facts) error {
	provider := c.fleet.cfg.APNs
	if c.spec.Platform == Android {
		provider = c.fleet.cfg.FCM
	}
	if provider == nil {
		return nil
	}
	line, err := provider.Connect(Installation{Token: c.current(), AppID: c.spec.AppID, Environment: c.spec.Environment}, r)
	if err != nil {
		return fmt.Errorf("phonetest: connecting %s to its push service: %w", c.spec.Name, err)
	}
	c.mu.Lock()
	c.line = line
	c.mu.Unlock()
	if !f.online {
		line.SetOnline(false)
	}
	if s, can := line.(powerSaver); can && f.restricted {
		s.setPowerRestricted(true)
	}
	return nil
}

// replace uninstalls at the provider what the old token names, and takes a new token, which is still to be made known.
func (c *connection) replace() {
	line := c.toService()
	if line != nil {
		line.Uninstall()
	}
	token := c.fleet.newToken(c.spec.Platform)
	c.mu.Lock()
	defer c.mu.Unlock()
	if line != nil {
		c.former = appendBounded(c.former, line, maxFormer) // on-line with the phone: that is how the provider finds out
	}
	c.line, c.token = nil, token
}

// lines returns all lines, those of former installations first.
func (c *connection) lines() []Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := append([]Line(nil), c.former...)
	if c.line != nil {
		lines = append(lines, c.line)
	}
	return lines
}

// setOnline connects the phone to its push service, or takes it off-line.
func (c *connection) setOnline(online bool) {
	for _, l := range c.lines() {
		l.SetOnline(online)
	}
}

// close closes all lines.
func (c *connection) close() {
	for _, l := range c.lines() {
		l.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line, c.former = nil, nil
}
