package fcmtest

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
	"golang.org/x/net/http2/hpack"
)

// answer is what one request gets, and what the ledger says of it.
type answer struct {
	status  int // 0: none
	header  [][2]string
	body    []byte
	reason  string
	outcome simkit.Outcome
}

var rulePath = Rule{
	Name:    "path",
	Text:    "Anything but POST /v1/projects/{project}/messages:send, and POST /token, is 404 with an HTML page.",
	Source:  "FCM discovery document v1; Google's front end",
	Certain: simkit.Observed,
}

var ruleBodyLimit = Rule{
	Name:    "body.limit",
	Text:    "How many bytes of a body are read; one that is longer is refused with 400 INVALID_ARGUMENT, without an FcmError.",
	Source:  "Google's own limit is larger and not documented",
	Certain: simkit.Inferred,
	Switch:  "body.limit",
	Default: "262144",
	Least:   8192,
	Most:    1 << 20,
	Varies:  []string{"262144", "524288"},
}

var ruleElsewhere = Rule{
	Name: "elsewhere",
	Text: "Not simulated: topics' subscriptions (another host, iid.googleapis.com) with their limits (3000 a second, 1000 tokens a call, 2000 topics an app) " +
		"and fan-out quotas; aggregate delivery data (fcmdata.googleapis.com); BigQuery export; the count of analytics labels. The ledger " +
		"(GET /_sim/requests) says what became of each message in the words of the delivery data.",
	Source:  "firebase.google.com/docs/cloud-messaging/topic-messaging; …/understand-delivery; firebase-admin for Go and node",
	Certain: simkit.Documented,
}

var ruleFaults = Rule{
	Name:    "faults",
	Text:    "500 INTERNAL, 502 with an HTML page, 503 UNAVAILABLE, 504, UNSPECIFIED_ERROR, 429 below the quota, and requests that never get an answer, come by faults alone (POST /_sim/faults).",
	Source:  "firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode; bodies in bloomberg/pushiko; …/throttling-and-quotas",
	Certain: simkit.Documented,
}

// call is one request on its way through the server.
type call struct {
	*h2sim.Request
	endpoint string
	project  string       // of a send's path
	tree     *simkit.Node // of a send's body; nil if it does not fit
	badBody  *refusal     // why not
	token    string       // the device token, "" if none can be told
	fault    Fault
	faultID  string
	id       string // in the ledger
}

// handler answers requests.
type handler struct {
	*simulator.Kit
	oauth *oauth
	sends *sends
}

// handle answers one request: it writes it down, lets a fault have its way, and else answers it by the rules.
func (h *handler) handle(r *h2sim.Request) h2sim.Response {
	c := h.newCall(r)
	var faulty bool
	if c.endpoint != endpointOther {
		c.fault, c.faultID, faulty = h.Faults.Match(c.endpoint, c.token)
	}
	c.id = h.Ledger.Add(c.entry(h.Clock.Now()))
	if faulty {
		switch c.fault.Do {
		case simkit.Answer:
			return h.finish(c, spoiled(&c.fault, c.endpoint))
		case simkit.Delay:
			if !delay(r, c.fault.Wait.Std()) {
				return h2sim.Response{}
			}
		case simkit.GoAway:
			r.Conn.GoAwayBefore(r.StreamID, []byte(c.fault.ReasonText()))
			return h2sim.Response{}
		case simkit.Close:
			r.Conn.Close()
			return h2sim.Response{}
		case simkit.HalfOpen:
			r.Conn.Silence()
			return h2sim.Response{}
		}
	}
	a := h.answer(c)
	if faulty && c.fault.Do == simkit.TakeAndClose {
		a.status = 0
		res := h.finish(c, a)
		r.Conn.Close()
		return res
	}
	return h.finish(c, a)
}

func (h *handler) answer(c *call) answer {
	switch c.endpoint {
	case endpointOAuth:
		return h.oauth.answer(c.Request)
	case endpointSend:
		return h.sends.answer(c)
	}
	return htmlPage(http.StatusNotFound)
}

// newCall finds out what is asked for, and reads a send's body once, for faults, ledger and rules alike.
func (h *handler) newCall(r *h2sim.Request) *call {
	path, _, _ := strings.Cut(r.Path, "?")
	c := &call{Request: r, endpoint: endpointOther}
	if path == "/token" {
		c.endpoint = endpointOAuth
		return c
	}
	project, ok := projectOf(path)
	if !ok || r.Method != http.MethodPost {
		return c
	}
	c.endpoint, c.project = endpointSend, project
	if r.BodyTooLarge {
		c.badBody = badShape(Violation{Description: "Request payload size exceeds the limit."})
		c.badBody.fields = nil
		return c
	}
	if c.tree, c.badBody = parseBody(r.Body, h.Switches.Int("json.depth")); c.badBody == nil {
		c.token = tokenOf(c.tree)
	}
	return c
}

// projectOf returns the project in a send's path; the colon may be escaped.
func projectOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "/v1/projects/")
	if !ok {
		return "", false
	}
	project, method, ok := strings.Cut(rest, "/")
	if m, err := url.PathUnescape(method); err != nil || !ok || m != "messages:send" {
		return "", false
	}
	project, err := url.PathUnescape(project)
	return project, err == nil && project != ""
}

// entry returns what the ledger says of the request at first: that it is refused, until it is known better.
func (c *call) entry(now time.Time) simkit.Entry {
	e := simkit.Entry{At: now, Connection: c.Conn.ID, Endpoint: c.endpoint, Method: c.Method, Path: simkit.MaskPath(c.Path), Token: c.token,
		Headers: map[string]string{}, Outcome: simkit.Refused, Fault: c.faultID}
	for _, f := range c.Header {
		v := simkit.MaskHeader(f.Name, f.Value)
		if old, twice := e.Headers[f.Name]; twice {
			v = old + ", " + v
		}
		e.Headers[f.Name] = v
	}
	body := c.Body
	if c.endpoint == endpointOAuth {
		body = maskAssertion(body)
	}
	e.SetBody(body)
	return e
}

// maskAssertion hides the signed token in the form of a token request.
func maskAssertion(body []byte) []byte {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return []byte(simkit.Masked)
	}
	for name := range form {
		if name != "grant_type" {
			form[name] = []string{simkit.Masked}
		}
	}
	return []byte(form.Encode())
}

// finish writes down how it ended, and makes the response.
func (h *handler) finish(c *call, a answer) h2sim.Response {
	h.Ledger.Update(c.id, func(e *simkit.Entry) {
		e.Status = a.status
		switch {
		case a.outcome != "" || a.status/100 != 2: // it is noted already, or stays refused
		case c.endpoint == endpointSend:
			e.Outcome = simkit.Lost // a fault said 200 and took nothing
		default:
			e.Outcome = "" // a token request: no message has a fate
		}
		if a.reason != "" {
			e.Reason = a.reason
		}
	})
	res := h2sim.Response{Status: a.status, Body: a.body}
	for _, f := range a.header {
		res.Header = append(res.Header, hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return res
}
