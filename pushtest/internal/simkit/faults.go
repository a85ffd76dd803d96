package simkit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/rest"
)

// Do is what a fault makes of a request.
type Do string

// What faults do, as the control API spells it.
const (
	Answer       Do = "answer"         // answers with Status and Reason, or with a raw Body; the request is not taken
	Delay        Do = "delay"          // waits for Wait in real time, then goes on as without a fault
	GoAway       Do = "goaway"         // ends the connection with GOAWAY; the request is not taken
	Close        Do = "close"          // cuts the connection; the request is not taken
	HalfOpen     Do = "half_open"      // the connection stays open and is dead: no answer, to a PING neither; the request is not taken
	TakeAndClose Do = "take_and_close" // takes the request, then cuts the connection without an answer
	Lose         Do = "lose"           // answers success, and never delivers
	Twice        Do = "twice"          // delivers twice
	Throttle     Do = "throttle"       // answers success, and holds the notification back as the provider's own pacing does
)

// Dos lists all of them.
var Dos = []Do{Answer, Delay, GoAway, Close, HalfOpen, TakeAndClose, Lose, Twice, Throttle}

// Fault is a rule that spoils some requests on purpose. How often: Count times (once unless told, 0 for as long as it
// stands), or every Every-th match, or with probability Rate; the latter two, and For, go on until the fault is deleted unless
// a Count is given as well.
type Fault struct {
	Match      Match           `json:"match,omitzero" doc:"Which requests; {} is every send request."`
	Do         Do              `json:"do" minLength:"1" enum:"answer,delay,goaway,close,half_open,take_and_close,lose,twice,throttle" doc:"answer, delay (then as usual), goaway, close (cut; not taken), half_open (the connection stays open and nothing is answered on it any more, PING neither; not taken), take_and_close (taken, no answer), lose (200, never delivered), twice, throttle."`
	Status     int             `json:"status,omitempty" minimum:"200" maximum:"599" doc:"For answer: the HTTP status; 200 if only a body is given."`
	Reason     *string         `json:"reason,omitempty" maxLength:"256" doc:"For answer and goaway: the reason, as the provider spells it."`
	RetryAfter Duration        `json:"retry_after,omitempty" doc:"For answer: sent as Retry-After, in whole seconds, rounded up."`
	Body       json.RawMessage `json:"body,omitempty" doc:"For answer: the raw body instead of the usual one; a string as it is, other JSON as written."`
	Wait       Duration        `json:"wait,omitempty" doc:"For delay: how long, in real time."`
	Count      *int            `json:"count,omitempty" minimum:"0" doc:"How many requests it spoils; 0: until it is deleted. 1 unless told, or unlimited with every, rate or for."`
	Every      int             `json:"every,omitempty" minimum:"1" doc:"Spoils every n-th request that matches."`
	Rate       float64         `json:"rate,omitempty" exclusiveMinimum:"0" maximum:"1" doc:"Spoils a request with this probability."`
	For        Duration        `json:"for,omitempty" format:"positive-go-duration" doc:"Stands for this long, more than 0s, in simulated time."`
}

// Match says which requests a fault is for. What is empty matches all.
type Match struct {
	Endpoint string `json:"endpoint,omitempty" doc:"send unless told."`
	Token    string `json:"token,omitempty" maxLength:"4096" doc:"The device token."`
}

// MaxWait is the longest delay that a fault may ask for.
const MaxWait = 10 * time.Minute

// Validate returns what is wrong with a fault beyond its fields' types.
func (f *Fault) Validate() (faults rest.Faults) {
	bad := func(field string, code rest.Code, format string, a ...any) {
		faults.Add("body."+field, code, format, a...)
	}
	only := func(set bool, field string, dos ...Do) {
		if set && !slices.Contains(dos, f.Do) {
			bad(field, "bad_value", "means nothing with do %q", f.Do)
		}
	}
	if !slices.Contains(Dos, f.Do) {
		bad("do", "bad_value", "%q is unknown", f.Do)
	}
	only(f.Status != 0, "status", Answer)
	only(f.Reason != nil, "reason", Answer, GoAway)
	only(f.RetryAfter != 0, "retry_after", Answer)
	only(f.Body != nil, "body", Answer)
	only(f.Wait != 0, "wait", Delay)
	if f.Do == Answer && f.Status == 0 && f.Body == nil {
		bad("status", "required", "is missing: answer wants a status, or a raw body")
	}
	if f.Body != nil && f.Reason != nil {
		bad("reason", "one_of", "give a reason or a raw body, not both")
	}
	if f.Do == Delay && (f.Wait <= 0 || time.Duration(f.Wait) > MaxWait) {
		bad("wait", "out_of_range", "is %s; want more than 0s and at most %s", time.Duration(f.Wait), MaxWait)
	}
	if f.RetryAfter < 0 {
		bad("retry_after", "out_of_range", "is negative")
	}
	if f.For < 0 {
		bad("for", "out_of_range", "is negative")
	}
	if f.Every != 0 && f.Rate != 0 {
		bad("rate", "one_of", "give every or rate, not both")
	}
	return faults
}

// RawBody returns the bytes of Body: a JSON string's value, other JSON as it was written.
func (f *Fault) RawBody() []byte {
	var s string
	if json.Unmarshal(f.Body, &s) == nil {
		return []byte(s)
	}
	return f.Body
}

// ReasonText returns Reason, "" if there is none.
func (f *Fault) ReasonText() string {
	if f.Reason == nil {
		return ""
	}
	return *f.Reason
}

// RetryAfterSeconds returns RetryAfter as the header wants it: whole seconds, rounded up; 0 for no header.
func (f *Fault) RetryAfterSeconds() int {
	return int((time.Duration(f.RetryAfter) + time.Second - 1) / time.Second)
}

// maxFaults bounds how many faults may stand at a time.
const maxFaults = 10_000

// Faults holds the faults that stand, in the order in which they were set.
type Faults struct {
	// Check refuses what means nothing at an endpoint ("" accepts). Set before use; nil accepts all.
	Check func(Fault) (field, message string)

	// SameToken reports whether two spellings are one device token. Set before use; nil: no two are.
	SameToken func(a, b string) bool

	clock     *Clock
	endpoints []string

	mu   sync.Mutex
	rand *Rand    // guarded by mu: Reset takes a fresh one
	seed uint64   // never changes
	n    int      // guarded by mu; faults ever set
	list []*fault // guarded by mu
}

type fault struct {
	Fault
	id    string
	until time.Time // zero: no end
	seen  int       // requests that matched
	left  int       // how many more it spoils; negative: no bound
}

// NewFaults makes an empty table for a simulator with these endpoints; the first is the one meant when a match names none.
func NewFaults(clock *Clock, seed uint64, endpoints ...string) *Faults {
	return &Faults{clock: clock, endpoints: endpoints, seed: seed, rand: NewRand(seed)}
}

// Add sets a fault and returns its id; a wrong one changes nothing and comes back as a *rest.Problem.
func (t *Faults) Add(f Fault) (id string, err error) {
	if faults := f.Validate(); len(faults) > 0 {
		return "", rest.Invalid(faults...)
	}
	if f.Match.Endpoint == "" {
		f.Match.Endpoint = t.endpoints[0]
	}
	if !slices.Contains(t.endpoints, f.Match.Endpoint) {
		return "", rest.InvalidField("body.match.endpoint", fmt.Sprintf("%q is not one of %s", rest.Clip(f.Match.Endpoint), strings.Join(t.endpoints, ", ")))
	}
	if t.Check != nil {
		if field, message := t.Check(f); field != "" {
			return "", rest.InvalidField("body."+field, message)
		}
	}
	e := &fault{Fault: f, left: 1}
	if f.Every != 0 || f.Rate != 0 || f.For != 0 {
		e.left = -1
	}
	if f.Count != nil {
		e.left = *f.Count
		if *f.Count == 0 {
			e.left = -1
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) >= maxFaults {
		return "", rest.Invalid(rest.Fault{Location: "body", Code: rest.TooMany, Message: fmt.Sprintf("%d faults stand already; delete some", maxFaults)})
	}
	if f.For > 0 {
		e.until = t.clock.Now().Add(time.Duration(f.For))
	}
	t.n++
	e.id = fmt.Sprintf("f%d", t.n)
	t.list = append(t.list, e)
	return e.id, nil
}

// Match returns the first fault that matches a request and whose turn it is, and its id. It counts the request against the
// fault, which is deleted when it is used up. ok is false if no fault falls on the request.
func (t *Faults) Match(endpoint, token string) (f Fault, id string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	t.list = slices.DeleteFunc(t.list, func(e *fault) bool { return !e.until.IsZero() && !now.Before(e.until) })
	for i, e := range t.list {
		if e.Match.Endpoint != endpoint || e.Match.Token != "" && !sameToken(t.SameToken, e.Match.Token, token) {
			continue
		}
		e.seen++
		if e.Every > 0 && e.seen%e.Every != 0 || e.Rate > 0 && t.rand.Float64() >= e.Rate {
			continue
		}
		if e.left > 0 {
			if e.left--; e.left == 0 {
				t.list = slices.Delete(t.list, i, i+1)
			}
		}
		return e.Fault, e.id, true
	}
	return Fault{}, "", false
}

// sameToken compares device tokens as same does, which may be nil.
func sameToken(same func(a, b string) bool, a, b string) bool {
	return a == b || same != nil && same(a, b)
}

// Delete deletes a fault, and reports whether its id was ever given. A fault that is used up is deleted already.
func (t *Faults) Delete(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(e *fault) bool { return e.id == id })
	n, err := strconv.Atoi(strings.TrimPrefix(id, "f"))
	return err == nil && n >= 1 && n <= t.n && id == fmt.Sprintf("f%d", n)
}

// DeleteAll deletes all faults.
func (t *Faults) DeleteAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = nil
}

// Reset deletes all faults, and starts ids and chances anew.
func (t *Faults) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list, t.n, t.rand = nil, 0, NewRand(t.seed)
}
