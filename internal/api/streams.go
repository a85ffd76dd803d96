package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/hushpush/hush/push"
)

// StreamsPerKey is the default number of live timelines that a key may follow at the same time.
const StreamsPerKey = 100

// streams counts the open live timelines of each key.
type streams struct {
	limit int // never changes

	mu   sync.Mutex
	open map[string]int // guarded by mu
}

func newStreams(limit int) *streams { return &streams{limit: limit, open: map[string]int{}} }

// enter counts one more timeline of a key until leave is called, or returns the refusal.
func (s *streams) enter(key push.ServerKey) (leave func(), err error) {
	name := key.App + "/" + key.ID
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[name] >= s.limit {
		return nil, newProblem(http.StatusTooManyRequests, codeRateLimited,
			fmt.Sprintf("this key follows %d live timelines, as many as limits.streams_per_key allows; want one of them closed first", s.limit))
	}
	s.open[name]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[name]--; s.open[name] == 0 {
			delete(s.open, name)
		}
	}, nil
}

// composeLock serialises composing events. Otherwise a hundred followers that wake together would occupy every processor, and a
// push would wait for all of them.
type composeLock chan struct{}

func newComposeLock() composeLock { return make(composeLock, 1) }

// do runs work with the lock held, unless ctx ends first. Work must not block: neither on a client nor on the database.
func (l composeLock) do(ctx context.Context, work func() error) error {
	select {
	case l <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l }()
	return work()
}
