package api

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// followStore reads the changes of a push.
type followStore interface {
	// Watch follows the changes of a push that this process commits from now on.
	Watch(id push.ID) push.Watch

	// DeliveriesOf returns the named deliveries of a push that exist, with timelines, in no order.
	DeliveriesOf(ctx context.Context, app string, id push.ID, keys []push.DeliveryKey) ([]push.Delivery, error)

	// Final reports whether all deliveries of a push exist and are final. It is cheap however many there are.
	Final(ctx context.Context, app string, id push.ID) (bool, error)
}

const eventPage = 500 // deliveries read at a time

func (a *API) eventRoutes() {
	register(a, route{id: "followPush", method: http.MethodGet, path: "/v1/apps/{app}/pushes/{push_id}/events", tag: chapterPushes, needs: needsRead,
		summary: "Follow a push live",
		about: "Server-sent events: `delivery` for each delivery as it stands, first all of them and then whenever one changes; " +
			"`final` (the push without deliveries) when all are final, which ends the stream. " +
			"A key follows at most `limits.streams_per_key` pushes (100) at the same time.",
		stream: "text/event-stream", streamEvents: map[string]any{"delivery": protocol.Delivery{}, "final": protocol.Push{}}}, a.followPush)
}

func (a *API) followPush(ctx context.Context, c *call, in *PushPath) (rest.Stream, error) {
	id, _, _, err := a.findPush(ctx, c, *in)
	if err != nil {
		return nil, err
	}
	return a.serverSentEvents(ctx, c, func(w *eventWriter) error {
		s := &eventStream{eventWriter: w, api: a, app: in.App, id: id, seed: maphash.MakeSeed(), sent: map[uint64]uint64{}}
		return s.run(ctx)
	})
}

// eventStream follows one push for one client. It keeps only two hashes of each delivery, because a broadcast may have a million.
type eventStream struct {
	*eventWriter
	api    *API
	app    string
	id     push.ID
	seed   maphash.Seed
	sent   map[uint64]uint64  // hash of the delivery's key: hash of what was sent last
	counts map[push.State]int // at the last look for changes of other processes
}

// run sends all changes until the push is final or the client leaves. It reads nothing while nothing changes.
func (s *eventStream) run(ctx context.Context) error {
	watch := s.api.Store.Watch(s.id)
	defer watch.Stop()
	var keys []push.DeliveryKey
	for whole := true; ; {
		// Read Final before the deliveries: otherwise one that ends in between would be missed. The change that made the push
		// final may not have been sent yet.
		final, err := s.api.Store.Final(ctx, s.app, s.id)
		if err != nil {
			return fmt.Errorf("api: live timeline: %w", err)
		}
		if whole || final {
			err = s.sendAll(ctx)
		} else {
			err = s.sendThese(ctx, keys)
		}
		if err != nil {
			return fmt.Errorf("api: live timeline: %w", err)
		}
		if final {
			return s.sendFinal(ctx)
		}
		if keys, whole, err = s.wait(ctx, watch); err != nil {
			return err
		}
	}
}

func (s *eventStream) sendFinal(ctx context.Context) error {
	p, standing, err := s.api.Store.Push(ctx, s.app, s.id)
	if err != nil {
		return fmt.Errorf("api: live timeline: %w", err)
	}
	counts, err := s.api.Store.Counts(ctx, s.app, s.id)
	if err != nil {
		return fmt.Errorf("api: live timeline: %w", err)
	}
	return s.send("final", pushBody(p, standing, counts))
}

// sendAll sends each delivery that has changed since it was last sent.
func (s *eventStream) sendAll(ctx context.Context) error {
	cursor := ""
	for {
		deliveries, next, err := s.api.Store.Deliveries(ctx, s.app, s.id, cursor, eventPage)
		if err != nil {
			return err
		}
		if err := s.sendChanged(ctx, deliveries); err != nil {
			return err
		}
		if next == "" {
			return s.flush()
		}
		cursor = next
	}
}

// sendThese sends the named deliveries, which were reported as changed.
func (s *eventStream) sendThese(ctx context.Context, keys []push.DeliveryKey) error {
	for page := range slices.Chunk(keys, eventPage) {
		deliveries, err := s.api.Store.DeliveriesOf(ctx, s.app, s.id, page)
		if err != nil {
			return err
		}
		if err := s.sendChanged(ctx, deliveries); err != nil {
			return err
		}
	}
	return s.flush()
}

func (s *eventStream) sendChanged(ctx context.Context, deliveries []push.Delivery) error {
	bodies, err := s.api.deliveryBodies(ctx, deliveries)
	if err != nil {
		return err
	}
	for _, d := range bodies {
		if err := s.sendOne(d); err != nil {
			return err
		}
	}
	return nil
}

func (s *eventStream) sendOne(body protocol.Delivery) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	who := maphash.String(s.seed, body.DeviceID+"\x00"+body.User)
	what := maphash.Bytes(s.seed, text)
	if last, known := s.sent[who]; known && last == what {
		return nil
	}
	s.sent[who] = what
	return s.write("event: delivery\ndata: %s\n\n", text)
}

// wait returns the deliveries that changed, or whole if any may have. Other processes do not report their changes; where there
// are other processes, wait compares a cheap summary from time to time.
func (s *eventStream) wait(ctx context.Context, watch push.Watch) (keys []push.DeliveryKey, whole bool, err error) {
	for {
		again := time.NewTimer(s.api.EventsWait)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, false, ctx.Err()
		case <-watch.Changed:
			again.Stop()
			if err := gather(ctx); err != nil {
				return nil, false, err
			}
			keys, whole = watch.Next()
			return keys, whole, nil
		case <-again.C:
		}
		if err := s.beat(heartbeat - s.api.EventsWait); err != nil {
			return nil, false, err
		}
		if watch.Elsewhere {
			counts, err := s.api.Store.Counts(ctx, s.app, s.id)
			if err != nil {
				return nil, false, fmt.Errorf("api: live timeline: %w", err)
			}
			if !maps.Equal(counts, s.counts) {
				s.counts = counts
				return nil, true, nil
			}
		}
	}
}
