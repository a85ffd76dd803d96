// Command hush is the server, its command line, the provider simulators and the demonstration in one binary. It holds
// flags, output and calls; what they do is in the packages that it calls.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hushpush/hush/internal/demo"
)

func main() {
	if demo.RunApp() { // a phone of the demo has started this program as its app
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], world{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv})
	stop()
	os.Exit(code)
}
