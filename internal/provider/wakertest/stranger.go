package wakertest

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// Stranger is a server that is no provider: a proxy's block page, a captive portal, another host under the name. It speaks
// HTTP/2 over TLS.
type Stranger struct {
	*httptest.Server

	mu   sync.Mutex
	page Page // guarded by mu
	echo bool // guarded by mu
}

// Page is what a stranger answers.
type Page struct {
	Status     int
	Type       string // content type
	Body       string
	RetryAfter string
	APNsID     string // the header apns-id
}

// NewStranger starts one. It answers 200 without a body.
func NewStranger(t *testing.T) *Stranger {
	t.Helper()
	s := &Stranger{page: Page{Status: http.StatusOK}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *Stranger) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	page, echo := s.page, s.echo
	s.mu.Unlock()
	w.Header()["Content-Type"] = nil
	if page.Type != "" {
		w.Header().Set("Content-Type", page.Type)
	}
	if page.APNsID != "" {
		w.Header().Set("apns-id", page.APNsID)
	}
	if page.RetryAfter != "" {
		w.Header().Set("Retry-After", page.RetryAfter)
	}
	if echo {
		page.Body = fmt.Sprintf("<pre>%s\n%s\n%s</pre>", r.Header.Get("authorization"), r.URL.Path, body)
		w.Header().Set("Content-Type", "text/html; token="+r.URL.Path)
	}
	w.WriteHeader(page.Status)
	_, _ = io.WriteString(w, page.Body)
}

// Answers sets what it answers from now on.
func (s *Stranger) Answers(p Page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page, s.echo = p, false
}

// Echoes has it quote the request's authorization, path and body, as error pages do.
func (s *Stranger) Echoes(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page, s.echo = Page{Status: status}, true
}

// CA returns the PEM of its certificate.
func (s *Stranger) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// Strangers tests that a client takes no answer for its provider's that is not, and that all clients make the same of one:
// nothing is dropped, and the wake goes out again. The client of send talks to s, and waits for more than 10 s by itself.
func Strangers(t *testing.T, s *Stranger, send func() (push.Answer, *push.WakeError)) {
	t.Helper()
	unclear := map[int]bool{200: true, 204: true, 408: true, 502: true, 503: true, 504: true}
	for _, status := range []int{200, 204, 301, 307, 400, 401, 403, 404, 405, 407, 408, 410, 413, 418, 421, 429, 500, 502, 503, 504} {
		for _, p := range []Page{
			{},
			{Type: "text/html", Body: "<h1>blocked</h1>"},
			{Type: "application/json", Body: `{"message":"Forbidden"}`},
			{Type: "application/json", Body: `{"error":"forbidden","reason":17}`},
			{Type: "application/json", Body: `{"error":{"reason":"x"},"reason":""}`},
			{Type: "application/json", Body: `[]`},
		} {
			p.Status = status
			s.Answers(p)
			answer, e := send()
			if status == http.StatusNoContent {
				p.Body = ""
			}
			if e == nil {
				t.Errorf("%+v: taken, want it tried again", p)
				continue
			}
			detail := p.Type + ": " + p.Body
			switch {
			case p.Type == "":
				detail = "no content type, no body"
			case p.Body == "":
				detail = p.Type + ", no body"
			}
			want := push.Answer{Provider: answer.Provider, Status: status, Error: push.FailureStranger, Detail: detail}
			if fmt.Sprint(answer) != fmt.Sprint(want) {
				t.Errorf("%+v: answer\n%+v, want\n%+v", p, answer, want)
			}
			if e.Fault != push.FaultProvider || e.Reason != "" || e.Unclear != unclear[status] || e.RetryAfter < 10*time.Second || e.RetryAfter > 15*time.Second {
				t.Errorf("%+v: %+v, want the provider's fault, after 10s to 15s, unclear %v", p, e, unclear[status])
			}
		}
	}
	for _, status := range []int{429, 503} {
		for header, want := range map[string]time.Duration{"37": 37 * time.Second, strconv.Itoa(1 << 30): 24 * time.Hour} {
			s.Answers(Page{Status: status, RetryAfter: header})
			if _, e := send(); e == nil || e.RetryAfter != want {
				t.Errorf("%d with Retry-After %s: %+v, want %s", status, header, e, want)
			}
		}
	}
}

// Warnings checks that a log's warnings are these and no others, in order: a message, and attributes as name=value, with
// "; " between them.
func Warnings(t *testing.T, l *Log, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(l.String()) {
		var attrs map[string]any
		if err := json.Unmarshal([]byte(line), &attrs); err != nil {
			t.Fatalf("the log has %q: %v", line, err)
		}
		if attrs["level"] == "WARN" {
			got = append(got, fmt.Sprint(attrs["msg"]))
			for _, name := range slices.Sorted(maps.Keys(attrs)) {
				got[len(got)-1] += fmt.Sprintf(" %s=%v", name, attrs[name])
			}
		}
	}
	fits := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		for j, part := range strings.Split(want[i], "; ") {
			fits = fits && strings.Contains(got[i], part) && (j > 0 || strings.HasPrefix(got[i], part+" "))
		}
	}
	if !fits {
		t.Errorf("the log's warnings:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
