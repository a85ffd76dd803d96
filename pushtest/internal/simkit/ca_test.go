package simkit

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

func TestCAIsSharedByADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var cas [4]*CA
	var wg sync.WaitGroup
	for i := range cas {
		wg.Go(func() {
			ca, err := OpenCA(dir)
			if err != nil {
				t.Errorf("simulator %d: %v", i, err)
			}
			cas[i] = ca
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for i, ca := range cas {
		if !bytes.Equal(ca.PEM(), cas[0].PEM()) {
			t.Errorf("simulator %d has another CA than simulator 0", i)
		}
	}
	pair, err := cas[3].Server("127.0.0.1", "localhost", "::1", "")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	srv.StartTLS()
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: cas[0].Pool()}, DisableKeepAlives: true}}
	res, err := client.Get(srv.URL)
	if err != nil {
		t.Fatalf("a client that trusts ca.pem: %v", err)
	}
	res.Body.Close()
}

func TestOneThatListensEverywhereIsTrustedByAnyName(t *testing.T) {
	t.Parallel()
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		listen, name string
		trusted      bool
	}{
		{"0.0.0.0:0", "apns-simulator", true}, // a service's name in a network of containers
		{"0.0.0.0:0", "localhost", true},
		{"0.0.0.0:0", "api.push.apple.com", true},
		{"0.0.0.0:0", "127.0.0.1", true},
		{":0", "sim.ci.internal", true},
		{"127.0.0.1:0", "localhost", true},
		{"127.0.0.1:0", "127.0.0.1", true},
		{"127.0.0.1:0", "sim.ci.internal", false},
	} {
		cfg, err := ca.ServerTLS(c.listen, "api.push.apple.com")
		if err != nil {
			t.Fatal(err)
		}
		ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			if conn, err := ln.Accept(); err == nil {
				conn.(*tls.Conn).Handshake()
				conn.Close()
			}
		}()
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: ca.Pool(), ServerName: c.name})
		if err == nil {
			conn.Close()
		}
		if (err == nil) != c.trusted {
			t.Errorf("listening on %s, asked for as %s: %v; want trusted %v", c.listen, c.name, err, c.trusted)
		}
		ln.Close()
		<-served
	}
}
