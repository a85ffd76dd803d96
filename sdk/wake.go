package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// wakeTime returns the time of one wake: whole, for reporting, and handling, for the handlers, which share it. Both end with
// Close, and handling with Logout. The caller calls done at the end. A closed client answers ErrClosed.
func (r *runner) wakeTime(ctx context.Context) (whole, handling context.Context, done func(), err error) {
	ctx, leave, err := r.lifetime.call(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	left := r.cfg.Platform.TimeAllowed()
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	user := r.present()
	whole, endWhole := context.WithTimeoutCause(ctx, left, errTimeAllowed)
	handling, endUser := context.WithCancelCause(whole)
	release := context.AfterFunc(user, func() { endUser(context.Cause(user)) })
	handling, endHandling := context.WithTimeoutCause(handling, handlerTime(left), errTimeAllowed)
	return whole, handling, func() { endHandling(); release(); endUser(nil); endWhole(); leave() }, nil
}

// handleWake handles what a wake carries, and then what the inbox has, as far as the time allows. field is Hush's field of
// the provider's payload.
func (r *runner) handleWake(ctx context.Context, field []byte, path push.Path) (FetchResult, error) {
	sealed, err := parseWake(field)
	if err != nil {
		return NoData, err
	}
	whole, handling, done, err := r.wakeTime(ctx)
	if err != nil {
		return Failed, err
	}
	defer done()
	w, of, ours, err := r.registrar.openWake(whole, sealed)
	if err != nil {
		return Failed, err
	}
	if !ours || w.Exp != 0 && r.clock.expired(time.Unix(w.Exp, 0)) {
		r.log.Info("a wake was dropped: it has expired, or is not for the present owner", "wake", w.Wake)
		return NoData, nil
	}
	r.reporter.doubtSession()
	h := &inWake{
		runner: r, wake: w, path: path, of: of, background: !r.app.inForeground(),
		inDoubt: w.Exp != 0 && r.clock.late(time.Unix(w.Exp, 0)) == doubtful, fetch: map[string]push.Path{},
	}
	for _, handle := range wakeKinds {
		handle(h, handling)
	}
	open, err := r.reporter.flush(whole)
	if len(h.fetch) > 0 || (err == nil && open != 0) {
		more, err := r.catchUp(handling, whole, h.background, h.fetch)
		h.results, h.errs = append(h.results, more...), append(h.errs, err)
	}
	err = errors.Join(h.errs...)
	return summary(h.results, err != nil), err
}

// catchUp handles the inbox in the time of ctx, page after page, until nothing is open or nothing changes any more, and
// reports in the time of reporting. paths names pushes that a wake has announced.
func (r *runner) catchUp(ctx, reporting context.Context, background bool, paths map[string]push.Path) (results []FetchResult, err error) {
	for {
		page, i, err := r.inbox.page(ctx)
		if err != nil {
			return results, err
		}
		progress := false
		for _, p := range page.Deliveries {
			path, named := paths[p.PushID]
			if !named {
				path = push.PathInbox
			}
			result, o, err := r.run(ctx, arrival{message: messageOf(p, path), of: i.owner(), background: background})
			if err != nil {
				return append(results, result), err
			}
			if o == ran {
				results = append(results, result)
			}
			progress = progress || o == ran
		}
		open, err := r.reporter.flush(reporting)
		if err != nil || open == 0 || !progress || page.Open == 0 {
			return results, err
		}
	}
}

// summary returns the one result of a wake: NewData if any handler had new data, else Failed if any failed or could not run.
func summary(results []FetchResult, failed bool) FetchResult {
	for _, r := range results {
		if r == NewData {
			return NewData
		}
		failed = failed || r == Failed
	}
	if failed {
		return Failed
	}
	return NoData
}

// maxWakeBytes is far above what a provider carries (4 KiB).
const maxWakeBytes = 64 << 10

// parseWake reads Hush's field of a provider's payload.
func parseWake(field []byte) (protocol.SealedWake, error) {
	var w protocol.SealedWake
	if len(field) > maxWakeBytes {
		return w, fmt.Errorf("has %d bytes; want at most %d", len(field), maxWakeBytes)
	}
	var version struct{ V int }
	if err := json.NewDecoder(bytes.NewReader(field)).Decode(&version); err != nil {
		return w, fmt.Errorf("is not understood: %w", err)
	}
	switch {
	case version.V > protocol.WakeVersion:
		return protocol.SealedWake{V: version.V}, nil // nobody knows yet what else it has
	case version.V < protocol.WakeVersion:
		return w, fmt.Errorf("has version %d; want %d", version.V, protocol.WakeVersion)
	}
	if err := json.NewDecoder(bytes.NewReader(field)).Decode(&w); err != nil {
		return w, fmt.Errorf("is not understood: %w", err)
	}
	if w.K == "" || w.S == "" {
		return w, errors.New("has no key's id, or nothing sealed")
	}
	return w, nil
}

// wakeMessage is a push out of a wake, which carries neither times: its id, a UUIDv7, says when it was accepted.
func wakeMessage(p protocol.WakePush, path push.Path) Message {
	m := Message{ID: p.ID, ResourceID: p.Resource, Extras: map[string]string{ExtraPayload: *p.Payload}, Path: path}
	if at, ok := push.ID(p.ID).MadeAt(); ok {
		m.AcceptedAt = at
	}
	return m
}
