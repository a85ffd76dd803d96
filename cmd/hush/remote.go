package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// remote is a command's way to the server: its flags, and once dial was called, the client.
type remote struct {
	w       world
	server  string
	key     string
	app     string
	ca      string
	proxy   string
	json    bool
	timeout time.Duration
	tries   int // of each request; 0: as many as the client has by itself

	*client.Client
	answer []byte // the last one, as it came
	page   client.Page
	file   jsonFile // whose contents are the request's body, for what is said of it; none if flag is ""
}

const defaultServer = "http://127.0.0.1:8080"

// addTo gives cmd the flags that every client command has. The key has no default in the flag, because help shows defaults.
func (r *remote) addTo(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&r.server, "server", "", "the server (HUSH_SERVER; default "+defaultServer+")")
	fs.StringVar(&r.key, "key", "", "a server key; better in HUSH_KEY, which process lists do not show")
	fs.StringVar(&r.ca, "ca", "", "PEM file of certificates to trust instead of the system's (HUSH_CA)")
	fs.StringVar(&r.proxy, "proxy", "", "URL of a proxy, or \"direct\" for none (HUSH_PROXY; default HTTPS_PROXY, HTTP_PROXY and NO_PROXY)")
	fs.BoolVar(&r.json, "json", false, "print the API's answer as it is")
	fs.DurationVar(&r.timeout, "timeout", 30*time.Second, "for the server to answer")
}

// addAppTo adds the flag of commands that work inside one app.
func (r *remote) addAppTo(cmd *cobra.Command) {
	r.addTo(cmd)
	cmd.Flags().StringVar(&r.app, "app", "", "the app (HUSH_APP)")
	becomes(cmd, "app", "path.app")
	r.offerFlag(cmd, "app", false, appNames)
}

func (r *remote) addPageTo(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.page.Limit, "limit", 0, "show one page of at most this length; otherwise a table has all, and --json has the first page")
	cmd.Flags().StringVar(&r.page.Cursor, "cursor", "", "go on where the page with this cursor ended")
	becomes(cmd, "limit", "query.limit")
	becomes(cmd, "cursor", "query.cursor")
}

// client command: flags, then one call. Every client command is made here, so that all behave alike.
func (w world) client(cmd *cobra.Command, inApp bool, do func(ctx context.Context, r *remote, args []string) error) (*cobra.Command, *remote) {
	r := &remote{w: w}
	if inApp {
		r.addAppTo(cmd)
	} else {
		r.addTo(cmd)
	}
	if cmd.ValidArgs == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, m := range w.mistyped() {
			fmt.Fprintf(w.stderr, "hush: warning: nobody reads %s%s\n", clean(m.Name), didYouMean(m.Meant))
		}
		if err := r.dial(inApp); err != nil {
			return err
		}
		err := ended(cmd.Context(), func() error { return do(cmd.Context(), r, args) })
		if errors.Is(err, errLeft) {
			return err // r is still its own
		}
		err = r.named(cmd, r.trusting(err))
		r.printAnswer()
		return err
	}
	return cmd, r
}

// printAnswer prints the last answer, once, with --json.
func (r *remote) printAnswer() {
	if r.json && len(r.answer) > 0 {
		fmt.Fprintf(r.w.stdout, "%s\n", strings.TrimSuffix(string(r.answer), "\n"))
	}
	r.answer = nil
}

// readGrace is how long a command may still take once it is interrupted: long enough to say what it did.
const readGrace = time.Second

// ended runs a command, and leaves it behind once ctx has ended and it does not come back: nothing else ends a read of a pipe
// to which nobody writes.
func ended(ctx context.Context, command func() error) error {
	done := make(chan error, 1)
	go func() { done <- command() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(readGrace):
		return errLeft
	}
}

var errLeft = errors.New("interrupted")

// dial reads what flags and environment say and makes the client. It asks the server nothing.
func (r *remote) dial(inApp bool) error {
	r.server = first(r.server, r.w.getenv("HUSH_SERVER"), defaultServer)
	r.app = first(r.app, r.w.getenv("HUSH_APP"))
	r.ca = first(r.ca, r.w.getenv("HUSH_CA"))
	r.proxy = first(r.proxy, r.w.getenv("HUSH_PROXY"))
	key := strings.TrimSpace(first(r.key, r.w.getenv("HUSH_KEY")))
	switch {
	case key == "":
		return usagef("no server key is given; want HUSH_KEY in the environment, or --key. A new server writes its root key to root.key in its data directory")
	case strings.ContainsAny(key, "\r\n"):
		return usagef("the key has a line break; want one key, on one line (--key, HUSH_KEY)")
	case inApp && r.app == "":
		return usagef("no app is given; want --app NAME, or HUSH_APP in the environment")
	case r.timeout <= 0:
		return usagef("--timeout is %s; want more than 0s, such as 30s", r.timeout)
	}
	transport, err := transportFor(r.ca, r.proxy)
	if err != nil {
		return err
	}
	r.Client, err = client.New(client.Config{
		Server:   r.server,
		Key:      push.Secret(key),
		HTTP:     &http.Client{Transport: transport},
		Tries:    r.tries,
		OnAnswer: func(answer []byte) { r.answer = answer },
	})
	if err != nil {
		return usagef("%v (--server, HUSH_SERVER)", err)
	}
	return nil
}

// transportFor makes the connections: through the proxy of the setting or of the environment, and with the authorities of a
// file instead of the system's.
func transportFor(ca, setting string) (*http.Transport, error) {
	choice, err := proxy.Parse(setting)
	if err != nil {
		return nil, usagef("the proxy (--proxy, HUSH_PROXY): %v", err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	d := proxy.Dialer{Choice: choice}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, usagef("--ca: %v", err)
		}
		d.Roots = x509.NewCertPool()
		if !d.Roots.AppendCertsFromPEM(pem) {
			return nil, usagef("--ca: %s has no certificate; want PEM", ca)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: d.Roots}
	}
	d.Equip(t)
	return t, nil
}

// trusting adds to the error of a certificate that nobody signed who is trusted how to trust it. Any other err stays as it is.
// A wrong name, and a time that is over, are no matter of trust.
func (r *remote) trusting(err error) error {
	switch {
	case !errors.As(err, new(*tls.CertificateVerificationError)), errors.As(err, new(x509.HostnameError)), errors.As(err, new(x509.CertificateInvalidError)):
		return err
	case r.ca != "":
		return fmt.Errorf("%w: --ca (HUSH_CA) is %s; want a file with the certificate of who signed the server's", err, r.ca)
	}
	return fmt.Errorf("%w: to trust the server, give the certificate of who signed its own: --ca FILE, or HUSH_CA", err)
}

// clientVariables are those of client commands.
var clientVariables = []string{"HUSH_SERVER", "HUSH_KEY", "HUSH_APP", "HUSH_CA", "HUSH_PROXY", "HUSH_P12_PASSWORD"}

// mistyped returns the variables that were probably meant for the command, and that it does not read.
func (w world) mistyped() []config.Mistyped {
	if w.environ == nil {
		return nil
	}
	return config.MistypedVariables(w.environ(), clientVariables...)
}

// stopped returns the end of a command that shows what happens until it is stopped. Ctrl-C and SIGTERM are how
// people end it, so they are no error: what was shown stands, and resume is the command line that goes on. Any other err
// stays as it is.
func (r *remote) stopped(ctx context.Context, err error, resume string) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	r.answer = nil // with --json the answer is printed once it is whole
	fmt.Fprintf(r.w.stderr, "hush: stopped watching; to go on: %s\n", clean(resume))
	return nil
}

// within gives one call its time.
func (r *remote) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("no answer within %s (--timeout)", r.timeout))
}

// one makes one call within its time.
func one[T any](ctx context.Context, r *remote, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	return call(ctx)
}

// pages calls fetch for the page that was asked for, or, for a table and without one, for all.
func (r *remote) pages(ctx context.Context, fetch func(context.Context, client.Page) (next string, err error)) error {
	page := r.page
	for {
		next, err := one(ctx, r, func(ctx context.Context) (string, error) { return fetch(ctx, page) })
		if err != nil || next == "" || r.json || r.page.Limit != 0 {
			return err
		}
		page.Cursor = next
	}
}

// say prints for people; with --json the API's answer is all there is.
func (r *remote) say(format string, args ...any) {
	if r.json {
		return
	}
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = clean(s)
		}
	}
	fmt.Fprintf(r.w.stdout, format, args...)
}

// show prints a table for people.
func (r *remote) show(t *table) {
	if !r.json {
		t.print(r.w.stdout)
	}
}

// showList prints a table for people; of one without rows, what there is none of, on standard error, so that what reads
// standard output gets nothing.
func (r *remote) showList(t *table, none string) {
	switch {
	case r.json:
	case len(t.rows) > 1:
		t.print(r.w.stdout)
	case r.page.Cursor != "":
		fmt.Fprintln(r.w.stderr, "nothing more")
	default:
		fmt.Fprintln(r.w.stderr, clean(none))
	}
}

// readFile reads what a flag names; "-" is standard input. Nothing above a request's own limit is of use.
func (w world) readFile(flag, path string) ([]byte, error) {
	const most = 8 << 20
	f, err := w.open("--"+flag, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, usagef("--%s: %v", flag, err)
	}
	if len(b) > most {
		return nil, usagef("--%s: %s has more than %d bytes; want at most that", flag, path, most)
	}
	return b, nil
}

// open opens the file that what, a flag or an argument, names; "-" is standard input.
func (w world) open(what, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(w.stdin), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("%s: %v", what, err)
	}
	return f, nil
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func putWord(created bool) string {
	if created {
		return "made"
	}
	return "saved"
}
