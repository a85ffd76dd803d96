package notes

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// phoneEnv names the environment variable in which hush sim world gives an app the name of its phone.
const phoneEnv = "HUSH_PHONE"

// Main is the command: the app as a phone runs it, or the backend. It exits with a status other than 0 if it fails.
//
//	notes                     the app, installed in the directory that the environment names, see DirEnv and Install
//	notes app [flags]         the app on a phone of hush sim world, installed at its first launch
//	notes backend [flags]     the backend
func Main() {
	err := command(context.Background(), os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return Run(ctx, os.Getenv(DirEnv), os.Stdin, os.Stdout)
	case args[0] == "app":
		return runInstalled(ctx, args[1:])
	case args[0] == "backend":
		return runBackend(ctx, args[1:])
	}
	return fmt.Errorf("notes: unknown command %q; want app, backend, or none", args[0])
}

// runInstalled installs the app on its phone and runs it.
func runInstalled(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("notes app", flag.ContinueOnError)
	dir := flags.String("dir", "notes-phones", "directory in which the app on each phone has one of its own")
	var s Settings
	flags.StringVar(&s.Server, "server", "http://127.0.0.1:8080", "Hush")
	flags.StringVar(&s.App, "app", "notes", "the app's name there")
	flags.StringVar(&s.Backend, "backend", "http://127.0.0.1:8090", "the notes' backend")
	flags.StringVar(&s.User, "user", "", "who is logged in on this phone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	phone := os.Getenv(phoneEnv)
	if s.User == "" || phone == "" {
		return fmt.Errorf("notes: --user or %s is empty; want a user, and a phone that starts this: hush sim world --app-events all --app 'notes app --user alice'", phoneEnv)
	}
	own := filepath.Join(*dir, phone)
	if err := Install(own, s); err != nil {
		return err
	}
	if err := os.Setenv(DirEnv, own); err != nil { // the background handler looks there
		return err
	}
	return Run(ctx, own, os.Stdin, os.Stdout)
}

// runBackend runs the backend until ctx is over, or SIGTERM or Ctrl-C ends it.
func runBackend(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("notes backend", flag.ContinueOnError)
	cfg := BackendConfig{Key: push.Secret(os.Getenv("HUSH_KEY")), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flags.StringVar(&cfg.Server, "server", "http://127.0.0.1:8080", "Hush; the server key comes from HUSH_KEY")
	flags.StringVar(&cfg.App, "app", "notes", "the app's name there")
	flags.StringVar(&cfg.Listen, "listen", "127.0.0.1:8090", "host:port")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if cfg.Key == "" {
		return errors.New("notes: HUSH_KEY is empty; want a server key of role send")
	}
	b, err := StartBackend(cfg)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Println("ready listen=" + b.addr)
	<-ctx.Done()
	return b.Close()
}

// Run runs the app until in ends or ctx is over.
func Run(ctx context.Context, dir string, in io.Reader, out io.Writer) (err error) {
	if dir == "" {
		return fmt.Errorf("notes: %s is empty; want the directory of an installation (this program is run by a phone, see hush demo)", DirEnv)
	}
	a := &app{home: home(dir)}
	defer func() {
		if a.hush != nil {
			err = errors.Join(err, a.hush.Close())
		}
	}()
	return phoneline.Serve(ctx, in, out, a.handle)
}
