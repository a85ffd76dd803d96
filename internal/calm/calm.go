// Package calm keeps a log readable while something fails over and over.
package calm

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// per is how often a warning or an error is written at most; those between are counted in the next one.
	per = time.Minute

	// maxMessages bounds what is remembered. Messages are constants, so that there are few.
	maxMessages = 1_000
)

// Logger is log, but that each of its warnings and errors is written once a minute at most, told apart by the message and the
// attribute operation: the next line has as its attribute more how many were left out before it. What is below a warning is
// written as it comes.
func Logger(log *slog.Logger) *slog.Logger {
	return slog.New(&handler{Handler: log.Handler(), said: &said{last: map[string]*line{}}})
}

type handler struct {
	slog.Handler
	said *said // shared by all that are made of one
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
	more, pass := h.said.take(key, r.Time)
	if !pass {
		return nil
	}
	if more > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("more", more))
	}
	return h.Handler.Handle(ctx, r)
}

// take reports whether a message is written now, and how many like it were not since the last one.
func (s *said) take(message string, now time.Time) (more int, pass bool) {
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

// WithAttrs and WithGroup share what was said.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs), said: h.said}
}

// WithGroup is as WithAttrs.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), said: h.said}
}
