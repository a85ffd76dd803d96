package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Wire sends wakes to APNs' stand-in by Hush's own connection and by Go's HTTP/2 client, each in a process of its own.
func Wire(ctx context.Context, o Options) (_ *Report, err error) {
	r, err := newRig(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	goClient, err := r.yardstick(ctx, o.Concurrency, o.Duration)
	if err != nil {
		return nil, err
	}
	o.progress("measuring Hush's connection for %s", o.Duration)
	ours, err := r.runSender(ctx, hushSender, o.Concurrency, o.Duration)
	if err != nil {
		return nil, err
	}
	report := &Report{
		Bench: "wire", Unit: "request", Load: fmt.Sprintf("one wake a request, %d at a time", o.Concurrency), Latencies: []Latency{ours.Latencies},
	}
	report.counted(ours.Done, ours.Done, ours.Done, time.Duration(ours.Seconds*float64(time.Second)))
	if ours.Measured {
		report.CPU = cpuOf(ours.CPU, ours.Done)
	}
	report.against(goClient)
	return report, nil
}
