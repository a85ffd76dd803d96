package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/internal/server"
)

// startWith starts a server of its own with settings.
func startWith(t *testing.T, set config.Config) (*server.Server, *logged.Buffer) {
	t.Helper()
	log := &logged.Buffer{}
	set.Data = t.TempDir()
	srv, err := server.Start(t.Context(), server.Config{Settings: set, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return srv, log
}

// newCertificate returns a certificate for 127.0.0.1 and its key, in PEM.
func newCertificate(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// shows returns the name in the certificate that a new connection is shown.
func shows(t *testing.T, addr string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // the name is what is tested
	if err != nil {
		t.Fatalf("no handshake: %v", err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestARenewedCertificateIsTakenWithoutARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write := func(cert, key []byte) {
		t.Helper()
		for file, text := range map[string][]byte{certFile: cert, keyFile: key} {
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, firstKey := newCertificate(t, "first")
	write(first, firstKey)
	srv, log := startWith(t, config.Config{TLSCert: certFile, TLSKey: keyFile})
	if got := shows(t, srv.Addr()); got != "first" {
		t.Fatalf("a new connection is shown %q, want the first", got)
	}

	// Half-way through a renewal, and with files that are none, the former one is kept, and said once.
	second, secondKey := newCertificate(t, "second")
	for _, half := range [][2][]byte{{second, firstKey}, {[]byte("none"), []byte("none")}} {
		write(half[0], half[1])
		said := strings.Count(log.String(), "the former one is kept")
		eventually(t, "the log says that the new certificate is not used", func() bool {
			if got := shows(t, srv.Addr()); got != "first" {
				t.Fatalf("a new connection is shown %q, want the first still", got)
			}
			return strings.Count(log.String(), "the former one is kept") == said+1
		})
	}
	write(second, secondKey)
	eventually(t, "the second certificate is shown", func() bool { return shows(t, srv.Addr()) == "second" })

	// Kubernetes swaps a link.
	third, thirdKey := newCertificate(t, "third")
	next := filepath.Join(dir, "..data_tmp")
	for file, text := range map[string][]byte{certFile: third, keyFile: thirdKey} {
		real := file + ".third"
		if err := os.WriteFile(real, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, file); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the third certificate is shown", func() bool { return shows(t, srv.Addr()) == "third" })
	if strings.Contains(log.String(), "PRIVATE KEY") {
		t.Errorf("the log has a key in it:\n%s", log)
	}
}

func TestATLSKeyThatOthersCanOpenIsWarnedAbout(t *testing.T) {
	t.Parallel()
	cert, key := newCertificate(t, "x")
	for mode, want := range map[os.FileMode]string{0o600: "", 0o640: "open to a group", 0o604: "everyone on this machine"} {
		dir := t.TempDir()
		certFile, keyFile := filepath.Join(dir, "c"), filepath.Join(dir, "k")
		for file, text := range map[string][]byte{certFile: cert, keyFile: key} {
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(keyFile, mode); err != nil {
			t.Fatal(err)
		}
		_, log := startWith(t, config.Config{TLSCert: certFile, TLSKey: keyFile})
		if warned := strings.Contains(log.String(), "key of the certificate"); warned != (want != "") || !strings.Contains(log.String(), want) {
			t.Errorf("a key of mode %v: want a warning %q\n%s", mode, want, log)
		}
	}
}

func TestAnEncryptedTLSKeyIsRefusedWithWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, _ := newCertificate(t, "x")
	key := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	certFile, keyFile := filepath.Join(dir, "c"), filepath.Join(dir, "k")
	for file, text := range map[string][]byte{certFile: cert, keyFile: key} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := server.Start(t.Context(), server.Config{Settings: config.Config{Data: t.TempDir(), TLSCert: certFile, TLSKey: keyFile}})
	if err == nil || !strings.Contains(err.Error(), "tls_key") || !strings.Contains(err.Error(), "encrypted with a password") {
		t.Errorf("got %v, want tls_key named, and that it is encrypted", err)
	}
}

func TestAListenerWithoutTLSBeyondThisMachineWarns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := newCertificate(t, "x")
	certFile, keyFile := filepath.Join(dir, "c"), filepath.Join(dir, "k")
	for file, text := range map[string][]byte{certFile: cert, keyFile: key} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		set   config.Config
		warns bool
	}{
		"every address":              {config.Config{Listen: "0.0.0.0:0"}, true},
		"every address, in short":    {config.Config{Listen: ":0"}, true},
		"loopback":                   {config.Config{Listen: "127.0.0.1:0"}, false},
		"a name of loopback":         {config.Config{Listen: "localhost:0"}, false},
		"every address behind TLS":   {config.Config{Listen: "0.0.0.0:0", TLSCert: certFile, TLSKey: keyFile}, false},
		"every address, and a proxy": {config.Config{Listen: "0.0.0.0:0", TLSByProxy: true}, false},
	} {
		_, log := startWith(t, test.set)
		if warns := strings.Contains(log.String(), "listening without TLS"); warns != test.warns {
			t.Errorf("%s: warns %v, want %v\n%s", name, warns, test.warns, log)
		}
	}
}

func TestMetricsCanBeMovedAway(t *testing.T) {
	t.Parallel()
	srv, _ := startWith(t, config.Config{Metrics: config.Metrics{Listen: "127.0.0.1:0"}})
	get := func(addr, path string) (int, string, http.Header) {
		t.Helper()
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), resp.Header
	}
	for _, path := range []string{"/metrics", "/metrics/"} {
		if status, _, _ := get(srv.Addr(), path); status != 404 {
			t.Errorf("%s beside the API: %d, want 404", path, status)
		}
	}
	if _, doc, _ := get(srv.Addr(), "/openapi.json"); strings.Contains(doc, `"/metrics"`) {
		t.Error("the document has /metrics, which is not there")
	}
	status, body, header := get(srv.MetricsAddr(), "/metrics")
	if status != 200 || !strings.Contains(body, "go_goroutines") || header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("/metrics on its own address: %d %v, want the metrics, for no cache", status, header)
	}
	for _, path := range []string{"/", "/healthz", "/v1/apps", "/docs"} {
		if status, _, _ := get(srv.MetricsAddr(), path); status != 404 {
			t.Errorf("%s beside the metrics: %d, want 404", path, status)
		}
	}
	here, _ := startWith(t, config.Config{})
	if status, _, _ := get(here.Addr(), "/metrics"); status != 200 || here.MetricsAddr() != here.Addr() {
		t.Errorf("/metrics where nothing was said: %d, want it beside the API", status)
	}
}
