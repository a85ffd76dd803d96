package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Online sends pushes at a rate to apps in the foreground, until each has come over its app's session.
func Online(ctx context.Context, o Options) (_ *Report, err error) {
	r, err := withServer(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	a, err := newApps(ctx, r, o.Devices)
	if err != nil {
		return nil, err
	}
	if err := r.profile(ctx); err != nil {
		return nil, err
	}
	m := newMeetings()
	a.onPush = m.framed
	o.progress("opening %d sessions", o.Devices)
	defer a.close()
	if err := a.open(ctx, a.all); err != nil {
		return nil, err
	}
	o.progress("warming up")
	if _, err := r.sendAtRate(ctx, m, min(o.Duration, time.Second)); err != nil {
		return nil, err
	}
	m.reset()
	o.progress("sending %s for %s", o.pace(), o.Duration)
	var (
		requests int
		begin    time.Time
	)
	used, err := r.measure(ctx, func() (err error) {
		begin = time.Now()
		requests, err = r.sendAtRate(ctx, m, o.Duration)
		return err
	})
	if err != nil {
		return nil, err
	}
	report := &Report{
		Bench: "online", Unit: "push", Database: o.database(), Load: fmt.Sprintf("%s to %d apps in the foreground", o.pace(), o.Devices),
		Latencies: []Latency{m.wait.summary("202 to frame"), m.accepted.summary("request to 202")},
	}
	report.counted(requests, requests, requests-m.missing(), m.last().Sub(begin))
	report.used(used)
	return report, nil
}

// sendAtRate sends pushes for some time, to one app after the other, and waits until their frames have come.
func (r *rig) sendAtRate(ctx context.Context, m *meetings, longest time.Duration) (requests int, err error) {
	l := load{workers: r.options.Concurrency, rate: r.options.Rate, longest: longest}
	requests, err = l.run(ctx, func(ctx context.Context, i int, due time.Time) error {
		answer, err := r.post.push(ctx, pushBody(nil, []int{i % r.options.Devices}))
		if err == nil {
			at := time.Now()
			m.accepted.record(at.Sub(due))
			m.answered(answer.PushID, at)
		}
		return err
	})
	if err != nil {
		return requests, err
	}
	return requests, settle(ctx, m.missing)
}

// meetings match a push's 202 with its frame, whichever comes first.
type meetings struct {
	mu      sync.Mutex
	waiting map[string]time.Time // guarded by mu; the 202 of a push without a frame
	early   map[string]bool      // guarded by mu; frames that came before their 202
	newest  time.Time            // guarded by mu; of the frames

	wait, accepted *latencies // replaced by reset, while nothing comes
}

func newMeetings() *meetings {
	m := &meetings{waiting: map[string]time.Time{}, early: map[string]bool{}}
	m.reset()
	return m
}

// reset forgets what was measured.
func (m *meetings) reset() { m.wait, m.accepted = newLatencies(), newLatencies() }

func (m *meetings) answered(pushID string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.early[pushID] {
		delete(m.early, pushID)
		m.wait.record(0)
		return
	}
	m.waiting[pushID] = at
}

func (m *meetings) framed(pushID string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest = at
	answered, known := m.waiting[pushID]
	if !known {
		m.early[pushID] = true
		return
	}
	delete(m.waiting, pushID)
	m.wait.record(at.Sub(answered))
}

func (m *meetings) missing() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting)
}

func (m *meetings) last() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newest
}
