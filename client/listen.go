package client

import (
	"context"
	"net/url"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// EventFilter says which events of an app are asked for: of each kind that names any, one must match. The zero value is all
// events.
type EventFilter struct {
	Users     []string
	Devices   []string
	Resources []string
	States    []push.State // in which the delivery stands with the event
}

// Listen calls each with every event in an app as it is committed, from the event push.EventBegan on, until ctx ends, each
// returns an error, which Listen then returns as it is, or connecting again does not help. It never returns nil.
//
// A connection that is lost on the way is made again. What was committed in between is not told: push.EventBegan comes once
// more. So does push.EventMissed, with a Count, for what the server dropped because each was too slow. Needs role read.
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
