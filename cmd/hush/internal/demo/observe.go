package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/examples/notes"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// seen is what was observed of a push: by the server, by the phone, and by the app itself.
type seen struct {
	push     protocol.Push      // with the one delivery there is
	phone    []phonetest.Record // what the phone did with what its provider brought
	log      []phonetest.LogLine
	handlers []notes.Handled // handlers of this push that came to their end, by the app's own record
}

// heldBy returns what kept a phone from giving a push to its app, by its record; "" if nothing did.
func heldBy(records []phonetest.Record) string {
	for _, r := range records {
		if r.Did == phonetest.Held || r.Did == phonetest.Dropped {
			return string(r.Reason)
		}
	}
	return ""
}

// waitsFor returns what kept the server from reaching the app, by the push's timeline; "" if nothing did. That a wake is on its
// way keeps nobody from anything.
func waitsFor(events []protocol.Event) string {
	for _, e := range events {
		if e.Event == push.EventName(push.Waiting) && e.Reason != push.ReasonNone && e.Reason != push.ReasonWake {
			return string(e.Reason)
		}
	}
	return ""
}

// row returns what the observations amount to.
func (s seen) row(of spec) (Row, error) {
	r := Row{Scene: "push", Platform: string(of.platform), State: of.state, Resource: of.resource}
	if r.Reason = heldBy(s.phone); r.Reason == "" && len(s.push.Deliveries) > 0 {
		r.Reason = waitsFor(s.push.Deliveries[0].Events)
	}
	if len(s.push.Deliveries) != 1 {
		return r, fmt.Errorf("the push has %d deliveries; want one", len(s.push.Deliveries))
	}
	d := s.push.Deliveries[0]
	if of.left {
		return r, s.checkWaiting(of, r, d)
	}
	r.Path, r.Result = d.Path, d.Result
	for _, e := range d.Events {
		if e.Event == push.EventName(push.Handled) {
			r.MS = e.At.Sub(s.push.AcceptedAt).Round(time.Millisecond).Milliseconds()
		}
	}
	if d.State != push.Handled {
		return r, fmt.Errorf("the delivery ended as %s (%s); want handled", d.State, d.Reason)
	}
	if len(s.handlers) != 1 {
		return r, fmt.Errorf("by the app's own record its handler completed %d times; want once", len(s.handlers))
	}
	h := s.handlers[0]
	r.Callback = h.Callback
	if of.platform == phonetest.Android && of.state == "terminated" {
		r.Log = printed(s.log, h)
	}
	return r, of.check(r, h)
}

// checkWaiting returns what is not as expected of a push that is to wait still.
func (s seen) checkWaiting(of spec, r Row, d protocol.Delivery) error {
	switch {
	case d.State.Final():
		return fmt.Errorf("the delivery ended as %s (%s); want it to wait", d.State, d.Reason)
	case len(s.handlers) > 0:
		return fmt.Errorf("by the app's own record its handler completed; want it to wait")
	case r.Reason != of.want.reason:
		return fmt.Errorf("it waits for %q, want %q", r.Reason, of.want.reason)
	}
	return nil
}

// printed returns the line in the device log that the handler's process printed with the payload.
func printed(log []phonetest.LogLine, h notes.Handled) string {
	i := slices.IndexFunc(log, func(l phonetest.LogLine) bool {
		return !l.System && l.PID == h.PID && strings.Contains(l.Text, h.Callback) && strings.Contains(l.Text, h.Payload)
	})
	if i < 0 {
		return ""
	}
	return log[i].Text
}

// check says what is not as expected.
func (s spec) check(r Row, h notes.Handled) error {
	var wrong []string
	differ := func(what, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", what, got, want))
		}
	}
	differ("path", string(r.Path), string(s.want.path))
	differ("path by the app's record", string(h.Path), string(r.Path))
	differ("callback", r.Callback, s.want.callback)
	differ("result", string(r.Result), string(push.NewData))
	differ("reason", r.Reason, s.want.reason)
	if s.platform == phonetest.Android && s.state == "terminated" && r.Log == "" {
		wrong = append(wrong, "the device log does not hold what the handler prints")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s", strings.Join(wrong, "; "))
	}
	return nil
}
