// Command hush is the server, its command line, the provider simulators and the demonstration in one binary. It holds
// flags, output and calls; what they do is in the packages that it calls.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	// A container with nothing but this file has no certificate authorities; these count where the system has none.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/hushpush/hush/cmd/hush/internal/bench"
	"github.com/hushpush/hush/cmd/hush/internal/demo"
)

func main() {
	if demo.RunApp() || bench.RunRole() { // a phone of the demo has started this program as its app, or a benchmark for a role
		return
	}
	hangups := make(chan os.Signal, 1)
	if firstWord(os.Args[1:]) == "serve" { // as early as can be: until then, and for all other commands, it ends the process
		signal.Notify(hangups, syscall.SIGHUP)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go stopOn(context.Background(), signals, stop, os.Stderr, os.Exit) // as long as the process
	endProfile := bench.Profile()
	code := run(ctx, os.Args[1:], world{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, environ: os.Environ, hangups: hangups})
	endProfile()
	os.Exit(code)
}
