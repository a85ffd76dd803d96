package vitals

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hushpush/hush/push"
)

type metrics struct {
	registry prometheus.Registerer // nil: for nobody
	commits  prometheus.Histogram
	tokens   *prometheus.CounterVec
	refused  prometheus.Counter
	final    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		registry: r,
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hush_commit_seconds", Help: "Time of a group commit, from the begin of its transaction to the end of its flush.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hush_tokens_dropped_total", Help: "Provider tokens dropped because the provider refused them, by provider.",
		}, []string{"provider"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hush_pushes_refused_total", Help: "Pushes answered 503 because the backlog was full.",
		}),
		final: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hush_deliveries_final_total", Help: "Deliveries that became final, by state and reason.",
		}, []string{"state", "reason"}),
	}
	if r != nil {
		r.MustRegister(m.commits, m.tokens, m.refused, m.final)
	}
	return m
}

// attach registers what is asked when somebody looks.
func (m *metrics) attach(v *Vitals, p Parts) {
	if m.registry == nil {
		return
	}
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	locked := func(value func() float64) func() float64 {
		return func() float64 { v.mu.Lock(); defer v.mu.Unlock(); return value() }
	}
	gauge("hush_sessions", "Devices with an open session.", func() float64 { return float64(p.Sessions.Count()) })
	gauge("hush_backlog_due", "Devices and pushes whose time has come and that nobody has taken, counted to 100 000.",
		locked(func() float64 { return float64(v.backlog.Due) }))
	gauge("hush_backlog_in_memory", "Devices in memory that wait for a worker.", locked(func() float64 { return float64(v.backlog.InMemory) }))
	gauge("hush_backlog_in_work", "Devices that a worker has in hand.", func() float64 { _, working, _ := p.Queue.InHand(); return float64(working) })
	gauge("hush_backlog_oldest_seconds", "How long the oldest work that is due has waited; above 30 the log says that the backlog grows.",
		locked(func() float64 { return age(v.cfg.Now(), v.backlog.Backlog).Seconds() }))
	gauge("hush_database_up", "1 while the database answers.", locked(func() float64 { return toFloat(!v.database.away.Lasts()) }))
	m.registry.MustRegister(troubles{p.Providers})
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hush_info", Help: "1, with the version and the engine of the store as labels."}, []string{"version", "engine"})
	info.WithLabelValues(v.cfg.Version, p.Engine).Set(1)
	m.registry.MustRegister(info)
}

func toFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// troubles collects how many apps have which trouble with a provider.
type troubles struct{ providers map[push.Provider]Provider }

var appsInTrouble = prometheus.NewDesc("hush_provider_apps_in_trouble", "Apps that have trouble with a provider, by provider and trouble.", []string{"provider", "trouble"}, nil)

func (troubles) Describe(to chan<- *prometheus.Desc) { to <- appsInTrouble }

func (t troubles) Collect(to chan<- prometheus.Metric) {
	for name, p := range t.providers {
		lasting := p.Lasting()
		for _, state := range []push.ProviderState{push.ProviderUnreachable, push.ProviderNoCredential, push.ProviderRefused, push.ProviderHeld} {
			to <- prometheus.MustNewConstMetric(appsInTrouble, prometheus.GaugeValue, float64(lasting[state]), string(name), string(state))
		}
	}
}
