package sdk

import "context"

// turnstile is a mutex that can be waited for until a context ends.
type turnstile chan struct{}

// Unlock lets the next one in.
func (t turnstile) Unlock() { <-t }

// within waits for its turn until ctx ends; false: it did not come.
func (t turnstile) within(ctx context.Context) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
