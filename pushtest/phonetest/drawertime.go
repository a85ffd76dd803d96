package phonetest

import (
	"container/heap"
	"time"
)

// Advance moves the time of all phones ahead, from one thing that is due to the next, so that a jump has the effects that
// waiting would have had. What becomes due (held pushes, maintenance windows) has begun when it returns; wait for what it
// leads to with Phone.Wait or Settle.
func (d *Drawer) Advance(by time.Duration) { d.AdvanceWith(by) }

// AdvanceWith is Advance for a drawer that is not alone in its world: the other clocks are moved by the same steps, each
// before the phones, so that what a provider delivers at a time finds the phones as they are then.
func (d *Drawer) AdvanceWith(by time.Duration, others ...func(step time.Duration) time.Time) {
	step := func(by time.Duration) {
		for _, advance := range others {
			advance(by)
		}
		d.settleTurns()
		d.clock.Advance(by)
		d.settleTurns()
	}
	d.settleTurns() // what has come is judged by the time that was
	for {
		next := d.nextDue()
		if next.IsZero() {
			break
		}
		wait := max(next.Sub(d.clock.Now()), 0)
		if wait >= by {
			break
		}
		step(wait)
		by -= wait
	}
	step(by)
}

func (d *Drawer) nextDue() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.due) == 0 {
		return time.Time{}
	}
	return d.due[0].at
}

// Reset puts all phones away and the time back to the real one; names and seeded tokens begin anew.
func (d *Drawer) Reset() {
	for _, p := range d.Phones() {
		p.Close()
	}
	d.mu.Lock()
	d.made, d.due = 0, nil
	d.mu.Unlock()
	if d.rand != nil {
		d.rand.Reset(d.cfg.Seed)
	}
	d.clock.Reset()
}

// schedule has p.tick called at a time of the drawer's clock.
func (d *Drawer) schedule(p *Phone, at time.Time) {
	d.mu.Lock()
	heap.Push(&d.due, dueAt{at, p})
	first := d.due[0].at
	d.mu.Unlock()
	if !first.Before(at) {
		d.agenda.Poke()
	}
}

// step lets every phone that is due look at what it holds.
func (d *Drawer) step(now time.Time) time.Time {
	for {
		d.mu.Lock()
		if len(d.due) == 0 {
			d.mu.Unlock()
			return time.Time{}
		}
		if next := d.due[0].at; next.After(now) {
			d.mu.Unlock()
			return next
		}
		p := heap.Pop(&d.due).(dueAt).phone
		d.mu.Unlock()
		p.tick()
		d.settleTurns()
	}
}

type dueAt struct {
	at    time.Time
	phone *Phone
}

type dueHeap []dueAt

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) { // whoever was made first, so that the order does not depend on who asked first
		return h[i].phone.number < h[j].phone.number
	}
	return h[i].at.Before(h[j].at)
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(dueAt)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
