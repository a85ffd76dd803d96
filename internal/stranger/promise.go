package stranger

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hushpush/hush/protocol"
)

// The media types of Hush's answers that all clients read.
const (
	KindJSON    = "application/json"
	KindProblem = "application/problem+json" // RFC 9457
)

// Promise describes the answer to a successful request. Any other answer is not Hush's, whatever its status: login pages,
// redirects and proxies answer 200 to everything.
type Promise struct {
	Statuses []int
	Kind     string   // the body's media type; "": there is no body, and the answer has protocol.HeaderAPI
	Members  []string // members of the body's JSON object, none of them null or ""
}

// Mismatch says how an answer of success breaks a promise.
type Mismatch struct {
	Got    string // the answer's media type, for people
	Want   string // statuses and media type, such as "200 or 201 with application/json"
	Header string // the header that is missing; "" if that is not the reason
	Body   string // what is wrong with the body; "" if that is not the reason
}

// Check returns nil if an answer keeps the promise. It looks at the body only if a JSON object is promised.
func (p Promise) Check(resp *http.Response, body []byte) *Mismatch {
	if m := p.CheckHead(resp); m != nil || p.Kind != KindJSON {
		return m
	}
	if why := lacks(body, p.Members); why != "" {
		return p.mismatch(resp, Mismatch{Body: why})
	}
	return nil
}

// CheckHead does what Check does, for status and header only.
func (p Promise) CheckHead(resp *http.Response) *Mismatch {
	switch {
	case !slices.Contains(p.Statuses, resp.StatusCode):
		return p.mismatch(resp, Mismatch{})
	case p.Kind == "" && resp.Header.Get(protocol.HeaderAPI) == "":
		return p.mismatch(resp, Mismatch{Header: protocol.HeaderAPI})
	case p.Kind != "" && mediaType(resp.Header) != p.Kind:
		return p.mismatch(resp, Mismatch{})
	}
	return nil
}

// mismatch completes m with what came and what was promised.
func (p Promise) mismatch(resp *http.Response, m Mismatch) *Mismatch {
	want := make([]string, len(p.Statuses))
	for i, s := range p.Statuses {
		want[i] = strconv.Itoa(s)
	}
	m.Got, m.Want = mediaName(resp.Header), strings.Join(want, " or ")
	if p.Kind != "" {
		m.Want += " with " + p.Kind
	}
	return &m
}
