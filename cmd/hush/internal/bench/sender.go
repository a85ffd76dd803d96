package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hushpush/hush/internal/h2push"
)

// The senders there are.
const (
	goSender   = "net/http" // Go's own HTTP/2 client
	hushSender = "hush"     // ours, by frame
)

// senderRole sends wakes to APNs' stand-in and does nothing else: what sending alone costs.
type senderRole struct {
	Kind     string // goSender or hushSender
	URL, CA  string
	Duration time.Duration
	Workers  int
}

// sent is what a sender says at its end.
type sent struct {
	Done      int
	Seconds   float64
	CPU       time.Duration
	Measured  bool // CPU is known
	Latencies Latency
}

// goClients is how many connections Go's client has: it makes one a transport. Ours makes as many as are useful.
const goClients = 2

// send makes one request and waits for its answer, which is to be a 200.
type send func(ctx context.Context) error

// run warms up, sends, and says what came of it.
func (s *senderRole) run(ctx context.Context, out io.Writer) error {
	one, end, err := s.prepare()
	if err != nil {
		return err
	}
	defer end()
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	took := newLatencies()
	do := func(ctx context.Context, _ int, due time.Time) error {
		defer func() { took.record(time.Since(due)) }()
		return one(ctx)
	}
	l := load{workers: s.Workers, longest: s.Duration / 5}
	if _, err := l.run(ctx, do); err != nil {
		return err
	}
	took, l.longest = newLatencies(), s.Duration
	before, measured := usageOf(os.Getpid())
	begin := time.Now()
	done, err := l.run(ctx, do)
	if err != nil {
		return err
	}
	seconds := time.Since(begin).Seconds()
	after, _ := usageOf(os.Getpid())
	return json.NewEncoder(out).Encode(sent{done, seconds, after.cpu - before.cpu, measured, took.summary("request to answer")})
}

func (s *senderRole) prepare() (one send, end func(), err error) {
	ca, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, nil, fmt.Errorf("bench: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	if s.Kind == goSender {
		one, end = goSends(s.URL, roots)
		return one, end, nil
	}
	return hushSends(s.URL, roots)
}

// wakeFields are the header of a wake, and wakeBody one with a short payload: as Hush sends them.
var wakeFields = []h2push.Field{
	{Name: "apns-push-type", Value: "background"},
	{Name: "apns-priority", Value: "5"},
	{Name: "apns-topic", Value: bundleID},
	{Name: "apns-id", Value: "0193a0b2-c3d4-7000-8000-000000000000", Fresh: true},
	{Name: "apns-collapse-id", Value: "hush"},
	{Name: "apns-expiration", Value: "1796507022", Fresh: true},
	{Name: "content-type", Value: "application/json"},
	{Name: "authorization", Value: "bearer eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ.eyJpc3MiOiJERUYxMjNHSElKIiwiaWF0IjoxNzAwMDAwMDAwfQ.c2lnbmF0dXJlIG9mIHNpeHR5LWZvdXIgYnl0ZXMsIHdoaWNoIG5vYm9keSBjaGVja3MsIG5vdCBldmVu"},
}

var (
	wakePath = "/3/device/" + tokenOf(0)
	wakeBody = []byte(`{"aps":{"content-available":1},"hush":{"v":2,"sealed":"` + string(bytes.Repeat([]byte("x"), 300)) + `"}}`)
)

// goSends sends with net/http.
func goSends(url string, roots *x509.CertPool) (send, func()) {
	clients := make(chan *http.Client, goClients)
	for range goClients {
		clients <- &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	}
	header := http.Header{}
	for _, f := range wakeFields {
		header.Set(f.Name, f.Value)
	}
	one := func(ctx context.Context) error {
		client := <-clients
		clients <- client // in turn
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+wakePath, bytes.NewReader(wakeBody))
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		req.Header = header
		resp, err := client.Do(req)
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		return wantOK(resp.StatusCode)
	}
	return one, func() {
		for range goClients {
			(<-clients).CloseIdleConnections()
		}
	}
}

// hushSends sends with h2push, as internal/apns does.
func hushSends(url string, roots *x509.CertPool) (send, func(), error) {
	pool, err := h2push.New(h2push.Config{URL: url, TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		return nil, nil, err
	}
	one := func(ctx context.Context) error {
		resp, err := pool.Do(ctx, h2push.Request{Path: wakePath, FreshPath: true, Header: wakeFields, Body: wakeBody})
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		return wantOK(resp.Status)
	}
	return one, func() { pool.Close(context.Background()) }, nil
}

func wantOK(status int) error {
	if status != http.StatusOK {
		return fmt.Errorf("bench: APNs' stand-in answered %d", status)
	}
	return nil
}

// runSender runs a sender in a process of its own.
func (r *rig) runSender(ctx context.Context, kind string, workers int, duration time.Duration) (sent, error) {
	var said sent
	cmd, err := role{Sender: &senderRole{Kind: kind, URL: r.appleURL(), CA: r.ca(), Duration: duration, Workers: workers}}.command(r.self)
	if err != nil {
		return said, err
	}
	p, err := start(ctx, cmd, func(out *bufio.Reader) error { return json.NewDecoder(out).Decode(&said) })
	if err != nil {
		return said, err
	}
	defer p.stop()
	if err := p.wait(ctx); err != nil {
		return sent{}, err
	}
	return said, nil
}

// yardstick returns what Go's own client does in this run.
func (r *rig) yardstick(ctx context.Context, workers int, duration time.Duration) (*Yardstick, error) {
	r.options.progress("measuring Go's own HTTP/2 client for %s", duration)
	s, err := r.runSender(ctx, goSender, workers, duration)
	if err != nil {
		return nil, err
	}
	y := &Yardstick{Name: goSender, Done: s.Done, Seconds: s.Seconds, PerSecond: per(float64(s.Done), s.Seconds), Latency: s.Latencies}
	if s.Measured {
		y.CPU = cpuOf(s.CPU, s.Done)
	}
	return y, nil
}
