package phonetest

import (
	"context"
	"fmt"
)

// Who works on pushes: a worker for each phone that has some, or one for all phones with Config.InOrder.

// begin counts a push that a phone's worker has queued, and starts a goroutine for it if none runs. w.mu is held.
func (f *Fleet) begin(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.cfg.InOrder {
		if !w.running {
			w.running = true
			f.busy++
			f.wg.Go(w.run)
		}
		return
	}
	f.waiting = append(f.waiting, w)
	f.busy++
	if !f.working {
		f.working = true
		f.wg.Go(f.workInOrder)
	}
}

// done counts the end of a worker or, with InOrder, of a turn.
func (f *Fleet) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if f.busy == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// workInOrder works on one push after the other, until there are none.
func (f *Fleet) workInOrder() {
	for {
		f.mu.Lock()
		if len(f.waiting) == 0 {
			f.waiting, f.working = nil, false
			f.mu.Unlock()
			return
		}
		w := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.mu.Unlock()
		w.turn()
		f.done()
	}
}

// Settle returns when no phone has a push in hand: each push that a provider delivered before the call has been handled, held
// or dropped.
func (f *Fleet) Settle(ctx context.Context) error {
	for {
		f.mu.Lock()
		if f.busy == 0 {
			f.mu.Unlock()
			return nil
		}
		if f.idle == nil {
			f.idle = make(chan struct{})
		}
		idle, busy := f.idle, f.busy
		f.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("phonetest: %d phones or pushes are still at work: %w", busy, context.Cause(ctx))
		}
	}
}

// settleTurns waits as Settle does if the phones take turns; otherwise it does nothing, since time does not wait for handlers.
func (f *Fleet) settleTurns() {
	if f.cfg.InOrder {
		_ = f.Settle(context.Background()) // each turn ends: a handler is killed when its time is over
	}
}
