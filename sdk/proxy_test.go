package sdk_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/proxy/proxytest"
	"github.com/hushpush/hush/sdk"
)

func TestCallsAndSessionGoThroughTheProxyThatIsTheOnlyWayOut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		start func(*httptest.Server)
		host  string // whom the certificate names, and only the proxy knows
		calls string // how calls ask the proxy
	}{
		{"https", (*httptest.Server).StartTLS, "https://example.com", "CONNECT example.com:443"},
		{"http", (*httptest.Server).Start, "http://hush.example", "PUT hush.example:80"},
	} {
		for _, by := range []string{"a setting", "the app's HTTP client"} {
			t.Run(test.name+" by "+by, func(t *testing.T) {
				t.Parallel()
				b := startBackend(t, test.start)
				u, err := url.Parse(test.host)
				if err != nil {
					t.Fatal(err)
				}
				port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
				way := proxytest.Start(t, map[string]string{u.Host + ":" + port: b.http.Listener.Addr().String()})
				way.Want("me", "secret")
				through := &url.URL{Scheme: "http", User: url.UserPassword("me", "secret"), Host: proxytest.Address(way.URL)}
				a := openApp(t, b, t.TempDir(), func(c *sdk.Config) {
					c.Server = test.host
					c.TLS = &tls.Config{RootCAs: roots(b)}
					if by == "a setting" {
						c.Proxy = through.String()
						return
					}
					transport := &http.Transport{Proxy: http.ProxyURL(through), TLSClientConfig: c.TLS}
					t.Cleanup(transport.CloseIdleConnections)
					c.HTTPClient = &http.Client{Transport: transport}
				}).handle().registered()
				a.open(b, "alice")
				p := b.accept("alice", "1", time.Hour)
				b.give(p)
				b.final(p)
				a.waitFor(t, "through:session:1")
				asked := way.Asked()
				if !slices.Contains(asked, test.calls) || !slices.Contains(asked, "CONNECT "+u.Host+":"+port) {
					t.Errorf("the proxy was asked for %q, want calls and a tunnel for the session", asked)
				}
			})
		}
	}
}

func TestAProxyThatIsNoneIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	_, err := sdk.Open(sdk.Config{Server: "https://push.example.com", App: "notes", Dir: t.TempDir(), Platform: sdk.IOS, Token: noToken,
		Proxy: "ftp://me:hunter2@proxy"})
	if err == nil || !strings.Contains(err.Error(), "Config.Proxy") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v; want the field, and not the password", err)
	}
}

func noToken(context.Context) (string, error) { return "alice", nil }

// roots trust the backend, if it has a certificate.
func roots(b *backend) *x509.CertPool {
	pool := x509.NewCertPool()
	if cert := b.http.Certificate(); cert != nil {
		pool.AddCert(cert)
	}
	return pool
}
