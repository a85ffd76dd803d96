package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hushpush/hush/cmd/hush/internal/bench"
)

func newBench(w world) *cobra.Command {
	cmd := group("bench", "Measure Hush on this machine", newBenchPush(w), newBenchOnline(w), newBenchSessions(w), newBenchBroadcast(w), newBenchStore(w), newBenchWire(w))
	cmd.Long = `Measure Hush on this machine: each command starts a server and what it needs as processes of their own, on loopback and in a
temporary directory, warms up, measures for a bounded time, and ends and removes all of it; so does Ctrl-C. What is still under way
when the time is over is waited for, a minute at most.

CPU and memory are those of the server's process alone. Seconds belong to a machine and to what else it does; the ratio to Go's own
HTTP/2 client, measured in the same run, is what can be compared. docs/performance.md says what bounds each of them.`
	return cmd
}

// benchmark is one of the commands.
type benchmark struct {
	use, short, long string
	defaults         bench.Options
	database         bool // it has a server, whose database can be chosen
	flags            func(*pflag.FlagSet, *bench.Options)
	run              func(context.Context, bench.Options) (*bench.Report, error)
}

func (b benchmark) command(w world) *cobra.Command {
	var (
		o      = b.defaults
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: b.use, Short: b.short, Long: b.long, Args: noArgs, Example: "  hush bench " + b.use + " --duration 5s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return usagef("%v", err)
			}
			signal.Ignore(syscall.SIGPIPE) // it would end the process before what was started has ended
			o.Tell = func(text string) { fmt.Fprintf(w.stderr, "%s\n", text) }
			report, err := b.run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(w.stdout).Encode(report)
			}
			printReport(w.stdout, w.style(), report)
			return nil
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.DurationVar(&o.Duration, "duration", o.Duration, "how long to measure, at most")
	b.flags(fs, &o)
	if b.database {
		fs.StringVar(&o.DatabaseURL, "database-url", "", "a PostgreSQL, postgres://…, to make a database in for the run, and to drop it (default SQLite)")
		fs.StringVar(&o.CPUProfile, "cpu-profile", "", "write a CPU profile of the server to this file, for go tool pprof")
	}
	fs.BoolVar(&asJSON, "json", false, "print one JSON object instead")
	return cmd
}

func devicesFlag(fs *pflag.FlagSet, o *bench.Options, usage string) {
	fs.IntVar(&o.Devices, "devices", o.Devices, usage)
}

func concurrencyFlag(fs *pflag.FlagSet, o *bench.Options) {
	fs.IntVar(&o.Concurrency, "concurrency", o.Concurrency, "requests at a time")
}

func shapeFlags(fs *pflag.FlagSet, o *bench.Options) {
	devicesFlag(fs, o, "how many devices there are to send to, a push each; it ends when they are used up")
	concurrencyFlag(fs, o)
	fs.IntVar(&o.Users, "users", 1, "users of one push")
	fs.IntVar(&o.Batch, "batch", 0, "pushes of one user each in a request, by the batch call (default one push a request)")
}

// defaultDuration is how long a benchmark measures at most unless told.
const defaultDuration = 10 * time.Second

func newBenchPush(w world) *cobra.Command {
	return benchmark{
		use: "push", short: "Pushes through the API until APNs has answered",
		long: `Send pushes to devices that are asleep, one a device, and count those whose wake has come to an APNs that answers everything at
once. The ratio is that of pushes per CPU-second to Go's own HTTP/2 client, which sends wakes to the same APNs.`,
		defaults: bench.Options{Duration: defaultDuration, Devices: 30_000, Concurrency: 32}, database: true,
		flags: shapeFlags, run: bench.Push,
	}.command(w)
}

func newBenchStore(w world) *cobra.Command {
	return benchmark{
		use: "store", short: "Pushes through the API until they are accepted",
		long:     `Send pushes to devices without a token, which nothing wakes: what is measured is the way to the 202, which is committed and flushed.`,
		defaults: bench.Options{Duration: defaultDuration, Devices: 30_000, Concurrency: 256}, database: true,
		flags: shapeFlags, run: bench.Store,
	}.command(w)
}

func newBenchOnline(w world) *cobra.Command {
	return benchmark{
		use: "online", short: "From the 202 to the frame at an app in the foreground",
		long: `Send pushes at a rate to apps with a session, and measure from the 202 to the frame. A frame that is there before its 202 counts as 0.
The time to the 202 counts from when the push was due, so that what waits for a slow answer is not left out.`,
		defaults: bench.Options{Duration: defaultDuration, Devices: 1_000, Concurrency: 256, Rate: 2_000}, database: true,
		flags: func(fs *pflag.FlagSet, o *bench.Options) {
			devicesFlag(fs, o, "how many apps are in the foreground")
			fs.Float64Var(&o.Rate, "rate", o.Rate, "pushes a second; 0: as fast as they are answered")
			concurrencyFlag(fs, o)
		},
		run: bench.Online,
	}.command(w)
}

func newBenchSessions(w world) *cobra.Command {
	return benchmark{
		use: "sessions", short: "Memory of idle sessions",
		long: `Open authenticated sessions, leave them idle, and measure how much more memory the server's process holds then. Each needs two of
this machine's descriptors.`,
		defaults: bench.Options{Duration: defaultDuration, Devices: 3_000, Concurrency: 1}, database: true,
		flags: func(fs *pflag.FlagSet, o *bench.Options) { devicesFlag(fs, o, "how many sessions there are") },
		run:   bench.Sessions,
	}.command(w)
}

func newBenchBroadcast(w world) *cobra.Command {
	return benchmark{
		use: "broadcast", short: "A push to all devices",
		long:     `Send one push to all devices, and measure until each has a delivery in the database. The devices have no token, so that none is woken.`,
		defaults: bench.Options{Duration: time.Minute, Devices: 100_000, Concurrency: 1}, database: true,
		flags: func(fs *pflag.FlagSet, o *bench.Options) { devicesFlag(fs, o, "how many devices there are") },
		run:   bench.Broadcast,
	}.command(w)
}

func newBenchWire(w world) *cobra.Command {
	return benchmark{
		use: "wire", short: "Hush's connection to APNs against Go's HTTP/2 client",
		long:     `Send the same wakes by Hush's own HTTP/2 connection and by net/http, to the same APNs, each in a process of its own.`,
		defaults: bench.Options{Duration: 5 * time.Second, Devices: 1, Concurrency: 200},
		flags:    concurrencyFlag, run: bench.Wire,
	}.command(w)
}
