package delivery

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what delivery does. Labels are closed sets: no app, device or push is one.
type Metrics struct {
	Accepted prometheus.Counter     // pushes accepted
	Wakes    *prometheus.CounterVec // wakes answered, by provider and fault ("" for those taken)
	Overflow prometheus.Counter     // devices for which there was no room in memory
}

// NewMetrics registers the metrics; a nil registerer counts for nobody.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		Accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hush_pushes_accepted_total", Help: "Pushes committed and flushed.",
		}),
		Wakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hush_wakes_total", Help: "Wakes answered, by provider and fault; an empty fault: taken.",
		}, []string{"provider", "fault"}),
		Overflow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hush_delivery_queue_overflow_total", Help: "Devices left to their rows because memory was full.",
		}),
	}
	if r != nil {
		r.MustRegister(m.Accepted, m.Wakes, m.Overflow)
	}
	return m
}
