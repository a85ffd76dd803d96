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

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
)

// maxEventBytes bounds one event of a stream: a delivery with its whole timeline.
const maxEventBytes = 4 << 20

// errCut says that a stream ended too early.
var errCut = errors.New("the live timeline was cut")

// Follow calls each with the present state of every delivery of a push: first with all of them, and then with each one that
// changes. It returns nil when all deliveries are final. It also ends when ctx ends, or when each returns an error, which
// Follow returns unchanged. Follow makes a lost connection again, and may then call each again with deliveries that have not
// changed. Needs role read.
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

// errFinal ends a stream that is complete.
var errFinal = errors.New("final")

// decoded calls each with an event's decoded data.
func decoded[T any](data []byte, each func(T) error) error {
	var event T
	if err := json.Unmarshal(data, &event); err != nil {
		return fmt.Errorf("client: read the live timeline: %w", err)
	}
	return each(event)
}

// stream requests server-sent events and calls handle with each, until handle returns an error, ctx ends, or another try
// cannot help. It makes a lost connection again.
func (c *Client) stream(ctx context.Context, q question, handle func(name string, data []byte) error) error {
	q.method, q.header, q.repeat = http.MethodGet, http.Header{"Accept": {"text/event-stream"}}, true
	for try := 1; ; try++ {
		received, err := c.streamOnce(ctx, q, handle)
		if received {
			try = 1
		}
		var stopped *stopError
		if errors.As(err, &stopped) {
			return stopped.err
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		wait, again := c.retry(q, try, err)
		if !again || pause.For(ctx, wait) != nil {
			return err
		}
	}
}

// stopError marks an error of handle, so that stream returns it and does not connect again.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// streamOnce reads one connection. received reports whether any event came.
func (c *Client) streamOnce(ctx context.Context, q question, handle func(name string, data []byte) error) (received bool, err error) {
	resp, err := c.send(ctx, q)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if !stranger.IsSuccess(resp.StatusCode) {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxEventBytes))
		err := refused(resp, q.path, body)
		if c.onAnswer != nil && err.Code != "" {
			c.onAnswer(body)
		}
		return false, err
	}
	promise := stranger.Promise{Statuses: []int{http.StatusOK}, Kind: kindEvents}
	if err := broken(resp, promise.CheckHead(resp)); err != nil {
		return false, err
	}
	events := eventReader{lines: bufio.NewScanner(resp.Body)}
	events.lines.Buffer(nil, maxEventBytes)
	for {
		name, data, err := events.next()
		if err != nil {
			return received, fmt.Errorf("%w: %w: %w", ErrUnreachable, errCut, err)
		}
		received = true
		if err := handle(name, data); errors.Is(err, errFinal) {
			return received, nil
		} else if err != nil {
			return received, &stopError{err}
		}
	}
}

// eventReader reads server-sent events (WHATWG HTML, "Server-sent events"): each line is a field, and an empty line ends an
// event.
type eventReader struct{ lines *bufio.Scanner }

// next returns the next event with data, and skips comments and empty events. It returns io.EOF when the stream has ended.
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
