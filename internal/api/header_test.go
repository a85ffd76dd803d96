package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hushpush/hush/protocol"
)

func TestEveryAnswerSaysThatItIsHushs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, ask := range []struct {
		method, path string
		status       int
	}{
		{"PUT", "/v1/apps/notes", 201},
		{"GET", "/v1/apps/other", 404},
		{"GET", "/v1/nowhere", 404},
		{"GET", "/v1//apps", 404},
		{"PATCH", "/v1/apps/notes", 405},
		{"PUT", "/v1/apps/NOT_A_NAME", 422},
		{"GET", "/healthz", 200},
		{"DELETE", "/v1/apps/notes", 204},
	} {
		got := w.root(ask.method, ask.path, "")
		if v := got.header.Get(protocol.HeaderAPI); got.status != ask.status || v != protocol.APIVersion {
			t.Errorf("%s %s: %d with %s %q, want %d with %q", ask.method, ask.path, got.status, protocol.HeaderAPI, v, ask.status, protocol.APIVersion)
		}
	}
	if got := w.request("GET", "/v1/inbox", ""); got.status != 401 || got.header.Get(protocol.HeaderAPI) == "" {
		t.Errorf("without a credential: %d with headers %v, want 401 with %s", got.status, got.header, protocol.HeaderAPI)
	}
}

// Requests that net/http itself refuses never reach Hush, and the document says so.
func TestTheDocumentSaysWhichAnswersLackTheHeader(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler()) // net/http alone
	t.Cleanup(srv.Close)
	said := setup(t).request("GET", "/openapi.json", "").body
	for status, head := range map[int]string{
		400: "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
		417: "PUT / HTTP/1.1\r\nHost: h\r\nExpect: the-moon\r\n\r\n",
		431: "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		go func() { _, _ = conn.Write([]byte(head)) }() // the answer comes before the whole head was read
		got, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || got.StatusCode != status || got.Header.Get(protocol.HeaderAPI) != "" {
			t.Errorf("net/http answers %v, %v; want %d, by itself", got, err, status)
		}
		sentence, _, _ := strings.Cut(said[strings.Index(said, "Every answer has the header"):], ". Errors are")
		if !strings.Contains(sentence, fmt.Sprint(status)) {
			t.Errorf("%q; want %d in it", sentence, status)
		}
	}
}
