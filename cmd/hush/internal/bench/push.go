package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/internal/pause"
)

// Push sends pushes to devices that are asleep, one a device, until APNs' stand-in has answered each wake.
func Push(ctx context.Context, o Options) (_ *Report, err error) {
	woken := newWakes(o.everybody())
	r, err := withServer(ctx, o, woken.record)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.importDevices(ctx, o.everybody(), true); err != nil {
		return nil, err
	}
	goClient, err := r.yardstick(ctx, yardstickWorkers, min(o.Duration, yardstickMost))
	if err != nil {
		return nil, err
	}
	run, spent, err := r.sendToEach(ctx, woken, (*pushRun).awaitWakes)
	if err != nil {
		return nil, err
	}
	report := run.report("push", spent)
	report.Latencies = []Latency{run.wakeLatency(), run.accepted.summary("request to 202")}
	report.against(goClient)
	return report, nil
}

// Store sends pushes that wake nobody, since the devices have no token, until each is accepted: committed and flushed.
func Store(ctx context.Context, o Options) (_ *Report, err error) {
	r, err := withServer(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.importDevices(ctx, o.everybody(), false); err != nil {
		return nil, err
	}
	accepted := func(*pushRun, context.Context) error { return nil }
	run, spent, err := r.sendToEach(ctx, newWakes(o.everybody()), accepted)
	if err != nil {
		return nil, err
	}
	report := run.report("store", spent)
	report.Latencies = []Latency{run.accepted.summary("request to 202")}
	return report, nil
}

// Go's own client is measured for some seconds at most, with more requests at a time than it needs to be busy.
const (
	yardstickMost    = 3 * time.Second
	yardstickWorkers = 200
)

// wakes notes for each device when it was sent a push, and when APNs' stand-in got its wake; Unix time in nanoseconds, 0:
// not yet.
type wakes struct {
	sent, came []atomic.Int64
	last       atomic.Int64 // when anything came
}

func newWakes(devices int) *wakes {
	return &wakes{sent: make([]atomic.Int64, devices), came: make([]atomic.Int64, devices)}
}

// record takes the first wake of a device that was sent a push; its repetitions are no news.
func (w *wakes) record(a arrival) {
	if a.device >= uint64(len(w.sent)) || w.sent[a.device].Load() == 0 {
		return
	}
	if w.came[a.device].CompareAndSwap(0, a.at) {
		w.last.Store(a.at)
	}
}

// pushRun is one go at sending each of some devices a push.
type pushRun struct {
	rig     *rig
	shape   shape
	wakes   *wakes
	devices []int

	begin                 time.Time
	requests, asked, done int
	took                  time.Duration
	accepted              *latencies
}

// sendToEach warms up with the devices that are there for it, and sends each of the others a push. await waits until what is
// measured is done.
func (r *rig) sendToEach(ctx context.Context, w *wakes, await func(*pushRun, context.Context) error) (*pushRun, spent, error) {
	s, warm := r.options.shape(), r.options.warmUp()
	send := func(devices []int, longest time.Duration) (*pushRun, error) {
		run := &pushRun{rig: r, shape: s, wakes: w, devices: devices, accepted: newLatencies()}
		if err := run.send(ctx, longest); err != nil {
			return nil, err
		}
		return run, await(run, ctx)
	}
	if err := r.profile(ctx); err != nil {
		return nil, spent{}, err
	}
	r.options.progress("warming up")
	if _, err := send(shuffled(0, warm), 0); err != nil {
		return nil, spent{}, err
	}
	r.options.progress("sending for at most %s", r.options.Duration)
	var run *pushRun
	used, err := r.measure(ctx, func() (err error) {
		run, err = send(shuffled(warm, r.options.Devices), r.options.Duration)
		return err
	})
	return run, used, err
}

// send makes requests for some time, 0 for any. All that they ask for is to be accepted.
func (p *pushRun) send(ctx context.Context, longest time.Duration) (err error) {
	requests := p.shape.requests(p.devices)
	l := load{workers: p.rig.options.Concurrency, most: len(requests), longest: longest}
	var asked atomic.Int64
	p.begin = time.Now()
	p.requests, err = l.run(ctx, func(ctx context.Context, i int, _ time.Time) error {
		asked.Add(int64(len(requests[i])))
		return p.request(ctx, requests[i])
	})
	p.asked, p.done, p.took = int(asked.Load()), int(asked.Load()), time.Since(p.begin)
	return err
}

func (p *pushRun) request(ctx context.Context, devices []int) error {
	body := p.shape.body(devices)
	began := time.Now()
	for _, d := range devices {
		p.wakes.sent[d].Store(began.UnixNano())
	}
	accepted, err := p.accept(ctx, body)
	p.accepted.record(time.Since(began))
	if err == nil && accepted != len(devices) {
		err = fmt.Errorf("bench: of %d devices %d were accepted", len(devices), accepted)
	}
	return err
}

func (p *pushRun) accept(ctx context.Context, body []byte) (accepted int, err error) {
	if p.shape.batch > 0 {
		return p.rig.post.batch(ctx, body)
	}
	a, err := p.rig.post.push(ctx, body)
	if err == nil && a.Deliveries != nil {
		accepted = *a.Deliveries
	}
	return accepted, err
}

// What has not come counts as missing once nothing has come for long, which is longer than a wake is tried, or once the wait
// for it has taken long.
const (
	goneWait = 20 * time.Second
	lastWait = time.Minute
)

// awaitWakes waits until each device that was sent a push has got its wake, or none comes any more.
func (p *pushRun) awaitWakes(ctx context.Context) error {
	err := settle(ctx, func() int { return p.asked - p.came() })
	p.done = p.came()
	if p.done > 0 {
		p.took = time.Unix(0, p.wakes.last.Load()).Sub(p.begin)
	}
	return err
}

// settle waits until nothing is missing any more, or what is will not come.
func settle(ctx context.Context, missing func() int) error {
	begin := time.Now()
	for last, since := -1, begin; ; {
		now := missing()
		if now != last {
			last, since = now, time.Now()
		}
		if now == 0 || time.Since(since) > goneWait || time.Since(begin) > lastWait {
			return nil
		}
		if err := pause.For(ctx, settleEvery); err != nil {
			return err
		}
	}
}

const settleEvery = 20 * time.Millisecond

// came counts the devices that have got their wake.
func (p *pushRun) came() (n int) {
	for _, d := range p.devices {
		if p.wakes.came[d].Load() != 0 {
			n++
		}
	}
	return n
}

// wakeLatency returns how long the wakes took.
func (p *pushRun) wakeLatency() Latency {
	woken := newLatencies()
	for _, d := range p.devices {
		if at := p.wakes.came[d].Load(); at != 0 {
			woken.record(time.Duration(at - p.wakes.sent[d].Load()))
		}
	}
	return woken.summary("request to wake at APNs")
}

func (p *pushRun) report(bench string, used spent) *Report {
	o := p.rig.options
	report := &Report{Bench: bench, Load: p.shape.load(o.Concurrency), Database: o.database(), Unit: "push"}
	report.counted(p.requests, p.asked, p.done, p.took)
	report.used(used)
	return report
}
