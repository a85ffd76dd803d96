package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// pushStore stores accepted pushes.
type pushStore interface {
	// Push returns a push and its standing as a whole.
	Push(ctx context.Context, app string, id push.ID) (push.Push, push.Standing, error)

	// Deliveries returns a page of a push's deliveries with timelines, users without a device first. Scheduled deliveries are
	// shown as they will be.
	Deliveries(ctx context.Context, app string, id push.ID, cursor string, limit int) (deliveries []push.Delivery, next string, err error)

	// Counts returns the number of deliveries in each state, of those that Deliveries returns.
	Counts(ctx context.Context, app string, id push.ID) (map[push.State]int, error)

	// Cancel ends a push's open deliveries, in pieces, and keeps it from making more. It returns how many it has ended, and up to
	// 10 000 of those that were final before.
	Cancel(ctx context.Context, app string, id push.ID) (cancelled int, final []push.Delivery, err error)
}

// maxLate is how far in the past a deliver_at may be, because the request took time to arrive.
const maxLate = time.Minute

type pushInput struct {
	AppPath
	IdempotencyKey string `header:"Idempotency-Key" format:"idempotency-key" doc:"1 to 255 printable ASCII characters; the same key with the same body gives the earlier answer"`
	Body           protocol.PushRequest
}

type PushPath struct {
	AppPath
	PushID string `path:"push_id" doc:"as the answer to the push gave it" example:"01982d0e-1111-7000-8000-000000000000"`
}

type pushPage struct {
	PushPath
	Page
}

func (a *API) pushRoutes() {
	const pushes = "/v1/apps/{app}/pushes"
	register(a, route{id: "createPush", method: http.MethodPost, path: pushes, tag: chapterPushes, needs: needsSend, limit: maxPushBody, status: http.StatusAccepted, checks: true, quick: a.quickPush, refuses: []protocol.ProblemCode{codeConflict, codeBacklogFull},
		summary: "Send a push", about: "202 is answered once the push is on disk. With `dry_run`, 200 tells what would be done, and nothing is.",
		answers: map[int]any{http.StatusAccepted: protocol.PushAccepted{}, http.StatusOK: protocol.DryRun{}},
		example: protocol.PushRequest{To: protocol.Audience{Users: []string{"alice", "bob"}}, ResourceID: "both", Payload: `{"cursor":1841}`, TTL: "24h", CollapseKey: "notes"}}, a.createPush)
	register(a, route{id: "createPushes", method: http.MethodPost, path: pushes + "/batch", tag: chapterPushes, needs: needsSend, limit: maxBatchBody, checks: true, quick: a.quickBatch, refuses: []protocol.ProblemCode{codeConflict, codeBacklogFull},
		summary: "Send up to 1 000 different pushes", about: "Each is checked by itself: the good ones are accepted, each wrong one gets a problem whose locations count from the item (`body.ttl`). " +
			"With `backlog_full` none of them was accepted.",
		example: map[string]any{"pushes": []protocol.PushRequest{{To: protocol.Audience{Users: []string{"alice"}}, ResourceID: "both", Payload: "1"}}}}, a.createPushes)
	register(a, route{id: "getPush", method: http.MethodGet, path: pushes + "/{push_id}", tag: chapterPushes, needs: needsRead,
		summary: "Read a push's state, and its timeline on each device"}, a.getPush)
	register(a, route{id: "cancelPush", method: http.MethodDelete, path: pushes + "/{push_id}", tag: chapterPushes, needs: needsSend,
		summary: "Cancel a push", about: "What is not final becomes cancelled; what already was is named."}, a.cancelPush)
}

// checkPush reads a push and adds its faults to f. The error is not the caller's fault.
func (a *API) checkPush(ctx context.Context, f *faults, app string, b protocol.PushRequest) (push.Push, error) {
	now := a.Now().UTC()
	p := push.Push{
		ID: push.NewID(), App: app, ResourceID: b.ResourceID, Payload: []byte(b.Payload), To: b.To.Parse(),
		CollapseKey: b.CollapseKey, Deliver: b.Deliver, AcceptedAt: now,
	}
	if err := a.checkAudience(ctx, f, app, &p.To); err != nil {
		return p, err
	}
	if err := a.checkResourceKnown(ctx, f, app, b.ResourceID); err != nil {
		return p, err
	}
	if len(p.Payload) > push.MaxPayloadBytes {
		f.add("body.payload", push.CodePayloadTooLarge, "has %d bytes; want at most %d (64 KiB)", len(p.Payload), push.MaxPayloadBytes)
	}
	if p.TTL = durationAt(f, "body.ttl", b.TTL); p.TTL != nil && (*p.TTL < 0 || *p.TTL > push.MaxTTL) {
		f.add("body.ttl", push.CodeOutOfRange, "is %s; want 0s (now or never) to %s (28 days)", rest.Quoted(b.TTL), push.MaxTTL)
	}
	checkCollapseKey(f, "body.collapse_key", b.CollapseKey)
	switch p.Deliver {
	case "":
		p.Deliver = push.Auto
	case push.Auto, push.SessionOnly, push.WakeAlways:
	default:
		f.add("body.deliver", push.CodeBadValue, "is %s; want auto, session or wake", rest.Quoted(string(p.Deliver)))
	}
	p.DeliverAt = deliverAt(f, now, b.DeliverAt)
	return p, nil
}

// deliverAt returns the time that a push must wait for; zero: none was given. One that has just passed is kept as it is, so that
// the answer has the same shape whichever clock is ahead.
func deliverAt(f *faults, now time.Time, text string) time.Time {
	t := timeAt(f, "body.deliver_at", text)
	switch {
	case t.IsZero():
		return t
	case t.Before(now.Add(-maxLate)):
		f.add("body.deliver_at", push.CodeOutOfRange, "is %s, more than a minute ago; want now to 28 days ahead (the server's time is %s)", rest.Quoted(text), now.Format(time.RFC3339))
	case t.After(now.Add(push.MaxDeliverAhead)):
		f.add("body.deliver_at", push.CodeOutOfRange, "is %s, more than 28 days ahead; want now to 28 days ahead (the server's time is %s)", rest.Quoted(text), now.Format(time.RFC3339))
	}
	return t
}

func checkCollapseKey(f *faults, at, key string) {
	if len(key) > push.MaxCollapseBytes {
		f.add(at, push.CodeOutOfRange, "has %d bytes; want at most %d", len(key), push.MaxCollapseBytes)
	}
	if strings.IndexFunc(key, unicode.IsControl) >= 0 {
		f.add(at, push.CodeBadValue, "has a control character; want none")
	}
}

func (a *API) checkResourceKnown(ctx context.Context, f *faults, app, id string) error {
	const at = "body.resource_id"
	if f.has(at) {
		return nil
	}
	if err := push.CheckResourceID(id); err != nil {
		f.add(at, push.CodeBadID, "%s", err.Error())
		return nil
	}
	_, err := a.Store.Resource(ctx, app, id)
	if errors.Is(err, push.ErrNotFound) {
		f.add(at, push.CodeUnknownResource, "is %s, which the app does not have; want one of its resources", rest.Quoted(id))
		return nil
	}
	return err
}

func (a *API) createPush(ctx context.Context, c *call, in *pushInput) (*rest.Answer[any], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	p, err := a.checkPush(ctx, &c.faults, in.App, in.Body)
	if err != nil {
		return nil, err
	}
	key := idempotencyOf(c, in.IdempotencyKey)
	if err := c.faults.err(); err != nil && !a.repeats(ctx, in.App, key) {
		return nil, err
	}
	if in.Body.DryRun {
		return a.dryRun(ctx, p)
	}
	accepted, err := a.accept(ctx, p, key)
	if err != nil {
		return nil, acceptError(err)
	}
	return rest.NewAnswer[any](http.StatusAccepted, acceptedBody(&p, &accepted)), nil
}

func idempotencyOf(c *call, key string) *push.Idempotency {
	if key == "" {
		return nil
	}
	return &push.Idempotency{Key: key, BodyHash: c.bodyHash}
}

// repeats reports whether the same request was accepted before. If so, it gets its answer again even if it would now be refused,
// for instance because its deliver_at has passed or its resource was deleted.
func (a *API) repeats(ctx context.Context, app string, key *push.Idempotency) bool {
	if key == nil {
		return false
	}
	hash, _, err := a.Store.Idempotent(ctx, app, key.Key)
	return err == nil && bytes.Equal(hash, key.BodyHash)
}

// acceptError turns a conflict at acceptance into the problem for it, and returns other errors unchanged.
func acceptError(err error) error {
	if errors.Is(err, push.ErrConflict) {
		return newProblem(http.StatusConflict, codeConflict, "this Idempotency-Key came with another body before; want the same body, or another key")
	}
	return err
}

func acceptedBody(p *push.Push, accepted *push.Accepted) protocol.PushAccepted {
	body := protocol.PushAccepted{PushID: string(accepted.ID), Warnings: listOf(accepted.Warnings, protocol.NewWarning)}
	if !p.To.Deferred() && p.DeliverAt.IsZero() {
		deliveries := accepted.Deliveries
		body.Deliveries = &deliveries
	}
	return body
}

func same[T any](t T) T { return t }

func (a *API) dryRun(ctx context.Context, p push.Push) (*rest.Answer[any], error) {
	decisions, warnings, err := a.Delivery.DryRun(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(decisions) == 0 {
		warnings = append(warnings, p.Warnings(push.Standing{Expanded: true}, nil)...)
	}
	return rest.NewAnswer[any](http.StatusOK, protocol.DryRun{
		Deliveries: listOf(decisions, func(d push.Decision) protocol.Decision {
			return protocol.Decision{DeviceID: d.DeviceID, Do: d.Do, Reason: d.Reason, Provider: d.Provider, Budget: budgetBody(d.Budget)}
		}),
		Warnings: listOf(warnings, protocol.NewWarning),
	}), nil
}

// pushID parses the id in a path. An invalid id is answered like that of a push that does not exist.
func pushID(text string) (push.ID, error) {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return "", notFound("push", text)
	}
	return push.ID(text), nil
}

func deliveryBody(d push.Delivery) protocol.Delivery {
	return protocol.Delivery{
		DeviceID: d.DeviceID, User: d.User, State: d.State, Result: d.Result, Reason: d.Reason, Path: d.Path, Events: listOf(d.Events, protocol.NewEvent),
	}
}

// pushBody returns a push without its deliveries.
func pushBody(p push.Push, standing push.Standing, counts map[push.State]int) protocol.Push {
	return protocol.Push{
		PushID: string(p.ID), ResourceID: p.ResourceID, AcceptedAt: p.AcceptedAt.UTC(), ExpiresAt: standing.ExpiresAt.UTC(),
		Final: standing.Final, Expanded: standing.Expanded, Counts: counts,
		Warnings: listOf(p.Warnings(standing, counts), protocol.NewWarning), Deliveries: []protocol.Delivery{}, DeliverAt: timeOrNone(p.DeliverAt),
	}
}

func (a *API) getPush(ctx context.Context, c *call, in *pushPage) (*rest.Answer[protocol.Push], error) {
	id, p, standing, err := a.findPush(ctx, c, in.PushPath)
	if err != nil {
		return nil, err
	}
	deliveries, next, err := a.Store.Deliveries(ctx, in.App, id, in.Cursor, in.Limit)
	if err != nil {
		return nil, missing(err, "push", in.PushID)
	}
	counts, err := a.Store.Counts(ctx, in.App, id)
	if err != nil {
		return nil, missing(err, "push", in.PushID)
	}
	body := pushBody(p, standing, counts)
	if body.Deliveries, err = a.deliveryBodies(ctx, deliveries); err != nil {
		return nil, err
	}
	body.Cursor = next
	return rest.NewAnswer(http.StatusOK, body), nil
}

func (a *API) findPush(ctx context.Context, c *call, path PushPath) (push.ID, push.Push, push.Standing, error) {
	if err := a.app(ctx, c, path.App); err != nil {
		return "", push.Push{}, push.Standing{}, err
	}
	id, err := pushID(path.PushID)
	if err != nil {
		return "", push.Push{}, push.Standing{}, err
	}
	p, standing, err := a.Store.Push(ctx, path.App, id)
	return id, p, standing, missing(err, "push", path.PushID)
}

func (a *API) cancelPush(ctx context.Context, c *call, in *PushPath) (*rest.Answer[protocol.Cancelled], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	id, err := pushID(in.PushID)
	if err != nil {
		return nil, err
	}
	cancelled, final, err := a.Store.Cancel(ctx, in.App, id)
	if err != nil {
		return nil, missing(err, "push", in.PushID)
	}
	p, standing, err := a.Store.Push(ctx, in.App, id)
	if err != nil {
		return nil, missing(err, "push", in.PushID)
	}
	var warnings []push.Warning
	if standing.CancelledEarly || cancelled == 0 && len(final) == 0 { // otherwise there are deliveries, and counting those of a broadcast takes long
		counts, err := a.Store.Counts(ctx, in.App, id)
		if err != nil {
			return nil, missing(err, "push", in.PushID)
		}
		warnings = p.Warnings(standing, counts)
	}
	return rest.NewAnswer(http.StatusOK, protocol.Cancelled{
		Cancelled: cancelled,
		Warnings:  listOf(warnings, protocol.NewWarning),
		AlreadyFinal: listOf(final, func(d push.Delivery) protocol.FinalDelivery {
			return protocol.FinalDelivery{DeviceID: d.DeviceID, State: d.State}
		}),
	}), nil
}
