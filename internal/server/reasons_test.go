package server_test

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/logged"
	"github.com/hushpush/hush/internal/server"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestAStartThatIsRefusedSaysWhyInOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		write(t, path, string(text))
		return path
	}
	cert, _ := newCertificate(t, "one")
	_, key := newCertificate(t, "two")
	certFile, keyFile, empty := file("cert.pem", cert), file("key.pem", key), file("empty", nil)
	base := strings.Replace(pgtest.URL(t), "postgres://hush@", "postgres://hush:hunter2@", 1)
	for name, test := range map[string]struct {
		set  func(*config.Config)
		says []string
	}{
		"address in use":         {func(c *config.Config) { c.Listen = taken.Addr().String() }, []string{"listen:", taken.Addr().String(), "already in use", "another port"}},
		"metrics address in use": {func(c *config.Config) { c.Metrics.Listen = taken.Addr().String() }, []string{"metrics.listen:", taken.Addr().String()}},
		"data is a file":         {func(c *config.Config) { c.Data = empty }, []string{"data directory", empty, "not a directory"}},
		"pair does not match":    {func(c *config.Config) { c.TLSCert, c.TLSKey = certFile, keyFile }, []string{"tls_cert (" + certFile, "tls_key (" + keyFile, "does not match"}},
		"empty CA":               {func(c *config.Config) { c.APNs.CA = empty }, []string{"apns.ca", empty, "no certificate"}},
		"no such database": {func(c *config.Config) {
			c.Database = push.Secret(strings.Replace(base, "/test", "/no%0A%1b[31mtest", 1))
		}, []string{"does not exist"}},
		"unknown sslmode": {func(c *config.Config) { c.Database = "postgres://u:hunter2@127.0.0.1:1/x?sslmode=odd" }, []string{"sslmode is invalid", "want postgres://"}},
		"database away":   {func(c *config.Config) { c.Database = "postgres://u:hunter2@127.0.0.1:1,127.0.0.1:2/x" }, []string{"127.0.0.1:1 ", "127.0.0.1:2 ", "connection refused"}},
	} {
		settings := config.Config{Data: t.TempDir()}
		test.set(&settings)
		said := refused(t, settings)
		for _, want := range test.says {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q; want %q in it", name, said, want)
			}
		}
		if strings.ContainsAny(said, "\n\r\t\x1b") || strings.Contains(said, "hunter2") {
			t.Errorf("%s: %q; want one line, without control characters and the password", name, said)
		}
	}
}

func TestAStartThatFailsSumsNothingUp(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	log := &logged.Buffer{}
	settings := config.Config{Data: t.TempDir(), Listen: taken.Addr().String()}
	if _, err = server.Start(t.Context(), server.Config{Settings: settings, Logger: slog.New(slog.NewTextHandler(log, nil))}); err == nil {
		t.Fatal("it started at an address in use")
	}
	if strings.Contains(log.String(), "msg=summary") {
		t.Errorf("it has summed up:\n%s", log)
	}
}

func TestAWrongCertificateIsSeenBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	said := refused(t, config.Config{Data: data, TLSCert: "/nowhere.pem", TLSKey: "/nowhere.key", Database: "postgres://u@127.0.0.1:1/x"})
	if !strings.Contains(said, "tls_cert") {
		t.Errorf("%q; want tls_cert named", said)
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data directory: %v; want none", err)
	}
}

func TestAWrongAddressOfTheServerIsToldWithTheRightOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := newCertificate(t, "one")
	settings := config.Config{Data: filepath.Join(dir, "data"), TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
	write(t, settings.TLSCert, string(cert))
	write(t, settings.TLSKey, string(key))
	encrypted, plain := startNode(t, settings), startNode(t, config.Config{Data: t.TempDir()})
	for address, want := range map[string]string{
		strings.Replace(encrypted.srv.URL(), "https://", "http://", 1): "want https://",
		strings.Replace(plain.srv.URL(), "http://", "https://", 1):     "want http://",
		plain.srv.URL() + "/foo":                                       "/docs lists all paths; the server's address has a path, /foo; want it without",
		plain.srv.URL() + "/v1/":                                       "the server's address has a path, /v1;",
	} {
		c, err := client.New(client.Config{Server: address, Key: "some-key"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.App(t.Context(), "notes"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q in it", address, err, want)
		}
	}
}

func TestAKeyFileThatCannotBeWrittenIsAReasonForWhoRotates(t *testing.T) {
	t.Parallel()
	settings := config.Config{Data: t.TempDir(), SecretKeyFile: filepath.Join(t.TempDir(), "keys", "secret.key")}
	if err := os.Mkdir(filepath.Dir(settings.SecretKeyFile), 0o700); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, settings)
	if err := os.Rename(filepath.Dir(settings.SecretKeyFile), filepath.Dir(settings.SecretKeyFile)+".away"); err != nil {
		t.Fatal(err)
	}
	var problem protocol.Problem
	status := n.root("POST", "/v1/secret-key/rotate", "", &problem)
	if status != http.StatusInternalServerError || !strings.Contains(problem.Detail, "no such file or directory") || strings.Contains(problem.Detail, settings.SecretKeyFile) {
		t.Errorf("%d %q; want 500 with the reason, and without the path", status, problem.Detail)
	}
}
