package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/hushpush/hush/protocol"
)

// maxEventBytes bounds one event of a stream: a delivery with its whole timeline.
const maxEventBytes = 4 << 20

// errCut says that a stream ended before it was over.
var errCut = errors.New("the live timeline was cut")

// Follow calls each with every delivery of a push as it stands, first all of them and then whenever one changes, until all
// are final, ctx ends, or each returns an error, which Follow then returns as it is. A connection that is lost on the way
// is made again, and deliveries may then be told once more; a nil error says that the push is final. Needs role read.
func (c *Client) Follow(ctx context.Context, app, pushID string, each func(protocol.LiveEvent) error) error {
	return c.stream(ctx, question{path: appPath(app, "pushes", pushID, "events")}, func(name string, data []byte) error {
		switch name {
		case "final":
			return errFinal
		case "delivery":
			return decoded(data, each)
		}
		return nil
	})
}

// errFinal ends a stream that is whole.
var errFinal = errors.New("final")

// decoded calls each with an event's data.
func decoded[T any](data []byte, each func(T) error) error {
	var event T
	if err := json.Unmarshal(data, &event); err != nil {
		return fmt.Errorf("client: read the live timeline: %w", err)
	}
	return each(event)
}

// stream asks for server-sent events and calls tell with each, until tell returns an error, ctx ends, or trying again does
// not help. A connection that is lost on the way is made again.
func (c *Client) stream(ctx context.Context, q question, tell func(name string, data []byte) error) error {
	q.method, q.header, q.repeat = http.MethodGet, http.Header{"Accept": {"text/event-stream"}}, true
	for try := 1; ; try++ {
		told, err := c.streamOnce(ctx, q, tell)
		if told {
			try = 1
		}
		var stopped *stopError
		if errors.As(err, &stopped) {
			return stopped.err
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		wait, again := c.again(q, try, err)
		if !again || sleep(ctx, wait) != nil {
			return err
		}
	}
}

// stopError carries what tell returned past the judgement on whether to connect again.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// streamOnce reads one connection. told says whether any event came.
func (c *Client) streamOnce(ctx context.Context, q question, tell func(name string, data []byte) error) (told bool, err error) {
	resp, err := c.send(ctx, q)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxEventBytes))
		err := refused(resp, q.path, body)
		if c.onAnswer != nil && err.Code != "" {
			c.onAnswer(body)
		}
		return false, err
	}
	if err := (promise{statuses: []int{http.StatusOK}, kind: kindEvents}).begun(resp); err != nil {
		return false, err
	}
	events := eventReader{lines: bufio.NewScanner(resp.Body)}
	events.lines.Buffer(nil, maxEventBytes)
	for {
		name, data, err := events.next()
		if err != nil {
			return told, fmt.Errorf("%w: %w: %w", ErrUnreachable, errCut, err)
		}
		told = true
		if err := tell(name, data); errors.Is(err, errFinal) {
			return told, nil
		} else if err != nil {
			return told, &stopError{err}
		}
	}
}

// eventReader reads server-sent events (WHATWG HTML, "Server-sent events"): fields a line, an empty line ends an event.
type eventReader struct{ lines *bufio.Scanner }

// next is the next event with data; comments and empty events are passed over. io.EOF: the stream ended.
func (r eventReader) next() (name string, data []byte, err error) {
	var b bytes.Buffer
	for r.lines.Scan() {
		field, value, _ := bytes.Cut(r.lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			b.Write(value)
			b.WriteByte('\n')
		case "":
			if len(r.lines.Bytes()) == 0 && b.Len() > 0 {
				return name, bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
			}
			if len(r.lines.Bytes()) == 0 {
				name = ""
			}
		}
	}
	if err := r.lines.Err(); err != nil {
		return "", nil, err
	}
	return "", nil, io.EOF
}
