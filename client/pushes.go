package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// PushOption is an option of Push and PushBatch.
type PushOption func(*question)

// IdempotencyKey sets the key that identifies the push (or batch), so that the same request, sent again by another process or
// after a restart, makes no second push: the first answer comes back. The server refuses another body under the same key as a
// conflict. Without this option the client makes a new key for each call, which covers its own repeats.
func IdempotencyKey(key string) PushOption {
	return func(q *question) { q.header.Set("Idempotency-Key", key) }
}

// Push sends a push. A nil error says that the push is on the server's disk. After an error that is ErrUnreachable the push
// may be there all the same; the client has then already repeated it under one Idempotency-Key. Use DryRun for requests with
// DryRun set. Needs role send.
func (c *Client) Push(ctx context.Context, app string, p protocol.PushRequest, opts ...PushOption) (a protocol.PushAccepted, err error) {
	if p.DryRun {
		return a, fmt.Errorf("client: the push is a dry run; want DryRun for it")
	}
	q, err := pushQuestion(appPath(app, "pushes"), opts, stranger.Promise{Statuses: []int{http.StatusAccepted}, Kind: stranger.KindJSON, Members: []string{"push_id"}})
	if err != nil {
		return a, err
	}
	if err := checkPush(p); err != nil {
		return a, err
	}
	if err := q.setJSON(p); err != nil {
		return a, err
	}
	if _, err = c.askJSON(ctx, q, &a); err != nil {
		return a, err
	}
	if _, err := uuid.Parse(a.PushID); err != nil {
		return protocol.PushAccepted{}, fmt.Errorf("client: the answer's push_id is no UUID; not an answer of Hush")
	}
	return a, nil
}

// DryRun returns, for each device, what a push would do, and sends nothing. Needs role send.
func (c *Client) DryRun(ctx context.Context, app string, p protocol.PushRequest) (d protocol.DryRun, err error) {
	if err := checkPush(p); err != nil {
		return d, err
	}
	p.DryRun = true
	q := question{method: http.MethodPost, path: appPath(app, "pushes"), repeat: true,
		answer: promised(http.MethodPost, true, []string{"deliveries"})}
	if err := q.setJSON(p); err != nil {
		return d, err
	}
	_, err = c.askJSON(ctx, q, &d)
	return d, err
}

// PushBatch sends up to 1 000 different pushes. The results are in the order of the pushes. A nil error says nothing about a
// single push: look at its Status, and at ItemError. Needs role send.
func (c *Client) PushBatch(ctx context.Context, app string, pushes []protocol.PushRequest, opts ...PushOption) ([]protocol.BatchResult, error) {
	q, err := pushQuestion(appPath(app, "pushes", "batch"), opts, promised(http.MethodPost, true, []string{"results"}))
	if err != nil {
		return nil, err
	}
	body := protocol.BatchRequest{Pushes: make([]json.RawMessage, len(pushes))}
	for i, p := range pushes {
		if err := checkPush(p); err != nil {
			return nil, fmt.Errorf("push %d: %w", i, err)
		}
		if body.Pushes[i], err = json.Marshal(p); err != nil {
			return nil, fmt.Errorf("client: encode push %d: %w", i, err)
		}
	}
	if err := q.setJSON(body); err != nil {
		return nil, err
	}
	var answer protocol.BatchResponse
	if _, err := c.askJSON(ctx, q, &answer); err != nil {
		return nil, err
	}
	return answer.Results, checkBatch(answer.Results, len(pushes))
}

// checkBatch checks that the results are complete for so many pushes.
func checkBatch(results []protocol.BatchResult, pushes int) error {
	if len(results) != pushes {
		return fmt.Errorf("client: the batch of %d pushes has %d results; what became of each is unknown", pushes, len(results))
	}
	for i, r := range results {
		if _, err := uuid.Parse(r.PushID); (r.Status != http.StatusAccepted || err != nil) && r.Problem == nil {
			return fmt.Errorf("client: result %d of the batch is not one: want 202 and a push_id, or a problem", i)
		}
	}
	return nil
}

// ItemError returns the *Error of a push in a batch, or nil if the push was accepted.
func ItemError(r protocol.BatchResult) error {
	if r.Problem == nil {
		return nil
	}
	return problemError(r.Problem)
}

// PushFilter selects pushes. Its zero value selects all.
type PushFilter struct {
	State    push.State // of any delivery; with User, of any delivery of that user
	Resource string
	User     string
	After    time.Time // accepted at that time or later
	Before   time.Time // accepted before that time
}

func (f PushFilter) addTo(q url.Values) {
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("state", string(f.State))
	set("resource", f.Resource)
	set("user", f.User)
	if !f.After.IsZero() {
		set("after", f.After.UTC().Format(time.RFC3339Nano))
	}
	if !f.Before.IsZero() {
		set("before", f.Before.UTC().Format(time.RFC3339Nano))
	}
}

// Pushes returns a page of the pushes that the filter selects, newest first. If the filter rarely matches, a page may be
// short or empty and have a cursor all the same: the server reads only a limited number of pushes for one request. Needs role
// read.
func (c *Client) Pushes(ctx context.Context, app string, f PushFilter, page Page) (p protocol.Pushes, err error) {
	query := page.query()
	f.addTo(query)
	_, err = c.askJSON(ctx, question{method: http.MethodGet, path: appPath(app, "pushes"), query: query, repeat: true,
		answer: promised(http.MethodGet, true, []string{"pushes"})}, &p)
	return p, err
}

// Status returns a push with a page of its deliveries and their timelines. Needs role read.
func (c *Client) Status(ctx context.Context, app, pushID string, page Page) (p protocol.Push, err error) {
	err = c.list(ctx, appPath(app, "pushes", pushID), page, &p, "push_id")
	return p, err
}

// Cancel ends the deliveries of a push that are not final, and returns how many it ended and which were final already. Needs
// role send.
func (c *Client) Cancel(ctx context.Context, app, pushID string) (done protocol.Cancelled, err error) {
	_, err = c.call(ctx, http.MethodDelete, appPath(app, "pushes", pushID), nil, &done, "cancelled", "already_final")
	return done, err
}

func pushQuestion(path string, opts []PushOption, answer stranger.Promise) (question, error) {
	key, err := uuid.NewV7()
	if err != nil {
		return question{}, fmt.Errorf("client: make an idempotency key: %w", err)
	}
	q := question{method: http.MethodPost, path: path, header: http.Header{}, repeat: true, answer: answer}
	q.header.Set("Idempotency-Key", key.String())
	for _, o := range opts {
		o(&q)
	}
	return q, nil
}

// checkPush refuses strings that JSON cannot carry unchanged. The server checks everything else, and says more about it.
func checkPush(p protocol.PushRequest) error {
	if err := checkUTF8("the payload", p.Payload); err != nil {
		return err
	}
	for _, id := range append(p.To.Users[:len(p.To.Users):len(p.To.Users)], p.To.Devices...) {
		if err := checkUTF8("an id in to", id); err != nil {
			return err
		}
	}
	return checkUTF8("the collapse key", p.CollapseKey)
}
