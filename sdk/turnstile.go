package sdk

import "context"

// turnstile is a mutex for work that may take long: a caller that waits for it gives up when its context ends. It has
// capacity 1.
type turnstile chan struct{}

// Unlock admits the next one.
func (t turnstile) Unlock() { <-t }

// within locks the turnstile, and reports false if ctx ended first.
func (t turnstile) within(ctx context.Context) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
