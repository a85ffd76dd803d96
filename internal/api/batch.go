package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// answerStore keeps answers for repeated requests.
type answerStore interface {
	// Idempotent returns the hash of the body that came with an idempotency key, and the answer; push.ErrNotFound if the key is new.
	Idempotent(ctx context.Context, app, key string) (hash, answer []byte, err error)

	// PutIdempotent stores the answer to a whole batch; push.ErrConflict if the key is taken.
	PutIdempotent(ctx context.Context, app, key string, hash, answer []byte) error
}

type batchInput struct {
	AppPath
	IdempotencyKey string `header:"Idempotency-Key" format:"idempotency-key" doc:"of the whole batch"`
	Body           batchBody
}

// batchBody is a protocol.BatchRequest whose items each reports faults of its own.
type batchBody struct {
	Pushes []each[protocol.PushRequest] `json:"pushes" minItems:"1" maxItems:"1000" doc:"1 to 1 000 pushes"`
}

// batch holds the pushes of a batch: either as they came, or already read.
type batch struct {
	texts []each[protocol.PushRequest]
	plain []protocol.PushRequest // instead of texts
}

func (b batch) len() int { return max(len(b.texts), len(b.plain)) }

// read returns the push at i and its faults, with locations relative to the item.
func (b batch) read(i int) (p protocol.PushRequest, f faults, err error) {
	if b.plain != nil {
		return b.plain[i], nil, nil
	}
	f, err = readItem(b.texts[i], pushSchema(), &p)
	return p, f, err
}

func (a *API) createPushes(ctx context.Context, c *call, in *batchInput) (*rest.Answer[protocol.BatchResponse], error) {
	return a.sendBatch(ctx, c, in.App, in.IdempotencyKey, batch{texts: in.Body.Pushes})
}

// sendBatch sends a batch. With an Idempotency-Key the whole answer is stored. Each item is also accepted under a key of its own,
// so that a batch whose answer was lost in a crash does not send anything twice.
func (a *API) sendBatch(ctx context.Context, c *call, app, idempotencyKey string, pushes batch) (*rest.Answer[protocol.BatchResponse], error) {
	if err := a.app(ctx, c, app); err != nil {
		return nil, err
	}
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	key := idempotencyOf(c, idempotencyKey)
	if key != nil {
		earlier, err := a.earlierBatch(ctx, app, *key)
		if err != nil || earlier != nil {
			return earlier, err
		}
	}
	results, err := a.acceptItems(ctx, app, pushes, key)
	if err != nil {
		return nil, err
	}
	out := rest.NewAnswer(http.StatusOK, protocol.BatchResponse{Results: results})
	if key == nil {
		return out, nil
	}
	kept, err := json.Marshal(out.Body)
	if err != nil {
		return nil, fmt.Errorf("api: writing a batch's answer: %w", err)
	}
	if err := a.Store.PutIdempotent(ctx, app, key.Key, key.BodyHash, kept); err != nil {
		return nil, acceptError(err)
	}
	return out, nil
}

// earlierBatch returns the answer that the same batch got before; nil if the key is new.
func (a *API) earlierBatch(ctx context.Context, app string, key push.Idempotency) (*rest.Answer[protocol.BatchResponse], error) {
	hash, kept, err := a.Store.Idempotent(ctx, app, key.Key)
	switch {
	case errors.Is(err, push.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(hash, key.BodyHash):
		return nil, acceptError(push.ErrConflict)
	}
	out := &rest.Answer[protocol.BatchResponse]{Status: http.StatusOK}
	if err := json.Unmarshal(kept, &out.Body); err != nil {
		return nil, fmt.Errorf("api: reading a batch's earlier answer: %w", err)
	}
	return out, nil
}

// acceptItems checks each push and passes the valid ones on.
func (a *API) acceptItems(ctx context.Context, app string, pushes batch, key *push.Idempotency) ([]protocol.BatchResult, error) {
	results := make([]protocol.BatchResult, pushes.len())
	good := make([]push.Push, 0, len(results))
	at := make([]int, 0, len(results)) // index in results of each valid push
	for i := range results {
		p, err := a.batchItem(ctx, app, pushes, i, itemKey(key, i))
		if err != nil {
			results[i] = a.refusedItem(ctx, err)
			continue
		}
		good, at = append(good, p), append(at, i)
	}
	if len(good) == 0 {
		return results, ctx.Err()
	}
	accepted, err := a.acceptAll(ctx, good, at, key)
	if err != nil {
		return nil, err
	}
	for j, r := range accepted {
		if r.Err != nil {
			results[at[j]] = a.refusedItem(ctx, acceptError(r.Err))
			continue
		}
		body := acceptedBody(&good[j], &r.Accepted)
		results[at[j]] = protocol.BatchResult{
			Status: http.StatusAccepted, PushID: body.PushID, Deliveries: body.Deliveries, Warnings: body.Warnings,
		}
	}
	return results, ctx.Err()
}

// acceptBatch accepts the valid pushes of a batch: together or, with a key, each under its own.
func (a *API) acceptBatch(ctx context.Context, pushes []push.Push, at []int, key *push.Idempotency) []push.AcceptResult {
	if key == nil {
		return a.Delivery.AcceptBatch(ctx, pushes)
	}
	const atOnce = 128 // enough that the store commits them in few transactions
	results := make([]push.AcceptResult, len(pushes))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, p := range pushes {
		group.Go(func() error {
			results[i].Accepted, results[i].Err = a.Delivery.Accept(ctx, p, itemKey(key, at[i]))
			return nil
		})
	}
	_ = group.Wait() // errors are in the results
	return results
}

// itemKey returns the key of one item of a batch. Clients' keys contain no control characters, so the two never collide.
func itemKey(key *push.Idempotency, i int) *push.Idempotency {
	if key == nil {
		return nil
	}
	return &push.Idempotency{Key: fmt.Sprintf("%s\n%d", key.Key, i), BodyHash: key.BodyHash}
}

func (a *API) refusedItem(ctx context.Context, err error) protocol.BatchResult {
	p := a.answerTo(ctx, "createPushes", err)
	return protocol.BatchResult{Status: p.Status, Problem: &p.Problem}
}

// pushSchema returns the schema of an item of a batch.
var pushSchema = sync.OnceValue(func() *rest.Schema { return rest.SchemaFor[protocol.PushRequest](newSchemas()) })

// batchItem reads and checks one push of a batch.
func (a *API) batchItem(ctx context.Context, app string, pushes batch, i int, key *push.Idempotency) (push.Push, error) {
	body, f, err := pushes.read(i)
	if err != nil {
		return push.Push{}, err
	}
	if body.DryRun {
		f.add("body.dry_run", push.CodeBadValue, "is true; a batch has no dry run: send the push alone, or leave it out")
	}
	p, err := a.checkPush(ctx, &f, app, body)
	if err != nil {
		return push.Push{}, err
	}
	if err := f.err(); err != nil && !a.repeats(ctx, app, key) {
		return push.Push{}, err
	}
	return p, nil
}
