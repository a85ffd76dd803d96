package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
)

const (
	maxAnswerBytes = 256 << 20       // of one JSON answer; a page of 1 000 deliveries with long timelines is far smaller
	maxRetryWait   = 5 * time.Second // between two tries, unless the server asks for more
	maxRetryAfter  = time.Minute     // if a server asks for more, the client does not try again: the caller should know
)

// question is a request, which may be sent several times.
type question struct {
	method string
	path   string // escaped, from /v1 on
	query  url.Values
	body   []byte    // nil: none
	stream io.Reader // instead of body, if the body is too large for memory; it can be sent only once
	kind   string    // the body's Content-Type
	header http.Header
	answer stranger.Promise // the answer to a success
	repeat bool             // the request may be sent again after an unclear outcome: it is safe, idempotent, or has an Idempotency-Key
}

// path joins parts into an escaped path, so that a slash, a space or an emoji in an id stays part of the id. A path with an
// empty part would name something else; ask refuses it.
func path(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	return b.String()
}

func appPath(app string, parts ...string) string {
	return path(append([]string{"v1", "apps", app}, parts...)...)
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	return q
}

// call sends a request with a JSON body (a nil in means none) and decodes the answer, which must have these members, into out
// (nil means that the answer has no body). It returns the HTTP status. GET, PUT and DELETE are repeated where that can help.
func (c *Client) call(ctx context.Context, method, path string, in, out any, members ...string) (int, error) {
	q := question{method: method, path: path, repeat: method != http.MethodPost, answer: promised(method, out != nil, members)}
	if err := q.setJSON(in); err != nil {
		return 0, err
	}
	return c.askJSON(ctx, q, out)
}

// post calls with POST; its success has this status instead of 200.
func (c *Client) post(ctx context.Context, path string, in, out any, status int, members ...string) error {
	q := question{method: http.MethodPost, path: path, answer: stranger.Promise{Statuses: []int{status}, Kind: stranger.KindJSON, Members: members}}
	if err := q.setJSON(in); err != nil {
		return err
	}
	_, err := c.askJSON(ctx, q, out)
	return err
}

// list gets a page whose list is in this member.
func (c *Client) list(ctx context.Context, path string, page Page, out any, member string) error {
	_, err := c.askJSON(ctx, question{method: http.MethodGet, path: path, query: page.query(), repeat: true,
		answer: promised(http.MethodGet, true, []string{member})}, out)
	return err
}

// setJSON encodes in, or uses a json.RawMessage byte for byte.
func (q *question) setJSON(in any) error {
	if in == nil {
		return nil
	}
	q.kind = stranger.KindJSON
	if raw, ok := in.(json.RawMessage); ok {
		q.body = raw // the server checks it as it was written
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(in); err != nil {
		return fmt.Errorf("client: encode the body of %s %s: %w", q.method, q.path, err)
	}
	q.body = b.Bytes()
	return nil
}

// checkUTF8 checks a string that people choose freely. Go's encoder would silently replace invalid UTF-8, and the receiver
// would get other bytes than the caller gave.
func checkUTF8(what, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("client: %s is not UTF-8; want UTF-8, or an encoding of it such as base64", what)
	}
	return nil
}

func (c *Client) askJSON(ctx context.Context, q question, out any) (int, error) {
	status, body, err := c.ask(ctx, q)
	if c.onAnswer != nil && len(body) > 0 {
		c.onAnswer(body)
	}
	if err != nil || out == nil {
		return status, err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return status, fmt.Errorf("client: read the answer to %s %s: %w", q.method, q.path, err)
	}
	return status, nil
}

// ask sends q until an answer comes that another try would not change. It returns a body only if it is Hush's; a problem is
// returned beside its *Error.
func (c *Client) ask(ctx context.Context, q question) (int, []byte, error) {
	if strings.Contains(q.path, "//") || strings.HasSuffix(q.path, "/") {
		return 0, nil, fmt.Errorf("client: %s %s: a name or id in the path is empty; want one", q.method, q.path)
	}
	for try := 1; ; try++ {
		status, body, err := c.once(ctx, q)
		if err == nil {
			return status, body, nil
		}
		wait, again := c.retry(q, try, err)
		if !again || pause.For(ctx, wait) != nil {
			return status, body, err
		}
	}
}

// once sends q one time. Every error that it returns is an *Error or wraps ErrUnreachable.
func (c *Client) once(ctx context.Context, q question) (int, []byte, error) {
	resp, err := c.send(ctx, q)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("%w: %s %s: read the answer: %w", ErrUnreachable, q.method, c.base+q.path, err)
	}
	if err := refused(resp, q.path, body); err != nil {
		if err.Code == "" {
			body = nil // not Hush's
		}
		return resp.StatusCode, body, err
	}
	if err := broken(resp, q.answer.Check(resp, body)); err != nil {
		return resp.StatusCode, nil, err
	}
	return resp.StatusCode, body, nil
}

func (c *Client) send(ctx context.Context, q question) (*http.Response, error) {
	target := c.base + q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	body := q.stream
	if body == nil {
		body = bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", q.method, q.path, err)
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if q.kind != "" {
		req.Header.Set("Content-Type", q.kind)
	}
	if c.key != "" && req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, stranger.SchemeAdvice(err))
	}
	return resp, nil
}

// retry reports whether another try can help, and after how long. After a 503 it can help any request that may be repeated.
// After a 429 or a full backlog it can help any request, since the server did nothing.
func (c *Client) retry(q question, try int, err error) (time.Duration, bool) {
	if try >= c.tries {
		return 0, false
	}
	wait := min(c.retryWait<<(try-1), maxRetryWait)
	wait = wait/2 + rand.N(wait/2+1)
	var refused *Error
	if !errors.As(err, &refused) {
		return wait, q.repeat
	}
	switch {
	case refused.RetryAfter > maxRetryAfter:
		return 0, false
	case refused.Status == http.StatusTooManyRequests, refused.Code == string(protocol.ProblemBacklogFull),
		refused.Status == http.StatusServiceUnavailable && q.repeat:
		return max(wait, refused.RetryAfter), true
	case refused.Code == "" && (refused.Status == http.StatusBadGateway || refused.Status == http.StatusGatewayTimeout):
		return wait, q.repeat // a proxy's answer, and not Hush's
	}
	return 0, false
}
