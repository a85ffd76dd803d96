package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/internal/rest"
)

const (
	heartbeat = 15 * time.Second       // longest silence before a comment, because proxies cut silent streams
	eventRest = 100 * time.Millisecond // pause between two reads, so that a broadcast's receipts go out in few pieces
)

// eventWriter writes server-sent events (WHATWG HTML, "Server-sent events") to one client. It fails when the client has read
// nothing for answerWait.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	spoke   time.Time // when the last write was
}

// serverSentEvents returns an answer that write writes. It counts as one of the streams that its key may have open. If write
// returns an error, the client sees that the stream was cut.
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
			panic(http.ErrAbortHandler) // so that the client notices the cut and asks again
		}
	}, nil
}

// gather pauses for a moment, in which further changes gather.
func gather(ctx context.Context) error {
	if pause.For(ctx, eventRest) != nil {
		return ctx.Err()
	}
	return nil
}

// beat sends a comment if nothing was sent for the time after. It shows the client that the stream is alive, and shows us whether
// the client is.
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

// write restarts the time that the client has to read.
func (s *eventWriter) write(format string, args ...any) error {
	s.spoke = time.Now()
	_ = s.control.SetWriteDeadline(s.spoke.Add(answerWait))
	_, err := fmt.Fprintf(s.w, format, args...)
	return err
}

func (s *eventWriter) flush() error { return s.control.Flush() }
