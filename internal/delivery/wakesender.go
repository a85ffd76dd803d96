package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/hushpush/hush/push"
)

// wakeSender sends wakes to providers, counts the answers, and learns from them.
type wakeSender struct {
	wakers  map[push.Provider]Waker
	keys    Keys
	senders *senders
	now     func() time.Time
	metrics *Metrics
	vitals  Vitals

	ends deadlines       // of requests
	hard context.Context // ends requests in flight that outlast the drain
	cut  context.CancelCauseFunc
}

func newWakeSender(cfg *Config, learned *senders) *wakeSender {
	hard, cut := context.WithCancelCause(context.Background())
	return &wakeSender{
		wakers: cfg.Wakers, keys: cfg.Keys, senders: learned, now: cfg.Now, metrics: cfg.Metrics, vitals: cfg.Vitals, hard: hard, cut: cut,
	}
}

// send sends one wake, sealed with the key of the row on which it was decided. It outlives the stop signal: the provider may
// have taken the request already.
func (s *wakeSender) send(d *push.Device, w push.Wake) *outcome {
	w.Key = s.keys.WakeKey(d.Key(), d.SealKeyID)
	o := &outcome{wake: w, user: d.User, answer: push.Answer{Provider: w.Provider}}
	waker := s.wakers[w.Provider]
	if waker == nil {
		o.err = &push.WakeError{Fault: push.FaultCredentials, Reason: string(push.ReasonNoCredentials)}
		o.answer.Error = push.FailureNotSent
	} else {
		answer, err := waker.Wake(s.ends.next(s.hard), *d, w)
		o.answer = answer
		if err != nil && !errors.As(err, &o.err) {
			o.err = &push.WakeError{Fault: push.FaultProvider, Unclear: true, Err: err}
		}
	}
	s.count(o)
	s.senders.record(s.now(), sender{d.App, w.Provider}, d, o)
	return o
}

// count counts an answer to a wake.
func (s *wakeSender) count(o *outcome) {
	fault := push.Fault("")
	if o.err != nil {
		fault = o.err.Fault
	}
	s.metrics.Wakes.WithLabelValues(string(o.wake.Provider), string(fault)).Inc()
	s.vitals.Woke(o.wake.Provider, fault)
}
