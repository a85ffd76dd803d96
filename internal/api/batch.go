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

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

type batchInput struct {
	AppPath
	IdempotencyKey string `header:"Idempotency-Key" format:"idempotency-key" doc:"of the whole batch"`
	Body           batchBody
}

// batchBody is a protocol.BatchRequest whose document tells what a push is.
type batchBody struct {
	Pushes []each[protocol.PushRequest] `json:"pushes" minItems:"1" maxItems:"1000" doc:"1 to 1 000 pushes"`
}

// createPushes sends a batch. With an Idempotency-Key its whole answer is kept, and each item is accepted under a key of its
// own besides, so that a batch whose answer was lost to a crash half-way makes nothing twice.
func (a *API) createPushes(ctx context.Context, c *call, in *batchInput) (*answer[protocol.BatchResponse], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	key := idempotencyOf(c, in.IdempotencyKey)
	if key != nil {
		earlier, err := a.earlierBatch(ctx, in.App, *key)
		if err != nil || earlier != nil {
			return earlier, err
		}
	}
	results, err := a.acceptItems(ctx, in.App, in.Body.Pushes, key)
	if err != nil {
		return nil, err
	}
	out := &answer[protocol.BatchResponse]{http.StatusOK, protocol.BatchResponse{Results: results}}
	if key == nil {
		return out, nil
	}
	kept, err := json.Marshal(out.Body)
	if err != nil {
		return nil, fmt.Errorf("api: writing a batch's answer: %w", err)
	}
	if err := a.Store.PutIdempotent(ctx, in.App, key.Key, key.BodyHash, kept); err != nil {
		return nil, acceptError(err)
	}
	return out, nil
}

// earlierBatch is the answer that the same batch got before; nil if it is new.
func (a *API) earlierBatch(ctx context.Context, app string, key push.Idempotency) (*answer[protocol.BatchResponse], error) {
	hash, kept, err := a.Store.Idempotent(ctx, app, key.Key)
	switch {
	case errors.Is(err, push.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(hash, key.BodyHash):
		return nil, acceptError(push.ErrConflict)
	}
	out := &answer[protocol.BatchResponse]{Status: http.StatusOK}
	if err := json.Unmarshal(kept, &out.Body); err != nil {
		return nil, fmt.Errorf("api: reading a batch's earlier answer: %w", err)
	}
	return out, nil
}

// acceptItems checks each push by itself and hands the good ones on.
func (a *API) acceptItems(ctx context.Context, app string, items []each[protocol.PushRequest], key *push.Idempotency) ([]protocol.BatchResult, error) {
	results := make([]protocol.BatchResult, len(items))
	var good []push.Push
	var at []int // of each good push, in results
	for i, item := range items {
		p, err := a.batchItem(ctx, app, item, itemKey(key, i))
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
		body := acceptedBody(good[j], r.Accepted)
		results[at[j]] = protocol.BatchResult{
			Status: http.StatusAccepted, PushID: body.PushID, Deliveries: body.Deliveries, Warnings: body.Warnings,
		}
	}
	return results, ctx.Err()
}

// acceptBatch accepts the good pushes of a batch: as one, or, with a key, each under its own.
func (a *API) acceptBatch(ctx context.Context, pushes []push.Push, at []int, key *push.Idempotency) []push.AcceptResult {
	if key == nil {
		return a.Delivery.AcceptBatch(ctx, pushes)
	}
	const atOnce = 128 // enough for the store to commit them in few transactions
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

// itemKey is the key of one item of a batch. A client's own key has no control character, so the two never meet.
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

// pushSchema is what an item of a batch is checked by.
var pushSchema = sync.OnceValue(func() *standaloneSchema { return newStandaloneSchema[protocol.PushRequest]() })

// batchItem reads one push of a batch; its locations count from the item.
func (a *API) batchItem(ctx context.Context, app string, item []byte, key *push.Idempotency) (push.Push, error) {
	var body protocol.PushRequest
	f, err := pushSchema().read(item, &body)
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
