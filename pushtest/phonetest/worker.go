package phonetest

import "sync"

// worker gives the pushes that have come to the system and to the app, one after the other. It has a goroutine while there are
// any or, with Config.InOrder, takes turns with those of all other phones.
type worker struct {
	fleet    *Fleet
	record   *record
	app      *execution
	system   *system
	handover *handover

	mu      sync.Mutex // taken after system.mu, before the fleet's and app.mu
	queue   []Message  // guarded by mu; at most maxQueue
	running bool       // guarded by mu; a goroutine empties the queue
}

func newWorker(s *system, h *handover) *worker {
	return &worker{fleet: s.fleet, record: s.record, app: s.app, system: s, handover: h}
}

// add queues a message, or drops it if too many wait.
func (w *worker) add(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) >= maxQueue {
		w.record.add(Record{Push: m.ID, Did: Dropped, Reason: QueueFull, State: w.app.now()})
		return
	}
	w.queue = append(w.queue, m)
	w.fleet.begin(w)
}

// clear forgets what waits.
func (w *worker) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = nil
}

// run works on messages until there are none, and lets the app sleep again.
func (w *worker) run() {
	for {
		if m, ok := w.next(); ok {
			w.process(m)
		} else if w.end() {
			return
		} else {
			w.sleep(false)
		}
	}
}

// turn works on one message, and lets the app sleep again even if there are more.
func (w *worker) turn() {
	m, ok := w.next()
	if !ok { // the phone was put away
		return
	}
	w.process(m)
	w.sleep(true)
}

// next returns the next message, and reports false if there is none.
func (w *worker) next() (m Message, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return m, false
	}
	m, w.queue = w.queue[0], w.queue[1:]
	return m, true
}

// end ends the worker's goroutine, and reports false if it has something to do: a message, or an app that runs for pushes
// only and is to be suspended.
func (w *worker) end() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 || w.app.awakeForPush() {
		return false
	}
	w.queue, w.running = nil, false
	w.fleet.done()
	return true
}

// process lets the system judge a message and, if the app runs for it, hands it over.
func (w *worker) process(m Message) {
	if woken, given := w.system.wake(m); given {
		w.handover.give(m, woken)
	}
}

// sleep suspends an app that a push woke, unless a person has opened it meanwhile or (but for always) another push is there.
func (w *worker) sleep(always bool) {
	w.app.steps.Lock()
	defer w.app.steps.Unlock()
	if !w.app.awakeForPush() || !always && w.waiting() {
		return
	}
	if err := w.app.suspend(); err != nil {
		w.app.enter(Reclaimed) // its process has ended by itself
	}
}

// waiting reports whether a message waits.
func (w *worker) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0
}
