package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hushpush/hush/protocol"
)

// payload is what each push carries.
const payload = `{"cursor":1841,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`

// shape is what one request asks for.
type shape struct {
	users int // a push to so many users
	batch int // so many pushes of one user each; 0: not by the batch call
}

func (o Options) shape() shape { return shape{users: max(o.Users, 1), batch: o.Batch} }

// devices returns how many devices one request reaches.
func (s shape) devices() int { return max(s.users, s.batch) }

// load says in words how requests are made.
func (s shape) load(workers int) string {
	what := "one push a request"
	switch {
	case s.batch > 0:
		what = fmt.Sprintf("a batch of %d pushes a request", s.batch)
	case s.users > 1:
		what = fmt.Sprintf("one push to %d users a request", s.users)
	}
	return fmt.Sprintf("%s, %d at a time", what, workers)
}

// body returns the request to some users.
func (s shape) body(devices []int) []byte {
	if s.batch == 0 {
		return pushBody(nil, devices)
	}
	body := []byte(`{"pushes":[`)
	for i, d := range devices {
		if i > 0 {
			body = append(body, ',')
		}
		body = pushBody(body, []int{d})
	}
	return append(body, `]}`...)
}

// pushBody appends one push. It is put together by hand: the load shares the machine with the server.
func pushBody(body []byte, devices []int) []byte {
	body = append(body, `{"to":{"users":[`...)
	for i, d := range devices {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(append(append(body, '"'), title(d)...), '"')
	}
	return append(append(append(body, `]},"resource_id":"`+resourceID+`","payload":"`...), quotedPayload...), `"}`...)
}

var quotedPayload = strings.ReplaceAll(payload, `"`, `\"`)

// requests cuts devices into those of one request each.
func (s shape) requests(devices []int) [][]int {
	return slices.Collect(slices.Chunk(devices, s.devices()))
}

// everybody returns a push to all devices of the app.
func everybody() protocol.PushRequest {
	return protocol.PushRequest{To: protocol.Audience{All: true}, ResourceID: resourceID, Payload: payload}
}
