package phonetest

import (
	"context"
	"fmt"
)

// Who works on pushes: a worker for each phone that has some, or, in order, one for all.

// begin counts n pushes that a phone has queued, and sees to it that they are worked on. p.mu must be held.
func (d *Drawer) begin(p *Phone, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.cfg.InOrder {
		if !p.working {
			p.working = true
			d.busy++
			d.wg.Go(p.work)
		}
		return
	}
	for range n {
		d.turns = append(d.turns, p)
	}
	d.busy += n
	if !d.turner {
		d.turner = true
		d.wg.Go(d.takeTurns)
	}
}

// done is called when a worker ends or, in order, a turn is over.
func (d *Drawer) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy--
	if d.busy == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}

// takeTurns works on one push after the other, until there are none.
func (d *Drawer) takeTurns() {
	for {
		d.mu.Lock()
		if len(d.turns) == 0 {
			d.turns, d.turner = nil, false
			d.mu.Unlock()
			return
		}
		p := d.turns[0]
		d.turns = d.turns[1:]
		d.mu.Unlock()
		p.turn()
		d.done()
	}
}

// turn works on one push, and lets the app sleep again even if there are more.
func (p *Phone) turn() {
	p.mu.Lock()
	if len(p.queue) == 0 { // the phone was put away
		p.mu.Unlock()
		return
	}
	m := p.queue[0]
	p.queue = p.queue[1:]
	p.mu.Unlock()
	if run := p.wake(m); run != nil {
		run()
	}
	p.sleep(true)
}

// Settle returns when no phone has a push in hand: each has been handled, held or dropped. What a provider has delivered
// before is among them.
func (d *Drawer) Settle(ctx context.Context) error {
	for {
		d.mu.Lock()
		if d.busy == 0 {
			d.mu.Unlock()
			return nil
		}
		if d.idle == nil {
			d.idle = make(chan struct{})
		}
		idle, busy := d.idle, d.busy
		d.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("phonetest: %d phones or pushes are still at work: %w", busy, context.Cause(ctx))
		}
	}
}

// settleTurns is Settle where the phones take turns; elsewhere time does not wait for handlers.
func (d *Drawer) settleTurns() {
	if d.cfg.InOrder {
		_ = d.Settle(context.Background()) // each turn ends: a handler is killed when its time is over
	}
}
