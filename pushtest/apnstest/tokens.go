package apnstest

import (
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/internal/rest"
)

// Token is one app installation, as it registers with APNs. Deliver is called with one notification at a time, on a
// goroutine that works for the simulator; that it returns is the phone's acknowledgement. It should hand the notification
// on and return, and may call the Server.
type Token struct {
	Token       string      // required; hexadecimal
	Topic       string      // required; the app's bundle id
	Environment Environment // "" means the simulator's own
	Online      bool        // the phone is connected to APNs

	Deliver func(Notification) // nil: notifications are counted and given to nobody
}

// maxTokens bounds how many tokens may be known.
const maxTokens = 2_000_000

var errUnknownToken = errors.New("apnstest: this token is not known")

// Register makes a token known or changes it: what is empty stays as it was, but for Online. A token that is retired stays
// so: see Renew. With Online, what waits is delivered before Register returns.
func (s *Server) Register(t Token) error {
	_, err := s.put(t, &t.Online)
	return err
}

func (s *Server) put(t Token, online *bool) (created bool, err error) {
	p := s.spool
	p.Lock()
	d := p.Devices[tokenKey(t.Token)]
	if errs := t.check(d == nil); len(errs) > 0 {
		p.Unlock()
		return false, rest.Invalid(errs...)
	}
	if d == nil {
		if len(p.Devices) >= maxTokens {
			p.Unlock()
			return false, rest.Invalid(rest.Fault{Location: "body.token", Code: "too_many", Message: fmt.Sprintf("%d tokens are known already", maxTokens)})
		}
		d = &device{Token: Token{Token: t.Token, Environment: s.environment, Online: true}}
		p.Devices[tokenKey(t.Token)] = d
		created = true
	}
	if t.Topic != "" {
		d.Topic = t.Topic
	}
	if t.Environment != "" {
		d.Environment = t.Environment
	}
	if t.Deliver != nil {
		d.Deliver = t.Deliver
	}
	if online != nil {
		d.Online = *online
	}
	p.Flush(d, p.Clock.Now())
	p.Unlock()
	p.Drain(d)
	return created, nil
}

func (t *Token) check(isNew bool) (faults rest.Faults) {
	bad := func(field string, code rest.Code, message string) {
		faults = append(faults, rest.Fault{Location: "body." + field, Code: code, Message: message})
	}
	if !isToken(t.Token) {
		bad("token", "bad_value", "want an even number of hexadecimal digits, 2 to 400")
	}
	if t.Topic == "" && isNew {
		bad("topic", "required", "is missing; want the app's bundle id, such as com.example.notes")
	} else if t.Topic != "" && !topicForm.MatchString(t.Topic) {
		bad("topic", "bad_value", "want a bundle id such as com.example.notes")
	}
	if t.Environment != "" && t.Environment != Production && t.Environment != Development {
		bad("environment", "bad_value", "want production or development")
	}
	return faults
}

// change changes a device by f, and delivers what can be delivered then.
func (s *Server) change(token string, f func(d *device, now time.Time)) error {
	if !s.spool.Change(tokenKey(token), f) {
		return errUnknownToken
	}
	return nil
}

// SetOnline connects a phone to APNs or disconnects it; what waits is delivered before it returns.
func (s *Server) SetOnline(token string, online bool) error {
	return s.change(token, func(d *device, _ time.Time) { d.Online = online })
}

// SetPowerRestricted makes a phone save power: what is not of priority 10 waits in its one slot until the restriction is
// lifted, which delivers it.
func (s *Server) SetPowerRestricted(token string, restricted bool) error {
	return s.change(token, func(d *device, _ time.Time) { d.restricted = restricted })
}

// Release delivers what waits for a phone that is on-line, its power restriction notwithstanding, which stays.
func (s *Server) Release(token string) error {
	return s.change(token, func(d *device, now time.Time) {
		restricted := d.restricted
		d.restricted = false
		s.spool.Flush(d, now)
		d.restricted = restricted
	})
}

// Uninstall removes the app from the phone: APNs finds out with the next notification that it tries to deliver.
func (s *Server) Uninstall(token string) error {
	return s.change(token, func(d *device, _ time.Time) { d.uninstalled = true })
}

// Retire makes a token void at once: sends get 410 with the reason (Unregistered or ExpiredToken) and the timestamp at (the
// zero time: now).
func (s *Server) Retire(token string, reason Reason, at time.Time) error {
	if reason != Unregistered && reason != ExpiredToken {
		return rest.InvalidField("body.reason", "want Unregistered or ExpiredToken")
	}
	return s.change(token, func(d *device, now time.Time) {
		if at.IsZero() {
			at = now
		}
		s.spool.retire(d, reason, at, time.Time{})
	})
}

// Renew makes a void token good again: the app is there and was given the same token.
func (s *Server) Renew(token string) error {
	return s.change(token, func(d *device, _ time.Time) {
		d.uninstalled, d.retired, d.retiredAt, d.refusedFrom = false, "", time.Time{}, time.Time{}
	})
}

// Forget makes a token unknown; it reports whether it was known.
func (s *Server) Forget(token string) bool {
	return s.spool.Forget(tokenKey(token), func(d *device) { s.spool.discard(d, dropRetired) })
}

// State returns what waits for a token and what was delivered; found is false for one that was never known.
func (s *Server) State(token string) (st TokenState, found bool) {
	p := s.spool
	p.Lock()
	defer p.Unlock()
	d := p.Devices[tokenKey(token)]
	if d == nil {
		return TokenState{}, false
	}
	return d.state(p.Clock.Now()), true
}
