package api_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
)

// Many clients read no answer before they have sent the whole body: curl --data-binary, Python's requests, Node's fetch.
func TestAnImportAnswersAClientThatSendsAllFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := setup(t, func(c *api.Config) { c.SpoolDir = dir })
	w.notes()
	const lines = 100_000
	conn := dial(t, w)
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	fmt.Fprintf(conn, "POST /v1/apps/notes/devices/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", w.rootKey, 2*lines)
	if _, err := io.WriteString(conn, strings.Repeat("{\n", lines)); err != nil {
		t.Fatalf("sending: %v; want all taken", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	countResults(t, resp.Body, lines)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("after the import the directory holds %v, %v; want nothing", left, err)
	}
}

func countResults(t *testing.T, body io.Reader, want int) {
	t.Helper()
	n := 0
	s := bufio.NewScanner(body)
	for ; s.Scan(); n++ {
		if start := fmt.Sprintf(`{"line":%d,"status":400,`, n+1); !strings.HasPrefix(s.Text(), start) {
			t.Fatalf("result %d is %s; want it to start %s", n+1, s.Text(), start)
		}
	}
	if err := s.Err(); err != nil || n != want {
		t.Errorf("%d results, %v; want %d", n, err, want)
	}
}

func TestAnImportOverHTTP2AnswersAClientThatSendsAllFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notes()
	server := api.NewHTTPServer(w.api, nil)
	url := w.serveTLS(server)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	const lines = 60_000 // 9 MB of results: more than the client's window, which opens as it reads
	body, feed := io.Pipe()
	r, err := http.NewRequest("POST", url+"/v1/apps/notes/devices/import", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.rootKey)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(feed, strings.Repeat("{\n", lines))
		feed.Close()
		sent <- err
	}()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := <-sent; err != nil || resp.ProtoMajor != 2 {
		t.Fatalf("sending over HTTP/%d: %v; want all taken over HTTP/2", resp.ProtoMajor, err)
	}
	countResults(t, resp.Body, lines)
}

// The deadline of an import's body moves whenever something arrives.
func TestAnImportMayTakeLongerThanABodyMay(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.BodyWait = 2 * time.Second })
	w.notes()
	conn := dial(t, w)
	line := `{"device_id": "i1", "platform": "android", "user": "alice"}`
	fmt.Fprintf(conn, "POST /v1/apps/notes/devices/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", w.rootKey, len(line))
	for i := range 5 {
		time.Sleep(700 * time.Millisecond) // together longer than a body may take
		fmt.Fprint(conn, line[i*len(line)/5:(i+1)*len(line)/5])
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("an import in five pieces: %v; want its answer", err)
	}
	if got := readAll(t, resp.Body); !strings.Contains(got, `"line":1,"status":201`) {
		t.Errorf("an import in five pieces: %s; want its line registered", got)
	}
}

func TestALineThatNeverEndsEndsTheImport(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *api.Config) { c.BodyWait = 100 * time.Millisecond })
	w.notes()
	conn := dial(t, w)
	fmt.Fprintf(conn, "POST /v1/apps/notes/devices/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\n", w.rootKey)
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, conn); close(ended) }()
	for {
		select {
		case <-ended:
			return
		case <-time.After(20 * time.Millisecond):
			_, _ = fmt.Fprint(conn, "x")
		}
	}
}
