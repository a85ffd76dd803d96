package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/hushpush/hush/internal/jsonstring"
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
)

// Sending pushes is what clients do all day, and nearly all these requests look alike. The fast path reads them in one pass and
// answers without reflection. Anything that is not plain (a fault, an unknown field, a rare audience, an escape such as \u00e9)
// takes the slow path: the walk and the decoder, which report the faults. So the fast path refuses nothing, and reads exactly
// what the slow path would read.

// quickRead reads a body; it returns nil if the body must take the slow path.
type quickRead func(body []byte) quickCall

// quickCall does what a request asks for and appends the answer's body to dst.
type quickCall func(ctx context.Context, c *call, r *http.Request, dst []byte) (status int, _ []byte, err error)

// usualAnswer is the size that is enough for most answers, in bytes.
const usualAnswer = 256

// answerQuickly answers a request on the fast path.
func (a *API) answerQuickly(ctx context.Context, w http.ResponseWriter, r *http.Request, c *call, id string) {
	status, body, err := c.quick(ctx, c, r, make([]byte, 0, usualAnswer))
	if err != nil {
		writeProblem(w, a.answerTo(ctx, id, err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone reads no answer
}

func (a *API) quickPush(body []byte) quickCall {
	request, ok := readPlainPush(body)
	if !ok {
		return nil
	}
	return func(ctx context.Context, c *call, r *http.Request, dst []byte) (int, []byte, error) {
		out, err := a.createPush(ctx, c, &pushInput{
			AppPath: AppPath{rest.PathValue(r, "app")}, IdempotencyKey: r.Header.Get("Idempotency-Key"), Body: request,
		})
		if err != nil {
			return 0, nil, err
		}
		if accepted, is := out.Body.(protocol.PushAccepted); is {
			return out.Status, appendAccepted(append(dst, '{'), accepted), nil
		}
		dst, err = rest.AppendJSON(dst, out.Body)
		return out.Status, dst, err
	}
}

func (a *API) quickBatch(body []byte) quickCall {
	pushes, ok := readPlainBatch(body)
	if !ok {
		return nil
	}
	return func(ctx context.Context, c *call, r *http.Request, dst []byte) (int, []byte, error) {
		out, err := a.sendBatch(ctx, c, rest.PathValue(r, "app"), r.Header.Get("Idempotency-Key"), batch{plain: pushes})
		if err != nil {
			return 0, nil, err
		}
		dst, err = appendBatch(dst, out.Body)
		return out.Status, dst, err
	}
}

// appendBatch appends a batch's answer as JSON.
func appendBatch(dst []byte, b protocol.BatchResponse) ([]byte, error) {
	const usualResult = 96
	dst = append(slices.Grow(dst, len(b.Results)*usualResult), `{"results":[`...)
	for i, r := range b.Results {
		if i > 0 {
			dst = append(dst, ',')
		}
		if r.Status != http.StatusAccepted || r.Problem != nil || r.PushID == "" || r.Warnings == nil {
			var err error
			if dst, err = rest.AppendJSON(dst, r); err != nil {
				return nil, err
			}
			continue
		}
		dst = append(dst, `{"status":202,`...)
		dst = appendAccepted(dst, protocol.PushAccepted{PushID: r.PushID, Deliveries: r.Deliveries, Warnings: r.Warnings})
	}
	return append(dst, "]}"...), nil
}

// appendAccepted appends the fields of an accepted push and closes their object.
func appendAccepted(dst []byte, p protocol.PushAccepted) []byte {
	dst = jsonstring.Append(append(dst, `"push_id":`...), p.PushID)
	if p.Deliveries != nil {
		dst = strconv.AppendInt(append(dst, `,"deliveries":`...), int64(*p.Deliveries), 10)
	}
	dst = append(dst, `,"warnings":[`...)
	for i, w := range p.Warnings {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsonstring.Append(append(dst, `{"code":`...), w.Code)
		if w.User != "" {
			dst = jsonstring.Append(append(dst, `,"user":`...), w.User)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}
