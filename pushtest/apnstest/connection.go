package apnstest

import (
	"encoding/json"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// connections decides how much each connection may do, and when it ends.
type connections struct {
	*simulator.Kit
	opened newConnLimit
}

// connState holds what APNs remembers of a connection.
type connState struct {
	cert     *sender      // never changes; nil without a client certificate
	used     atomic.Bool  // a request has come
	requests atomic.Int64 // how many were judged

	mu         sync.Mutex
	signed     []*signature // guarded by mu: the provider tokens that were verified last, oldest first
	boundTo    *Key         // guarded by mu: the key of the first good provider token
	tokens     []tokenUse   // guarded by mu: the good provider tokens it has brought, oldest first
	fallen     bool         // guarded by mu: the stream limit is 1 since a refusal
	secondFrom time.Time    // guarded by mu: when the second began for which inSecond counts
	inSecond   int          // guarded by mu: requests in it
	errors     int          // guarded by mu: refusals, 410 not counted
	badTokens  int          // guarded by mu: refusals with BadDeviceToken
}

var ruleTransport = Rule{
	Name:    "connection",
	Text:    "HTTP/2 over TLS 1.2 or newer; there is no HTTP/1.1. SETTINGS: header table 4096, window 65535, frames 16384, header list 8000. Larger header lists get 431. PING is acknowledged, PRIORITY ignored.",
	Source:  `Apple, "Sending notification requests to APNs"; pushy issue 878; RFC 9113`,
	Certain: simkit.Observed,
}

var ruleFirstStream = Rule{
	Name:    "streams.first",
	Text:    "MAX_CONCURRENT_STREAMS until a connection's first request with a good provider token. With a client certificate the full limit is told at once. A limit binds a client that has acknowledged it; until it has the first one it may open 100.",
	Source:  `Apple, "Sending notification requests to APNs"; RFC 9113, section 6.5.3`,
	Certain: simkit.Documented,
	Switch:  "streams.first",
	Default: "1",
	Least:   1,
}

var ruleStreams = Rule{
	Name:    "streams.max",
	Text:    "MAX_CONCURRENT_STREAMS from then on. Streams above the limit are refused (REFUSED_STREAM) and may be sent again.",
	Source:  "pushy issue 878: 1000; also seen: 500 and 1500. Apple: depends on load and on the kind of authentication",
	Certain: simkit.Observed,
	Switch:  "streams.max",
	Default: "1000",
	Least:   1,
	Varies:  []string{"500", "1000", "1500"},
}

var ruleStreamsAfterError = Rule{
	Name:    "streams.after_error",
	Text:    `After a refusal the limit falls to 1 until the next accepted request ("fall"), or stays ("stay").`,
	Source:  `openradar-mirror 15649 (2016); Apple, "Handling notification responses from APNs", still says that 4xx answers slow a sender down`,
	Certain: simkit.Uncertain,
	Switch:  "streams.after_error",
	Default: "stay",
	Words:   []string{"stay", "fall"},
	Varies:  []string{"stay", "fall"},
}

var ruleErrors = Rule{
	Name:    "connection.errors",
	Text:    "A connection with this many refusals is ended with GOAWAY and the last one's reason; 410 is not counted. 0: never.",
	Source:  `Apple, "Handling notification responses from APNs", gives no number`,
	Certain: simkit.Uncertain,
	Switch:  "connection.errors",
	Default: "2000",
	Varies:  []string{"1000", "2000"},
}

var ruleBadTokens = Rule{
	Name:    "connection.bad_tokens",
	Text:    "A connection with this many refusals with BadDeviceToken is ended with GOAWAY and that reason. 0: never.",
	Source:  `Apple, "Handling notification responses from APNs": sooner for BadDeviceToken, without a number`,
	Certain: simkit.Uncertain,
	Switch:  "connection.bad_tokens",
	Default: "1000",
	Varies:  []string{"500", "1000"},
}

var ruleRequests = Rule{
	Name:    "connection.requests",
	Text:    "A connection that has had this many requests is ended with GOAWAY without a reason, once they are answered. 0: never.",
	Source:  "pushy issue 1017: after thousands of notifications, without a number",
	Certain: simkit.Observed,
	Switch:  "connection.requests",
	Default: "0",
	Varies:  []string{"0", "5000", "20000"},
}

var ruleConnectionRate = Rule{
	Name:    "connection.rate",
	Text:    "A connection that has more requests than this within a second of simulated time is ended with GOAWAY without a reason, once they are answered. 0: never.",
	Source:  "pushy issue 1017: resets and GOAWAY above about a thousand a second",
	Certain: simkit.Observed,
	Switch:  "connection.rate",
	Default: "0",
	Varies:  []string{"0", "2000"},
}

// hasHadEnough counts a request, and reports whether it is to be the connection's last.
func (cs *connections) hasHadEnough(state *connState) bool {
	last := state.requests.Add(1) == int64(cs.Switches.Int("connection.requests"))
	most := cs.Switches.Int("connection.rate")
	if most == 0 {
		return last
	}
	now := cs.Clock.Now()
	state.mu.Lock()
	defer state.mu.Unlock()
	if now.Sub(state.secondFrom) >= time.Second {
		state.secondFrom, state.inSecond = now, 0
	}
	state.inSecond++
	return last || state.inSecond == most+1
}

var ruleNewConnections = Rule{
	Name:    "connection.new",
	Text:    "How many connections an address may open within a minute of real time; further ones are cut after the handshake until the minute is over. 0: any number.",
	Source:  `Apple, "Sending notification requests to APNs": many that are opened and closed may be taken for an attack; no number`,
	Certain: simkit.Uncertain,
	Switch:  "connection.new",
	Default: "0",
	Varies:  []string{"0", "3000"},
}

// newConnLimit counts new connections by address.
type newConnLimit struct {
	mu     sync.Mutex
	from   time.Time      // guarded by mu: when the minute began
	opened map[string]int // guarded by mu; forgotten with the minute
}

// allows counts a connection from an address, and reports whether it may stay. most 0 is any number.
func (l *newConnLimit) allows(addr string, most int, now time.Time) bool {
	if most == 0 {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.from) >= time.Minute {
		l.from, l.opened = now, map[string]int{}
	}
	l.opened[host]++
	return l.opened[host] <= most
}

var ruleIdle = Rule{
	Name:    "connection.idle",
	Text:    "A connection without any frame for this long, by real time, is ended with GOAWAY IdleTimeout. 0s: never.",
	Source:  `Apple, "Sending notification requests to APNs", suggests a PING after an hour; the reason is inferred`,
	Certain: simkit.Uncertain,
	Switch:  "connection.idle",
	Default: "75m",
	Varies:  []string{"60m", "75m"},
}

var ruleBodyWait = Rule{
	Name:    "connection.body_wait",
	Text:    "How long, by real time, a request's headers and body may take to end; then its stream is reset. A handshake gets 30 s, a client that does not take its answers 30 s; there are 2048 connections at most, and those without a good answer yet make room for others.",
	Source:  "not documented; these keep the simulator itself alive",
	Certain: simkit.Inferred,
	Switch:  "connection.body_wait",
	Default: "60s",
	Least:   1,
	Varies:  []string{"30s", "60s"},
}

var ruleGoAway = Rule{
	Name:    "goaway",
	Text:    `GOAWAY carries {"reason": "…"} in the spelling of the answers. Requests above its last stream were not taken.`,
	Source:  `Apple, "Handling notification responses from APNs"; RFC 9113, section 6.8`,
	Certain: simkit.Documented,
}

// greet makes a connection's state, and tells a client with a certificate the full stream limit.
func (cs *connections) greet(c *h2sim.Conn, x *access) {
	state := &connState{}
	c.Value = state
	if !cs.opened.allows(c.RemoteAddr(), cs.Switches.Int("connection.new"), time.Now()) {
		c.Close()
		return
	}
	certs := c.TLS.PeerCertificates
	if len(certs) == 0 {
		return
	}
	state.cert = x.readSender(certs)
	if x.otherEnvironment(state.cert) && cs.Switches.String("certificate.environment") == "goaway" {
		c.GoAway(reasonJSON(BadCertificateEnvironment))
		return
	}
	cs.raiseStreams(c, state, false)
}

// raiseStreams grants a connection the full limit: to begin with, and (accepted) after the limit has fallen.
func (cs *connections) raiseStreams(c *h2sim.Conn, state *connState, accepted bool) {
	state.mu.Lock()
	if accepted {
		state.fallen = false
	}
	fallen := state.fallen
	state.mu.Unlock()
	if !fallen {
		c.SetMaxStreams(uint32(min(max(1, cs.Switches.Int("streams.max")), 1<<31-1)))
	}
}

// slowDown counts a refusal against its connection; end reports whether the connection has had its last.
func (cs *connections) slowDown(a *attempt, no *refusal) (end bool) {
	if statusOf[no.reason] == 410 {
		return false
	}
	fall := cs.Switches.String("streams.after_error") == "fall"
	if fall {
		a.Conn.SetMaxStreams(1)
	}
	a.connState.mu.Lock()
	defer a.connState.mu.Unlock()
	a.connState.fallen = fall
	a.connState.errors++
	most, bad := cs.Switches.Int("connection.errors"), cs.Switches.Int("connection.bad_tokens")
	if no.reason == BadDeviceToken {
		a.connState.badTokens++
	}
	return most > 0 && a.connState.errors == most || no.reason == BadDeviceToken && bad > 0 && a.connState.badTokens == bad
}

// reasonJSON returns the body of a refusal without a timestamp, and the debug data of a GOAWAY.
func reasonJSON(r Reason) []byte {
	b, _ := json.Marshal(map[string]Reason{"reason": r})
	return b
}

// goneJSON returns the body of a 410: since when, in milliseconds.
func goneJSON(r Reason, at time.Time) []byte {
	b, _ := json.Marshal(struct {
		Reason    Reason `json:"reason"`
		Timestamp int64  `json:"timestamp"`
	}{r, at.UnixMilli()})
	return b
}
