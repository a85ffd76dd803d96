package bench

import "time"

// Report is what a benchmark measured; its JSON is what hush bench --json prints. Asked is Done and Missing together.
type Report struct {
	Bench    string `json:"bench"`
	Load     string `json:"load"`               // in words
	Database string `json:"database,omitempty"` // sqlite or postgres; "" where there is none
	Unit     string `json:"unit"`               // what is counted: push, session, delivery or request

	Requests  int     `json:"requests"` // that made it
	Asked     int     `json:"asked"`
	Done      int     `json:"done"`
	Missing   int     `json:"missing"` // not done within a minute after the last request
	Seconds   float64 `json:"seconds"` // from the first request to the last that was done
	PerSecond float64 `json:"per_second"`

	CPU    *CPU    `json:"cpu,omitempty"`    // of the server's process alone; nil where the system does not say
	Memory *Memory `json:"memory,omitempty"` // of the server's process; nil where the system does not say

	Yardstick *Yardstick `json:"yardstick,omitempty"` // Go's own HTTP/2 client on the same pushes, in the same run
	Ratio     float64    `json:"ratio,omitempty"`     // done per CPU-second, to the yardstick's

	Latencies []Latency `json:"latencies"`
}

// CPU is time of processors, user and system.
type CPU struct {
	Seconds      float64 `json:"seconds"`
	PerUnit      float64 `json:"seconds_per_unit"`
	UnitsPerCPUS float64 `json:"units_per_cpu_second"`
}

// Memory is resident memory.
type Memory struct {
	BeforeBytes int64   `json:"before_bytes"` // when the measured part began
	AfterBytes  int64   `json:"after_bytes"`  // when it had ended
	PeakBytes   int64   `json:"peak_bytes"`   // between the two
	PerUnit     float64 `json:"bytes_per_unit,omitempty"`
}

// Yardstick is what Go's own HTTP/2 client did.
type Yardstick struct {
	Name      string  `json:"name"`
	Done      int     `json:"done"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
	CPU       *CPU    `json:"cpu,omitempty"`
	Latency   Latency `json:"latency"`
}

// Latency is how long something took.
type Latency struct {
	Name         string  `json:"name"` // from what to what, in words
	Count        int64   `json:"count"`
	P50MS        float64 `json:"p50_ms"`
	P90MS        float64 `json:"p90_ms"`
	P99MS        float64 `json:"p99_ms"`
	MaxMS        float64 `json:"max_ms"`
	Distribution []Bar   `json:"distribution"` // without empty ones at either end; the counts make up Count
}

// Bar is how many took no longer than UpToMS, and longer than the bar before says.
type Bar struct {
	UpToMS float64 `json:"up_to_ms"`
	Count  int64   `json:"count"`
}

// counted sets what follows from how much was done in which time.
func (r *Report) counted(requests, asked, done int, took time.Duration) {
	r.Requests, r.Asked, r.Done, r.Missing = requests, asked, done, asked-done
	r.Seconds, r.PerSecond = took.Seconds(), per(float64(done), took.Seconds())
}

// used sets what the server used.
func (r *Report) used(s spent) {
	if !s.measured {
		return
	}
	r.CPU = cpuOf(s.after.cpu-s.before.cpu, r.Done)
	r.Memory = &Memory{BeforeBytes: s.before.resident, AfterBytes: s.after.resident, PeakBytes: s.after.peak}
}

// against sets the yardstick and the ratio to it.
func (r *Report) against(y *Yardstick) {
	r.Yardstick = y
	if r.CPU != nil && y.CPU != nil {
		r.Ratio = per(r.CPU.UnitsPerCPUS, y.CPU.UnitsPerCPUS)
	}
}

func cpuOf(cpu time.Duration, done int) *CPU {
	return &CPU{Seconds: cpu.Seconds(), PerUnit: per(cpu.Seconds(), float64(done)), UnitsPerCPUS: per(float64(done), cpu.Seconds())}
}

// per returns a quotient; 0 where there is none.
func per(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
