package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// importDevices imports devices that are asleep, each of a user of its own with the same name. Without tokens, nothing but a
// session or an inbox reaches them.
func (r *rig) importDevices(ctx context.Context, devices int, tokens bool) error {
	r.options.progress("importing %d devices", devices)
	in, out := io.Pipe()
	go func() { out.CloseWithError(writeDevices(out, devices, tokens)) }()
	defer in.Close()
	taken := 0
	err := r.hush.ImportStream(ctx, appName, in, func(result protocol.ImportResult) error {
		taken++
		return client.LineError(result)
	})
	if err == nil && taken != devices {
		err = fmt.Errorf("%d of %d were taken", taken, devices)
	}
	if err != nil {
		return fmt.Errorf("bench: importing devices: %w", err)
	}
	return nil
}

func writeDevices(out io.Writer, devices int, tokens bool) error {
	buffered := bufio.NewWriter(out)
	e := json.NewEncoder(buffered)
	for i := range devices {
		line := protocol.ImportLine{User: title(i), DeviceRequest: protocol.DeviceRequest{
			DeviceID: title(i), Platform: push.IOS, BundleID: bundleID, Environment: push.Production, AppState: push.AppBackground,
		}}
		if tokens {
			token := tokenOf(i)
			line.ProviderToken = &token
		}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// shuffled returns numbers from a first one on, in an order that is the same in every run, and not that of the store's rows.
func shuffled(from, count int) []int {
	order := rand.New(rand.NewPCG(9, 9)).Perm(count)
	for i := range order {
		order[i] += from
	}
	return order
}
