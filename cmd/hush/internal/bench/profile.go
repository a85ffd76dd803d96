package bench

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
)

// profileEnv asks hush serve for a profile of where its time goes. Its value is the file.
const profileEnv = "HUSH_BENCH_CPU_PROFILE"

// Profile begins a CPU profile of this process if a benchmark has started it for that. It is written once end is called.
func Profile() (end func()) {
	path := os.Getenv(profileEnv)
	if path == "" {
		return func() {}
	}
	file, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "hush: no CPU profile: %v\n", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			fmt.Fprintf(os.Stderr, "hush: the CPU profile: %v\n", err)
		}
	}
}

// profile starts the server anew with a profile, if one is wanted: it is to show the work of the benchmark, and not how the
// devices came to be.
func (r *rig) profile(ctx context.Context) error {
	if r.options.CPUProfile == "" {
		return nil
	}
	return r.restart(ctx)
}

// restart starts the server anew on the same data, with a profile if one is wanted.
func (r *rig) restart(ctx context.Context) error {
	r.server.stop()
	if r.options.CPUProfile == "" {
		return r.startServer(ctx)
	}
	return r.startServer(ctx, profileEnv+"="+r.options.CPUProfile)
}
