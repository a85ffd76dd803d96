// Package proxytest is a proxy for tests: it alone knows where names lead, as the only way out of a network does.
package proxytest

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Proxy is a proxy that runs until its test ends.
type Proxy struct {
	URL string // without credentials

	http  *httptest.Server
	hosts map[string]string

	mu     sync.Mutex
	wanted string        // guarded by mu; Proxy-Authorization; "": none
	refuse int           // guarded by mu
	hang   bool          // guarded by mu
	asked  []string      // guarded by mu
	ended  chan struct{} // closed with the test
	work   sync.WaitGroup
}

// Start starts a proxy that speaks HTTP. hosts says where a name with its port leads, such as "api.push.apple.com:443" to
// "127.0.0.1:2197"; it knows no other.
func Start(t testing.TB, hosts map[string]string) *Proxy {
	return start(t, hosts, (*httptest.Server).Start)
}

// StartTLS is Start for a proxy that speaks HTTPS, with the certificate that Certificate names.
func StartTLS(t testing.TB, hosts map[string]string) *Proxy {
	return start(t, hosts, (*httptest.Server).StartTLS)
}

func start(t testing.TB, hosts map[string]string, run func(*httptest.Server)) *Proxy {
	p := &Proxy{hosts: hosts, ended: make(chan struct{})}
	p.http = httptest.NewUnstartedServer(p)
	run(p.http)
	p.URL = p.http.URL
	t.Cleanup(func() {
		close(p.ended)
		p.http.CloseClientConnections()
		p.http.Close()
		p.work.Wait()
	})
	return p
}

// Certificate is what a proxy with TLS shows; it is its own authority.
func (p *Proxy) Certificate() tls.Certificate { return p.http.TLS.Certificates[0] }

// Want has the proxy ask for this user and password from now on.
func (p *Proxy) Want(user, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Refuse has the proxy answer every request with this status from now on; 0 ends that.
func (p *Proxy) Refuse(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = status
}

// Hang has the proxy take requests and answer none.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hang = true
}

// Asked are the targets that the proxy was asked for so far, in order, each with the method.
func (p *Proxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// Lead adds a name to those that the proxy knows, or changes where it leads.
func (p *Proxy) Lead(name, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts[name] = addr
}

// ServeHTTP answers one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Host
	if _, _, err := net.SplitHostPort(name); err != nil {
		name = net.JoinHostPort(name, "80")
	}
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+name)
	wanted, refuse, hang, addr := p.wanted, p.refuse, p.hang, p.hosts[name]
	p.mu.Unlock()
	switch {
	case hang:
		select {
		case <-p.ended:
		case <-r.Context().Done():
		}
	case wanted != "" && r.Header.Get("Proxy-Authorization") != wanted:
		w.Header().Set("Proxy-Authenticate", `Basic realm="the way out"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
	case refuse != 0:
		w.WriteHeader(refuse)
	case addr == "":
		w.WriteHeader(http.StatusBadGateway)
	case r.Method == http.MethodConnect:
		p.tunnel(w, addr)
	default:
		forward(w, r, addr)
	}
}

// tunnel passes bytes on until either side ends, and closes halves as they do.
func (p *Proxy) tunnel(w http.ResponseWriter, addr string) {
	there, err := net.Dial("tcp", addr)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	here, in, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	p.work.Go(func() {
		defer func() { _, _ = here.Close(), there.Close() }()
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		done := make(chan struct{}, 2)
		pass := func(to net.Conn, from io.Reader) {
			_, _ = io.Copy(to, from)
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
			done <- struct{}{}
		}
		p.work.Go(func() { pass(there, in) })
		p.work.Go(func() { pass(here, there) })
		for range 2 {
			select {
			case <-done:
			case <-p.ended:
				return
			}
		}
	})
}

// forward passes a request for http on.
func forward(w http.ResponseWriter, r *http.Request, addr string) {
	r.Header.Del("Proxy-Authorization")
	(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL = &url.URL{Scheme: "http", Host: addr, Path: r.In.URL.Path, RawPath: r.In.URL.RawPath, RawQuery: r.In.URL.RawQuery}
		r.Out.Host = r.In.Host
	}}).ServeHTTP(w, r)
}

// Address is the host and port of a URL.
func Address(rawURL string) string {
	_, rest, _ := strings.Cut(rawURL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
