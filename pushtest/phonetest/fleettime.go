package phonetest

import (
	"container/heap"
	"time"
)

// Advance moves the time of all phones ahead, from one thing that is due to the next, so that a jump has the effects that
// waiting would have had. When it returns, what became due (held pushes, maintenance windows) has begun; wait for its effects
// with Phone.Wait or Settle.
func (f *Fleet) Advance(by time.Duration) { f.AdvanceWith(by) }

// AdvanceWith is Advance for a fleet in a world with other clocks. They are moved by the same steps, each before the phones, so
// that what a provider delivers at a time finds the phones as they are then.
func (f *Fleet) AdvanceWith(by time.Duration, others ...func(step time.Duration) time.Time) {
	step := func(by time.Duration) {
		for _, advance := range others {
			advance(by)
		}
		f.settleTurns()
		f.clock.Advance(by)
		f.settleTurns()
	}
	f.settleTurns() // what has come already is judged by the time before the jump
	for {
		next := f.nextDue()
		if next.IsZero() {
			break
		}
		wait := max(next.Sub(f.clock.Now()), 0)
		if wait >= by {
			break
		}
		step(wait)
		by -= wait
	}
	step(by)
}

func (f *Fleet) nextDue() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.due) == 0 {
		return time.Time{}
	}
	return f.due[0].at
}

// Reset closes all phones and sets the time back to the real one; names and seeded tokens begin anew.
func (f *Fleet) Reset() {
	for _, p := range f.Phones() {
		p.Close()
	}
	f.mu.Lock()
	f.made, f.due = 0, nil
	f.mu.Unlock()
	if f.rand != nil {
		f.rand.Reset(f.cfg.Seed)
	}
	f.clock.Reset()
}

// schedule schedules s.release for a time of the fleet's clock.
func (f *Fleet) schedule(s *system, at time.Time) {
	f.mu.Lock()
	heap.Push(&f.due, dueAt{at, s})
	first := f.due[0].at
	f.mu.Unlock()
	if !first.Before(at) {
		f.agenda.Poke()
	}
}

// step makes every phone that is due look at what it holds, and returns when the next one is due.
func (f *Fleet) step(now time.Time) time.Time {
	for {
		f.mu.Lock()
		if len(f.due) == 0 {
			f.mu.Unlock()
			return time.Time{}
		}
		if next := f.due[0].at; next.After(now) {
			f.mu.Unlock()
			return next
		}
		s := heap.Pop(&f.due).(dueAt).system
		f.mu.Unlock()
		s.release()
		f.settleTurns()
	}
}

type dueAt struct {
	at     time.Time
	system *system
}

type dueHeap []dueAt

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) { // whoever was made first, so that the order does not depend on who asked first
		return h[i].system.number < h[j].system.number
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
