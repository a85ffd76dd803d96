package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/logged"
)

// writePair writes a certificate for 127.0.0.1 and its key.
func writePair(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{{127, 0, 0, 1}}}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// logLines is the standard error of a process, as it comes.
type logLines struct{ logged.Buffer }

func (l *logLines) with(word string) (lines []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, word) {
			lines = append(lines, line)
		}
	}
	return lines
}

// await waits until n lines have the word, and returns the last of them.
func (l *logLines) await(t *testing.T, word string, n int) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(l.with(word)) < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no line %d with %q: %s", n, word, l.String())
		}
	}
	return l.with(word)[n-1]
}

func TestSIGHUPReadsCertificateAndLogLevelAgainAndSaysSoInOneLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, yaml := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "hush.yaml")
	level := func(text string) {
		t.Helper()
		if err := os.WriteFile(yaml, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writePair(t, cert, key)
	level("log:\n  level: error\n")
	cmd, lines, log := processWithLog(t, "serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--config", yaml)
	hangup := func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if !lines.Scan() {
		t.Fatalf("it is not ready: %s", log.with(""))
	}
	n := 0
	said := func(want ...string) {
		t.Helper()
		n++
		line := log.await(t, "SIGHUP", n)
		for _, w := range want {
			if !strings.Contains(line, w) {
				t.Errorf("line %d: %s; want %q in it", n, line, w)
			}
		}
	}
	hangup()
	said("certificate=unchanged", "log_level=error", "log_level_from="+yaml)
	level("log:\n  level: debug\n")
	hangup()
	said("log_level=debug", "log_level_was=error")
	level("log:\n  level: loud\n")
	hangup()
	said("WARN", "log_level=debug", "loud", "want debug, info, warn or error")
	level("log:\n  level: debug\n")
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup()
	said("WARN", "certificate=kept", "tls_cert")
	writePair(t, cert, key)
	hangup()
	said("certificate=changed", "log_level=debug", "valid_until=")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range 5 { // while it stops
		_ = cmd.Process.Signal(syscall.SIGHUP)
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGHUP while it stops: %v; want exit 0", err)
	}
}

// A terminal that is closed ends what was started in it.
func TestSIGHUPEndsTheSimulators(t *testing.T) {
	t.Parallel()
	// Where the tests run under nohup, SIGHUP is ignored, and children inherit that; whom a handler has, children have not.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	defer signal.Stop(handled)
	cmd, lines, _ := process(t, nil, "sim", "apns", "--listen", "127.0.0.1:0")
	if !lines.Scan() {
		t.Fatal("it is not ready")
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err == nil {
		t.Error("exit 0; want it ended by the signal")
	}
}
