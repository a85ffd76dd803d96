package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/rest"
)

const (
	heartbeat = 15 * time.Second       // between comments on a silent stream, at most; proxies cut what is silent for long
	eventRest = 100 * time.Millisecond // between two readings, so that a broadcast's receipts are sent in few pieces
)

// eventWriter writes server-sent events (WHATWG HTML, "Server-sent events") to one client. A client that reads nothing for
// answerWait ends it.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	spoke   time.Time // when something was last written
}

// serverSentEvents answers a call with what write writes, as one of the streams that its key may have open. If write ends with
// an error, the client sees that the stream was cut.
func (a *API) serverSentEvents(ctx context.Context, c *call, write func(*eventWriter) error) (rest.Stream, error) {
	leave, err := a.streams.enter(c.key)
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		defer leave()
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // nginx
		err := write(&eventWriter{w: w, control: http.NewResponseController(w)})
		if err != nil && ctx.Err() == nil {
			a.Logger.DebugContext(ctx, "a live timeline ended early", "error", err.Error())
			panic(http.ErrAbortHandler) // so that the client sees that it was cut, and asks again
		}
	}, nil
}

// gather waits for a moment, in which changes gather.
func gather(ctx context.Context) error {
	t := time.NewTimer(eventRest)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// beat sends a comment if nothing else was sent for so long: it tells the client that the stream is alive, and us whether the
// client is.
func (s *eventWriter) beat(after time.Duration) error {
	if time.Since(s.spoke) < after {
		return nil
	}
	if err := s.write(": alive\n\n"); err != nil {
		return err
	}
	return s.flush()
}

func (s *eventWriter) send(event string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if err := s.write("event: %s\ndata: %s\n\n", event, text); err != nil {
		return err
	}
	return s.flush()
}

// write renews the time that the client has to read.
func (s *eventWriter) write(format string, args ...any) error {
	s.spoke = time.Now()
	_ = s.control.SetWriteDeadline(s.spoke.Add(answerWait))
	_, err := fmt.Fprintf(s.w, format, args...)
	return err
}

func (s *eventWriter) flush() error { return s.control.Flush() }
