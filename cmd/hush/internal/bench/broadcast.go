package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/pause"
)

// Broadcast sends one push to all devices, until each has a delivery that is committed. The devices have no token, so that no
// wake is sent: what is measured is the audience's way into the store.
func Broadcast(ctx context.Context, o Options) (_ *Report, err error) {
	r, err := withServer(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.importDevices(ctx, o.Devices, false); err != nil {
		return nil, err
	}
	if err := r.profile(ctx); err != nil {
		return nil, err
	}
	o.progress("warming up")
	if _, err := r.post.push(ctx, pushBody(nil, []int{0})); err != nil {
		return nil, err
	}
	o.progress("a push to %d devices", o.Devices)
	b := broadcast{rig: r, accepted: newLatencies(), made: newLatencies()}
	used, err := r.measureUntil(ctx, func() error { return b.run(ctx, o.Duration) }) // not the looks at the devices that follow
	if err != nil {
		return nil, err
	}
	report := &Report{
		Bench: "broadcast", Unit: "delivery", Database: o.database(), Load: fmt.Sprintf("one push to %d devices", o.Devices),
		Latencies: []Latency{b.made.summary("202 to the last delivery"), b.accepted.summary("request to 202")},
	}
	report.counted(1, o.Devices, b.done, b.took)
	report.used(used)
	return report, nil
}

// broadcast is one push to all.
type broadcast struct {
	rig            *rig
	accepted, made *latencies
	done           int
	took           time.Duration
}

// broadcastLook is between two looks at how far it is. Each costs the server something.
const broadcastLook = 50 * time.Millisecond

// run sends it and waits until all deliveries are made, or the time is over.
func (b *broadcast) run(ctx context.Context, longest time.Duration) error {
	body, err := json.Marshal(everybody())
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	begin := time.Now()
	answer, err := b.rig.post.push(ctx, body)
	if err != nil {
		return err
	}
	accepted := time.Now()
	b.accepted.record(accepted.Sub(begin))
	for {
		status, err := b.rig.hush.Status(ctx, appName, answer.PushID, client.Page{Limit: 1})
		if err != nil {
			return fmt.Errorf("bench: how far the push is: %w", err)
		}
		b.done, b.took = 0, time.Since(begin)
		for _, n := range status.Counts {
			b.done += n
		}
		if status.Expanded {
			b.made.record(time.Since(accepted))
			return nil
		}
		if b.took > longest {
			return nil
		}
		if err := pause.For(ctx, broadcastLook); err != nil {
			return err
		}
	}
}
