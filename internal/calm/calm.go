// Package calm keeps a log readable while something fails over and over.
package calm

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// per is the least time between two lines of the same warning or error; those in between are counted in the next line.
	per = time.Minute

	// maxMessages bounds how many messages are remembered. Messages are constants, so there are few.
	maxMessages = 1_000
)

// Logger returns a logger that writes to log, each warning and error at most once a minute. Two records are the same if they
// have the same message and the same attribute operation. The next line's attribute more says how many were left out before
// it. Records below a warning are all written.
func Logger(log *slog.Logger) *slog.Logger {
	return slog.New(&handler{Handler: log.Handler(), said: &said{last: map[string]*line{}}})
}

type handler struct {
	slog.Handler
	said *said // shared by all handlers derived from one
}

type said struct {
	mu   sync.Mutex
	last map[string]*line // guarded by mu; by message and operation
}

type line struct {
	at   time.Time
	more int
}

// Handle writes the record, or counts it.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return h.Handler.Handle(ctx, r)
	}
	key := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "operation" {
			key += " " + a.Value.String()
		}
		return true
	})
	more, pass := h.said.pass(key, r.Time)
	if !pass {
		return nil
	}
	if more > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("more", more))
	}
	return h.Handler.Handle(ctx, r)
}

// pass reports whether a message is written now, and how many of its kind were left out since the last one.
func (s *said) pass(message string, now time.Time) (more int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.last[message]
	switch {
	case l == nil:
		if len(s.last) >= maxMessages {
			clear(s.last)
		}
		l = &line{}
		s.last[message] = l
	case now.Sub(l.at) < per:
		l.more++
		return 0, false
	}
	more, l.at, l.more = l.more, now, 0
	return more, true
}

// WithAttrs returns a handler that shares h's memory of what was written.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs), said: h.said}
}

// WithGroup returns a handler that shares h's memory of what was written.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), said: h.said}
}
