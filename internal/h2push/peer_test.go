package h2push_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hushpush/hush/internal/h2push"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const long = 30 * time.Second

// peer is a server that speaks HTTP/2 by frame, so that tests can have it say anything. Each connection runs serve.
type peer struct {
	URL   string
	roots *x509.CertPool

	t     testing.TB
	ln    net.Listener
	work  sync.WaitGroup
	mu    sync.Mutex
	conns int
	open  []net.Conn
}

// wire is one connection as the peer sees it.
type wire struct {
	*http2.Framer
	nc    net.Conn
	n     int // counts from 1
	enc   *hpack.Encoder
	block bytes.Buffer
}

var testCert = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

func newPeer(t testing.TB, settings []http2.Setting, serve func(*wire) error) *peer {
	t.Helper()
	return newPeerALPN(t, "h2", func(nc net.Conn, n int) error {
		w := &wire{nc: nc, n: n, Framer: http2.NewFramer(nc, nc)}
		w.enc = hpack.NewEncoder(&w.block)
		w.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(nc, preface); err != nil || string(preface) != http2.ClientPreface {
			return errors.New("no preface")
		}
		if err := w.WriteSettings(settings...); err != nil {
			return err
		}
		return serve(w)
	})
}

func newPeerALPN(t testing.TB, proto string, serve func(net.Conn, int) error) *peer {
	t.Helper()
	cert := testCert()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{proto}})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, ln: ln, URL: "https://" + ln.Addr().String(), roots: x509.NewCertPool()}
	p.roots.AddCert(cert.Leaf)
	p.work.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns++
			n := p.conns
			p.open = append(p.open, nc)
			p.mu.Unlock()
			p.work.Go(func() {
				defer func() { _ = nc.Close() }()
				_ = serve(nc, n) // ends with the connection
			})
		}
	})
	t.Cleanup(p.close)
	return p
}

func (p *peer) close() {
	_ = p.ln.Close()
	p.mu.Lock()
	for _, nc := range p.open {
		_ = nc.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}

func (p *peer) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns
}

// request returns the next request, whole; SETTINGS and PING are answered on the way.
func (w *wire) request() (id uint32, path string, body []byte, err error) {
	for {
		f, err := w.ReadFrame()
		if err != nil {
			return 0, "", nil, err
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if err := w.WriteSettingsAck(); err != nil {
					return 0, "", nil, err
				}
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				if err := w.WritePing(true, f.Data); err != nil {
					return 0, "", nil, err
				}
			}
		case *http2.MetaHeadersFrame:
			id, path = f.StreamID, f.PseudoValue("path")
			if f.StreamEnded() {
				return id, path, nil, nil
			}
		case *http2.DataFrame:
			body = append(body, f.Data()...)
			if f.StreamEnded() {
				return id, path, body, nil
			}
		}
	}
}

// answer sends a whole answer.
func (w *wire) answer(id uint32, status, body string, fields ...string) error {
	w.block.Reset()
	_ = w.enc.WriteField(hpack.HeaderField{Name: ":status", Value: status})
	for i := 0; i < len(fields); i += 2 {
		_ = w.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	if err := w.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: w.block.Bytes(), EndHeaders: true, EndStream: body == "",
	}); err != nil || body == "" {
		return err
	}
	return w.WriteData(id, true, []byte(body))
}

// echo answers every request with 200 and its own body.
func (w *wire) echo() error {
	for {
		id, _, body, err := w.request()
		if err != nil {
			return err
		}
		if err := w.answer(id, "200", string(body)); err != nil {
			return err
		}
	}
}

func (p *peer) pool(change func(*h2push.Config)) *h2push.Pool {
	p.t.Helper()
	cfg := h2push.Config{URL: p.URL, TLS: &tls.Config{RootCAs: p.roots}, Reason: func(debugData []byte) string { return string(debugData) }}
	if change != nil {
		change(&cfg)
	}
	pool, err := h2push.New(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { closeNow(pool) })
	return pool
}

func closeNow(pool *h2push.Pool) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	pool.Close(ctx)
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func post(body string) h2push.Request {
	return h2push.Request{Path: "/3/device/ff", FreshPath: true, Header: []h2push.Field{{Name: "apns-topic", Value: "t"}}, Body: []byte(body)}
}

func mustSend(t *testing.T, pool *h2push.Pool, body string) h2push.Response {
	t.Helper()
	resp, err := pool.Do(within(t, long), post(body))
	if err != nil {
		t.Fatalf("send %.20q: %v", body, err)
	}
	return resp
}

// sendUntilAnswered is for pools that ping after a moment: on a busy machine a good peer may not answer in time for one.
func sendUntilAnswered(t *testing.T, pool *h2push.Pool, body string) {
	t.Helper()
	waitFor(t, "an answer to "+body, func() bool {
		_, err := pool.Do(within(t, long), post(body))
		return err == nil
	})
}

func isError(t *testing.T, err error) *h2push.Error {
	t.Helper()
	var e *h2push.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v (%T), want an *h2push.Error", err, err)
	}
	return e
}

func header(name, value string) hpack.HeaderField { return hpack.HeaderField{Name: name, Value: value} }

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s for: %s", long, what)
		}
	}
}
