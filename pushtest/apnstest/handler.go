package apnstest

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/http2/hpack"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// endpointSend is the only one that APNs has here, and the only one that a fault may be for.
const endpointSend = "send"

var ruleAnswer = Rule{
	Name:    "answer",
	Text:    `Accepted: 200 without a body. Refused: the reason's status, {"reason": "…"} as application/json, and with 410 "timestamp". apns-id always; apns-unique-id with a 200 in development.`,
	Source:  `Apple, "Handling notification responses from APNs"`,
	Certain: simkit.Documented,
}

var ruleAnswerRetryAfter = Rule{
	Name:    "answer.retry_after",
	Text:    "Whether a 429 TooManyRequests says in Retry-After, in seconds, when the next request may come.",
	Source:  "not documented by Apple; @parse/node-apn looks for it",
	Certain: simkit.Uncertain,
	Switch:  "answer.retry_after",
	Default: "false",
	Varies:  []string{"false", "true"},
}

var ruleStates = Rule{
	Name:    "states",
	Text:    "The ledger (GET /_sim/requests) says what became of each notification: delivered, stored and why (deviceOffline, powerRestricted, throttled, inFlight), discarded and why (expired, tokenRetired, appGone, notificationsOff), replaced; and of one that was stored, what followed.",
	Source:  `Apple, "Viewing the status of push notifications using metrics and APNs"`,
	Certain: simkit.Documented,
}

var ruleFaults = Rule{
	Name:    "faults",
	Text:    "InternalServerError, ServiceUnavailable, Shutdown, and requests that never get an answer, come by faults alone (POST /_sim/faults), which answer any reason with its own status. There is no limit to how fast the simulator is.",
	Source:  `Apple, "Handling notification responses from APNs"; pushy issue 816`,
	Certain: simkit.Documented,
}

// handler answers requests.
type handler struct {
	*simulator.Kit
	environment Environment
	checks      *checks
	connections *connections
	spool       *spool
}

// checks are what a request must pass, apart from the device that it is for. They never change.
type checks struct {
	*simulator.Kit
	access *access
}

func (c *checks) authenticate(a *attempt) *refusal { return c.access.authenticate(a) }

// handle answers one request: it writes it down, lets a fault have its way, and else checks it by the rules.
func (h *handler) handle(r *h2sim.Request) h2sim.Response {
	a := &attempt{Request: r, connState: r.Conn.Value.(*connState)}
	a.connState.used.Store(true)
	h.checks.readMessageID(a)
	a.token = h.spool.spelling(strings.TrimPrefix(r.Path, devicePath), strings.HasPrefix(r.Path, devicePath))
	var faulty bool
	a.fault, a.faultID, faulty = h.Faults.Match(endpointSend, a.token)
	a.id = h.Ledger.Add(h.entry(a))
	if faulty {
		if resp, done := h.spoil(a); done {
			return resp
		}
	}
	if h.connections.hasHadEnough(a.connState) {
		r.Conn.GoAway(nil)
	}
	no := h.check(a)
	if faulty && a.fault.Do == simkit.TakeAndClose {
		if no != nil {
			h.record(a, 0, no.reason)
		}
		r.Conn.Close()
		return h2sim.Response{}
	}
	if no == nil {
		return h.accepted(a)
	}
	if h.connections.slowDown(a, no) {
		r.Conn.GoAway(reasonJSON(no.reason))
	}
	return h.refused(a, no)
}

// check runs the checks in their order and, if none refuses, takes the notification.
func (h *handler) check(a *attempt) *refusal {
	checks := order
	if h.Switches.String("order") == "headers_first" {
		checks = orderHeadersFirst
	}
	for _, check := range checks {
		if no := check(h.checks, a); no != nil {
			return no
		}
	}
	return h.spool.receive(a)
}

// spoil does what a fault wants instead of an answer by the rules; done is false if the request goes on.
func (h *handler) spoil(a *attempt) (resp h2sim.Response, done bool) {
	f := &a.fault
	switch f.Do {
	case simkit.Answer:
		return h.answerFault(a), true
	case simkit.Delay:
		t := time.NewTimer(time.Duration(f.Wait))
		defer t.Stop()
		select {
		case <-t.C:
		case <-a.Context().Done():
			return h2sim.Response{}, true
		}
	case simkit.GoAway:
		reason := Shutdown
		if f.Reason != nil {
			reason = Reason(*f.Reason)
		}
		var debug []byte
		if reason != "" {
			debug = reasonJSON(reason)
		}
		h.record(a, 0, reason)
		a.Conn.GoAwayBefore(a.StreamID, debug)
		return h2sim.Response{}, true
	case simkit.Close:
		a.Conn.Close()
		return h2sim.Response{}, true
	case simkit.HalfOpen:
		a.Conn.Silence()
		return h2sim.Response{}, true
	}
	return h2sim.Response{}, false
}

// answerFault returns the answer that a fault gives: its raw body, or the usual one for its status and reason.
func (h *handler) answerFault(a *attempt) h2sim.Response {
	f := &a.fault
	status := f.Status
	if status == 0 {
		status = 200
	}
	reason := Reason(f.ReasonText())
	if f.Reason == nil && f.Body == nil {
		reason = usualReason[status]
	}
	if reason == ExpiredProviderToken || reason == InvalidProviderToken {
		a.connState.forgetTokens()
	}
	body := f.RawBody()
	if f.Body == nil && status != 200 {
		body = reasonJSON(reason)
		if status == 410 {
			body = goneJSON(reason, h.Clock.Now())
		}
	}
	var more []hpack.HeaderField
	if n := f.RetryAfterSeconds(); n > 0 {
		more = append(more, hpack.HeaderField{Name: "retry-after", Value: strconv.Itoa(n)})
	}
	h.record(a, status, reason)
	if status/100 == 2 { // the sender believes that it was taken
		h.Ledger.Outcome(a.id, simkit.Lost, "")
	}
	return response(a, status, body, more...)
}

func (h *handler) accepted(a *attempt) h2sim.Response {
	h.connections.raiseStreams(a.Conn, a.connState, true)
	h.record(a, 200, "")
	if h.environment == Development {
		return response(a, 200, nil, hpack.HeaderField{Name: "apns-unique-id", Value: newID()})
	}
	return response(a, 200, nil)
}

func (h *handler) refused(a *attempt, no *refusal) h2sim.Response {
	status, body := statusOf[no.reason], reasonJSON(no.reason)
	if status == 410 {
		body = goneJSON(no.reason, no.at)
	}
	h.record(a, status, no.reason)
	if no.wait > 0 && h.Switches.Bool("answer.retry_after") {
		seconds := strconv.Itoa(int((no.wait + time.Second - 1) / time.Second))
		return response(a, status, body, hpack.HeaderField{Name: "retry-after", Value: seconds})
	}
	return response(a, status, body)
}

func response(a *attempt, status int, body []byte, more ...hpack.HeaderField) h2sim.Response {
	r := h2sim.Response{Status: status, Body: body, Header: []hpack.HeaderField{{Name: "apns-id", Value: a.apnsID}}}
	if len(body) > 0 {
		r.Header = append(r.Header, hpack.HeaderField{Name: "content-type", Value: "application/json"})
	}
	r.Header = append(r.Header, more...)
	return r
}

// record writes into the ledger how the request was answered; status 0: not at all.
func (h *handler) record(a *attempt, status int, reason Reason) {
	h.Ledger.Update(a.id, func(e *simkit.Entry) {
		e.Status = status
		if reason != "" {
			e.Reason = string(reason)
		}
	})
}

// entry returns what the ledger says of a request at first: that it is refused, until it is known better.
func (h *handler) entry(a *attempt) simkit.Entry {
	e := simkit.Entry{
		At: h.Clock.Now(), Connection: a.Conn.ID, Endpoint: endpointSend, Method: a.Method, Path: simkit.MaskPath(a.Path), Token: a.token,
		Headers: make(map[string]string, len(a.Header)), Outcome: simkit.Refused, Fault: a.faultID,
	}
	for _, f := range a.Header {
		v := simkit.MaskHeader(f.Name, f.Value)
		if old, twice := e.Headers[f.Name]; twice {
			v = old + ", " + v
		}
		e.Headers[f.Name] = v
	}
	e.SetBody(a.Body)
	return e
}

// spelling returns how a token of a path was registered, or the path's own spelling if it was not.
func (p *spool) spelling(token string, ok bool) string {
	if !ok {
		return ""
	}
	p.Lock()
	defer p.Unlock()
	if d := p.Devices[tokenKey(token)]; d != nil {
		return d.Token.Token
	}
	return token
}

// newID returns a fresh apns-id.
func newID() string { return uuid.NewString() }
