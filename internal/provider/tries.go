package provider

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

const (
	tryWait = 25 * time.Second // for all requests of one try; callers wait for 30 s
	tryPace = time.Second      // at most one try of an app's credential in that time
)

// Tries runs tries of credentials: one at a time for each app, whose result goes to all who ask meanwhile or right after,
// so that nobody can make us flood the provider. Its zero value is ready.
type Tries struct {
	mu    sync.Mutex
	byApp map[string]*try // guarded by mu; those under way, and those of the last tryPace
}

type try struct {
	done   chan struct{} // closed when the result stands
	result push.CredentialCheck
	err    error
	ended  time.Time // guarded by Tries.mu; zero: it is under way
}

// Do returns the result of f, or of the one that is under way for the app.
func (t *Tries) Do(ctx context.Context, app string, f func(context.Context) (push.CredentialCheck, error)) (push.CredentialCheck, error) {
	for {
		one, mine := t.begin(app)
		if mine {
			t.run(ctx, one, f)
			return one.result, one.err
		}
		select {
		case <-one.done:
		case <-ctx.Done():
			return push.CredentialCheck{}, context.Cause(ctx)
		}
		if !errors.Is(one.err, context.Canceled) {
			return one.result, one.err
		}
		t.Forget(app) // its caller went away
	}
}

// begin returns the app's try, and whether the caller is to run it.
func (t *Tries) begin(app string) (one *try, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, old := range t.byApp {
		if !old.ended.IsZero() && time.Since(old.ended) >= tryPace {
			delete(t.byApp, name)
		}
	}
	if one = t.byApp[app]; one != nil {
		return one, false
	}
	if t.byApp == nil {
		t.byApp = map[string]*try{}
	}
	one = &try{done: make(chan struct{})}
	t.byApp[app] = one
	return one, true
}

func (t *Tries) run(ctx context.Context, one *try, f func(context.Context) (push.CredentialCheck, error)) {
	ctx, cancel := context.WithTimeoutCause(ctx, tryWait, push.Timeout("the provider did not answer in time"))
	defer cancel()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		one.ended = time.Now()
		close(one.done)
	}()
	one.result, one.err = f(ctx)
	if errors.Is(ctx.Err(), context.Canceled) {
		one.err = ctx.Err()
	}
}

// Forget is called when the app's credential has changed: the last result is another credential's.
func (t *Tries) Forget(app string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.byApp[app]; one != nil && !one.ended.IsZero() {
		delete(t.byApp, app)
	}
}
