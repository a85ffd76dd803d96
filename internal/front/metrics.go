package front

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	closed *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, l *Listener) (*metrics, error) {
	m := &metrics{closed: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hush_connections_ended_total", Help: "Connections ended for want of room: refused, full, address, idle.",
	}, []string{"why"})}
	if registry == nil {
		return m, nil
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hush_connections", Help: "Connections that are open, sessions among them.",
	}, func() float64 { l.mu.Lock(); defer l.mu.Unlock(); return float64(l.all) })
	limit := prometheus.NewGauge(prometheus.GaugeOpts{Name: "hush_connections_limit", Help: "Connections that there may be."})
	limit.Set(float64(l.cfg.Connections))
	for _, c := range []prometheus.Collector{m.closed, open, limit} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("front: registering metrics: %w", err)
		}
	}
	return m, nil
}
