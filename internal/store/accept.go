package store

import (
	"context"
	"errors"
	"time"

	"github.com/hushpush/hush/push"
)

// acceptOp is one push to be made durable.
type acceptOp struct {
	req      push.AcceptRequest
	lease    time.Duration
	look     func(push.Snapshot) push.Changes // nil: nothing is looked at with it
	targets  *targetList                      // nil: its deliveries are made with it
	repeated bool                             // an earlier answer is there
	result   push.Accepted                    // owned by the writer until the op is done
}

// Accept makes pushes durable, each by itself: when it answers, what it accepted is flushed. The audience of a push whose
// time has come is resolved in the same transaction, unless it is deferred (tags, all); what is open on a device under the
// same collapse key is superseded. Devices touched are this node's for lease; with lease 0 they are due now.
//
// look, if there is one, decides at once on a push for a device to which no wake is in flight and on which little else is open, as
// Step's function does and under the same conditions, but that it may be called at once for several pushes. What is new is the last of
// what is open. What it decided is committed with the push; see push.Accepted.
//
// Errors of a result: push.ErrNotFound (the app or its resource is not there), push.ErrConflict (another body under the
// idempotency key), push.FieldErrors (a device that is not registered), context errors (not accepted), and the database's.
func (s *Store) Accept(ctx context.Context, reqs []push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) []push.AcceptResult {
	results := make([]push.AcceptResult, len(reqs))
	ops := make([]*op, len(reqs))
	for i, r := range reqs {
		o := acceptanceOp(r, lease, look)
		var err error
		if len(o.users)+len(o.devices) > maxAtOnce {
			err = s.fixTargets(ctx, o)
		}
		if err == nil {
			err = s.writer.submit(ctx, o)
		}
		if err != nil {
			results[i].Err = wrap("accept", err)
			continue
		}
		ops[i] = o
	}
	for i, o := range ops {
		if o == nil {
			continue
		}
		err := s.writer.wait(ctx, "accept", o)
		if errors.Is(err, errTooMany) {
			o, err = s.acceptMany(ctx, acceptanceOp(reqs[i], lease, look))
		}
		if results[i].Err = err; err == nil {
			results[i].Accepted = o.accept.result
		}
	}
	return results
}

// acceptOf is the acceptance of one push, for the writer. How many devices a user has is not known before it is read.
func acceptanceOp(r push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) *op {
	o := &op{app: r.Push.App, accept: &acceptOp{req: r, lease: lease, look: look}, weight: 1}
	if !deferred(r.Push) {
		o.users, o.devices = r.Push.To.Users, r.Push.To.Devices
		o.weight += len(o.users) + len(o.devices)
	}
	return o
}

// errTooMany says that pushes have more recipients than one transaction is to write for. Of several, each is tried by itself.
var errTooMany = errors.New("too many recipients for one transaction")

// acceptMany accepts a push that turned out to be for too many. Those whom it is for can change between the questions.
func (s *Store) acceptMany(ctx context.Context, o *op) (*op, error) {
	for {
		if err := s.fixTargets(ctx, o); err != nil {
			return o, wrap("accept", err)
		}
		if err := s.write(ctx, "accept", o); !errors.Is(err, errTooMany) {
			return o, err
		}
	}
}

// fixMeant looks up whom a push is for before anyone waits for it, and keeps the list if it is long.
func (s *Store) fixTargets(ctx context.Context, o *op) error {
	r := o.accept.req
	if r.Idempotency != nil {
		_, _, found, err := s.Idempotent(ctx, r.Push.App, r.Idempotency.Key)
		if o.accept.repeated = found; found || err != nil {
			o.dropTargets()
			return err
		}
	}
	m, err := s.storeLongTargets(ctx, r.Push)
	if o.accept.targets = m; m != nil {
		o.dropTargets()
	}
	return err
}

// deferred tells whether the deliveries of a push are made later.
func deferred(p push.Push) bool { return p.To.Deferred() || p.DeliverAt.After(p.AcceptedAt) }
