package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// listenStore is where the events of an app are read.
type listenStore interface {
	// WatchApp follows the events that this process commits from now on.
	WatchApp(app string) push.AppWatch

	// ResourcesOf returns the ids of the resources of pushes, as far as those are there.
	ResourcesOf(ctx context.Context, app string, pushes []push.ID) (map[push.ID]string, error)
}

// maxFilter is how many values one filter of a stream may have.
const maxFilter = 100

// listenInput is an app and which of its events are asked for.
type listenInput struct {
	AppPath
	User     []string     `query:"user" doc:"only events of deliveries for these users; may be repeated, up to 100 times, as the others may"`
	Device   []string     `query:"device" doc:"only events of deliveries for these devices"`
	Resource []string     `query:"resource" doc:"only events of pushes under these resources"`
	State    []push.State `query:"state" doc:"only events with which a delivery stands in one of these states"`
}

func (a *API) listenRoutes() {
	register(a, route{id: "followApp", method: http.MethodGet, path: "/v1/apps/{app}/events", tag: chapterPushes, needs: needsRead, checks: true,
		summary: "Follow an app live",
		about: "Server-sent events, from now on: first `began`, then an `event` for each event of each delivery in the app once it is committed, " +
			"and of each push as a whole (`accepted`, `cancelled` before any delivery was made, `nobody` when its time came and nobody was there). " +
			"What was before, or while a client was away, is not told; `GET` of a push has its timelines. " +
			"A client that reads too slowly gets `missed` with the `count` of events, of the whole app, that it will not get. " +
			"The stream has no end of its own. It counts among the `limits.streams_per_key` streams (100) that a key may have open.",
		stream: "text/event-stream", streamEvents: map[string]any{"began": protocol.AppEvent{}, "event": protocol.AppEvent{}, "missed": protocol.AppEvent{}}}, a.listen)
}

func (a *API) listen(ctx context.Context, c *call, in *listenInput) (rest.Stream, error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	filter := in.filter(&c.faults)
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	return a.serverSentEvents(ctx, c, func(w *eventWriter) error {
		s := &appStream{eventWriter: w, api: a, app: in.App, filter: filter}
		return s.run(ctx)
	})
}

// eventFilter says which events of an app are asked for: of each kind that names any, one must match.
type eventFilter struct {
	users, devices, resources []string
	states                    []push.State
}

func (in *listenInput) filter(f *faults) eventFilter {
	filter := eventFilter{
		users: someOf(f, "query.user", in.User), devices: someOf(f, "query.device", in.Device), resources: someOf(f, "query.resource", in.Resource),
	}
	filter.states = someOf(f, "query.state", in.State)
	for _, s := range filter.states {
		if err := checkState(string(s)); err != nil {
			f.add("query.state", push.CodeBadValue, "%s", err)
			break
		}
	}
	return filter
}

// someOf are the values of a query's parameter that may be repeated. An empty one is none, as everywhere.
func someOf[T ~string](f *faults, at string, values []T) []T {
	values = slices.DeleteFunc(values, func(v T) bool { return v == "" })
	if len(values) > maxFilter {
		f.add(at, push.CodeTooMany, "is given %d times; want at most %d", len(values), maxFilter)
		return nil
	}
	return values
}

// matches reports whether an event is asked for, as far as its resource does not matter.
func (f eventFilter) matches(e push.AppEvent) bool {
	return among(f.users, e.User) && among(f.devices, e.DeviceID) && among(f.states, e.State)
}

func among[T comparable](list []T, value T) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// appStream follows one app for one client. It keeps nothing of what it has sent.
type appStream struct {
	*eventWriter
	api    *API
	app    string
	filter eventFilter
}

// run sends what is committed until the client goes.
func (s *appStream) run(ctx context.Context) error {
	watch := s.api.Store.WatchApp(s.app)
	defer watch.Stop()
	if err := s.sendOwn(push.EventBegan, 0); err != nil {
		return err
	}
	for {
		if err := s.wait(ctx, watch.Changed); err != nil {
			return err
		}
		if err := s.sendNew(ctx, watch); err != nil {
			return fmt.Errorf("api: live events: %w", err)
		}
		if err := s.beat(heartbeat); err != nil {
			return err
		}
	}
}

// wait returns when something was committed, after a moment in which more can gather, or when the client has heard nothing
// for as long as it may.
func (s *appStream) wait(ctx context.Context, changed <-chan struct{}) error {
	silent := time.NewTimer(time.Until(s.spoke.Add(heartbeat)))
	defer silent.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
		return gather(ctx)
	case <-silent.C:
		return nil
	}
}

// sendNew sends all that was committed by now.
func (s *appStream) sendNew(ctx context.Context, watch push.AppWatch) error {
	for ctx.Err() == nil {
		events, missed := watch.Next()
		if missed > 0 {
			if err := s.sendOwn(push.EventMissed, missed); err != nil {
				return err
			}
		}
		if len(events) == 0 {
			return nil
		}
		if err := s.sendAsked(ctx, events); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// sendOwn sends an event of the stream itself.
func (s *appStream) sendOwn(name push.EventName, count int) error {
	return s.send(string(name), protocol.AppEvent{Event: protocol.Event{At: s.api.Now().UTC(), Event: name, Count: count}})
}

// sendAsked sends those of the events that are asked for. What events of a statement on many deliveries lack is looked up.
func (s *appStream) sendAsked(ctx context.Context, events []push.AppEvent) error {
	var asked []push.AppEvent
	var lacking []push.ID
	for _, e := range events {
		if !s.filter.matches(e) {
			continue
		}
		asked = append(asked, e)
		if e.ResourceID == "" {
			lacking = append(lacking, e.PushID)
		}
	}
	slices.Sort(lacking)
	resources := map[push.ID]string{}
	if len(lacking) > 0 {
		var err error
		if resources, err = s.api.Store.ResourcesOf(ctx, s.app, slices.Compact(lacking)); err != nil {
			return err
		}
	}
	var text []byte
	err := s.api.composing.do(ctx, func() (err error) {
		text, err = s.compose(asked, resources)
		return err
	})
	if err != nil || len(text) == 0 {
		return err
	}
	if err := s.write("%s", text); err != nil {
		return err
	}
	return s.flush()
}

// compose is the text of those of the events whose resource is asked for.
func (s *appStream) compose(asked []push.AppEvent, resources map[push.ID]string) ([]byte, error) {
	var text bytes.Buffer
	for _, e := range asked {
		if e.ResourceID == "" {
			e.ResourceID = resources[e.PushID]
		}
		if !among(s.filter.resources, e.ResourceID) {
			continue
		}
		one, err := json.Marshal(protocol.NewAppEvent(e))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&text, "event: event\ndata: %s\n\n", one)
	}
	return text.Bytes(), nil
}
