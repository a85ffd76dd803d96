package demo

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

func TestASocketThatWentDeadIsSilentAndNewOnesGetThrough(t *testing.T) {
	t.Parallel()
	dropped := make(chan net.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/connect" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Write([]byte("hello\n"))
		dropped <- conn
	}))
	defer server.Close()
	p, err := newDeadSocketPath(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()

	socket, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	socket.Write([]byte("GET /v1/connect HTTP/1.1\r\nHost: h\r\n\r\n"))
	if line, err := bufio.NewReader(socket).ReadString('\n'); line != "hello\n" {
		t.Fatalf("before the cut: %q, %v; want hello", line, err)
	}
	p.cut()
	conn := <-dropped
	conn.Write([]byte("lost\n"))
	conn.Close()
	socket.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := socket.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the cut the socket read %d bytes, error %v; want silence, not even the end", n, err)
	}
	resp, err := http.Get("http://" + p.addr() + "/healthz")
	if err != nil {
		t.Fatalf("a new connection: %v", err)
	}
	resp.Body.Close()
}
