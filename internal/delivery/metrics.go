package delivery

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hushpush/hush/push"
)

// Metrics counts what delivery does. Labels are closed sets: no app, device or push is one.
type Metrics struct {
	Accepted prometheus.Counter     // pushes accepted
	Final    *prometheus.CounterVec // deliveries that became final here, by state and reason
	Wakes    *prometheus.CounterVec // wakes answered, by provider and fault ("" for those taken)
	Overflow prometheus.Counter     // devices for which there was no room in memory
}

// NewMetrics registers the metrics; a nil registerer counts for nobody.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		Accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hush_pushes_accepted_total", Help: "Pushes committed and flushed.",
		}),
		Final: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hush_deliveries_final_total", Help: "Deliveries that delivery and receipts made final, by state and reason.",
		}, []string{"state", "reason"}),
		Wakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hush_wakes_total", Help: "Wakes answered, by provider and fault; an empty fault: taken.",
		}, []string{"provider", "fault"}),
		Overflow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hush_delivery_queue_overflow_total", Help: "Devices left to their rows because memory was full.",
		}),
	}
	if r != nil {
		r.MustRegister(m.Accepted, m.Final, m.Wakes, m.Overflow)
	}
	return m
}

// count counts the deliveries that committed changes made final.
func (e *Engine) count(before push.Snapshot, c push.Changes) {
	was := make(map[push.ID]bool, len(before.Named))
	for _, d := range before.Named {
		was[d.PushID] = d.State.Final()
	}
	for _, ch := range c.Deliveries {
		if d := ch.Delivery; d.State.Final() && !was[d.PushID] {
			e.cfg.Metrics.Final.WithLabelValues(string(d.State), string(d.Reason)).Inc()
		}
	}
}

// countWake counts an answer to a wake.
func (e *Engine) countWake(o outcome) {
	fault := push.Fault("")
	if o.err != nil {
		fault = o.err.Fault
	}
	e.cfg.Metrics.Wakes.WithLabelValues(string(o.wake.Provider), string(fault)).Inc()
	e.cfg.Vitals.Woke(o.wake.Provider, fault)
}
