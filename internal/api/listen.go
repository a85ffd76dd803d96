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

// listenStore reads the events of an app.
type listenStore interface {
	// WatchApp follows the events that this process commits from now on.
	WatchApp(app string) push.AppWatch

	// ResourcesOf returns the resource ids of those pushes that exist.
	ResourcesOf(ctx context.Context, app string, pushes []push.ID) (map[push.ID]string, error)
}

// maxFilter is the most values of one filter of a stream.
const maxFilter = 100

// listenInput names an app and selects events.
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

// eventFilter selects events of an app. An event must match one value in each list that is not empty.
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

// someOf returns the values of a repeatable query parameter. As everywhere, an empty value counts as absent.
func someOf[T ~string](f *faults, at string, values []T) []T {
	values = slices.DeleteFunc(values, func(v T) bool { return v == "" })
	if len(values) > maxFilter {
		f.add(at, push.CodeTooMany, "is given %d times; want at most %d", len(values), maxFilter)
		return nil
	}
	return values
}

// matches reports whether an event passes the filters other than the one on resources.
func (f eventFilter) matches(e push.AppEvent) bool {
	return among(f.users, e.User) && among(f.devices, e.DeviceID) && among(f.states, e.State)
}

func among[T comparable](list []T, value T) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// appStream follows one app for one client. It keeps nothing that it has sent.
type appStream struct {
	*eventWriter
	api    *API
	app    string
	filter eventFilter
}

// run sends committed events until the client leaves.
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

// wait returns when something was committed, after a moment in which more events gather, or when the client is due a sign of
// life.
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

// sendNew sends all events committed so far.
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

// sendAsked sends the events that pass the filter. It looks up the resources of events that lack one, because one statement
// changed many deliveries.
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

// compose returns the text of those events whose resource passes the filter.
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
