package client

import (
	"context"
	"net/url"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// EventFilter selects events of an app. An event matches if, for every field that has values, it has one of them. The zero
// value selects all events.
type EventFilter struct {
	Users     []string
	Devices   []string
	Resources []string
	States    []push.State // the delivery's state at the event
}

// Listen calls each with every event in an app as it is committed, beginning with the event push.EventBegan. It ends when ctx
// ends, when each returns an error, which Listen returns unchanged, or when connecting again cannot help. It never returns
// nil.
//
// Listen makes a lost connection again. It does not report the events that were committed in between; push.EventBegan comes
// once more. push.EventMissed comes with the Count of events that the server dropped because each was too slow. Needs role
// read.
func (c *Client) Listen(ctx context.Context, app string, filter EventFilter, each func(protocol.AppEvent) error) error {
	return c.stream(ctx, question{path: appPath(app, "events"), query: filter.query()}, func(_ string, data []byte) error {
		return decoded(data, each)
	})
}

func (f EventFilter) query() url.Values {
	q := url.Values{}
	for name, values := range map[string][]string{"user": f.Users, "device": f.Devices, "resource": f.Resources} {
		for _, v := range values {
			q.Add(name, v)
		}
	}
	for _, s := range f.States {
		q.Add("state", string(s))
	}
	return q
}
