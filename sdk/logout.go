package sdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/hushpush/hush/internal/pause"
	"github.com/hushpush/hush/protocol"
)

// leave records that the user leaves this device. From then on nothing of theirs runs here, and the server is still to be told.
func (r *registrar) leave() error {
	r.mu.Lock()
	r.wanted = nil
	r.mu.Unlock()
	r.tokens.forget()
	_, err := r.dir.update(func(i *identity) {
		if i.Credential != "" {
			i.Unregister = i.Credential
		}
		i.forgetOwner()
		i.LoggedOut = true
	})
	return err
}

// unregister tells the server of a logout before ctx ends; if it cannot be reached, a goroutine goes on trying.
func (r *registrar) unregister(ctx context.Context) {
	if !r.turn.within(ctx) { // a registration waits for the server
		r.retryLogout()
		return
	}
	defer r.turn.Unlock()
	if err := r.finishLogout(ctx); err != nil {
		r.log.Info("the server could not be told of the logout; trying again later", "error", err)
		r.retryLogout()
	}
}

// finishLogout tells the server of a logout that it does not know of yet, with the receipts that are still to go. turn is
// held.
func (r *registrar) finishLogout(ctx context.Context) error {
	i, err := r.dir.self()
	if err != nil || i.Unregister == "" {
		return err
	}
	if receipts, err := r.dir.unsent(protocol.MaxReceipts); err == nil && len(receipts) > 0 {
		_, _ = r.calls.receipts(ctx, who{credential: i.Unregister}, receipts) // the last chance; they are worth no retry
	}
	err = r.calls.unregister(ctx, who{credential: i.Unregister})
	if err != nil && !refusedForGood(err) {
		return fmt.Errorf("unregister: %w", err) // the server may not know yet
	}
	if err := r.dir.forgetReceipts(); err != nil {
		return err
	}
	_, err = r.dir.update(func(now *identity) {
		if now.Unregister == i.Unregister {
			now.Unregister = ""
		}
	})
	return err
}

// refusedForGood reports whether err is a refusal by the server that a later try would meet, too.
func refusedForGood(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal) && refusal.Code != "" && refusal.Status < 500 && refusal.Status != 429
}

// retryLogout keeps telling the server of a logout, on a goroutine of its own, until the server knows or the client closes.
func (r *registrar) retryLogout() {
	r.mu.Lock()
	runs := r.retrying
	r.retrying = true
	r.mu.Unlock()
	if runs {
		return
	}
	r.lifetime.run(func() {
		ctx := r.lifetime.ctx
		for try := 1; pause.For(ctx, backoff(try, jitter())) == nil && r.turn.within(ctx); try++ {
			err := r.finishLogout(ctx)
			r.turn.Unlock()
			if err == nil {
				r.mu.Lock()
				r.retrying = false
				r.mu.Unlock()
				return
			}
		}
	})
}
