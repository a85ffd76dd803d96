package store

import (
	"context"
	"errors"
	"time"

	"github.com/hushpush/hush/push"
)

// acceptOp is the acceptance of one push.
type acceptOp struct {
	req      push.AcceptRequest
	lease    time.Duration
	look     func(push.Snapshot) push.Changes // nil: its devices are not looked at in this transaction
	targets  *targetList                      // its stored list of targets; nil: its deliveries are made in this transaction
	repeated bool                             // its idempotency key has an earlier answer
	result   push.Accepted                    // owned by the writer until the op is done
}

// Accept accepts pushes, each independently of the others. When it returns, the accepted ones are flushed to disk. The audience
// of a push that is due now is resolved in the same transaction, unless it is deferred (tags, all). The push supersedes the open
// deliveries with the same collapse key on a device. The devices that it touches are this node's for lease; with lease 0 they
// are due now and nobody's.
//
// look, if not nil, decides at once on a push for a device that has no wake in flight and few other open deliveries. It is called
// like Step's function and under the same conditions, except that it may be called concurrently for several pushes. The new
// delivery is the last one of Snapshot.Open. Its changes are committed with the push; see push.Accepted.
//
// A result's error is push.ErrNotFound (no such app or resource), push.ErrConflict (the idempotency key was used with another
// body), push.FieldErrors (a device is not registered), an error of ctx (the push was not accepted), or one of the database.
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

// acceptanceOp returns the op that accepts one push. Its weight is an estimate, since the number of each user's devices is not
// known yet.
func acceptanceOp(r push.AcceptRequest, lease time.Duration, look func(push.Snapshot) push.Changes) *op {
	o := &op{app: r.Push.App, accept: &acceptOp{req: r, lease: lease, look: look}, weight: 1}
	if !deferred(r.Push) {
		o.users, o.devices = r.Push.To.Users, r.Push.To.Devices
		o.weight += len(o.users) + len(o.devices)
	}
	return o
}

// errTooMany means that the pushes of a batch have more recipients than one transaction may write. The writer then halves the
// batch; for a single push, Accept stores the list of its targets first.
var errTooMany = errors.New("too many recipients for one transaction")

// acceptMany accepts a push that turned out to have too many recipients. It tries again if their number has changed since
// they were looked up.
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

// fixTargets resolves the audience of a push outside of any transaction, and stores the list of targets if it is long.
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

// deferred reports whether the deliveries of a push are made after it was accepted.
func deferred(p push.Push) bool { return p.To.Deferred() || p.DeliverAt.After(p.AcceptedAt) }
