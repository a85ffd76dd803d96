package stranger

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hushpush/hush/protocol"
)

// wordsForTLS has the words with which servers (net/http, nginx) answer plain HTTP on a port that speaks TLS.
var wordsForTLS = [][]byte{
	[]byte("Client sent an HTTP request to an HTTPS server"),
	[]byte("The plain HTTP request was sent to HTTPS port"),
}

// wantsTLS reports whether an answer says that plain HTTP came to a port that speaks TLS.
func wantsTLS(status int, body []byte) bool {
	if status != http.StatusBadRequest {
		return false
	}
	for _, words := range wordsForTLS {
		if bytes.Contains(body, words) {
			return true
		}
	}
	return false
}

// SchemeAdvice adds advice to a request's error if the server's address has the wrong scheme, and returns other errors
// unchanged.
func SchemeAdvice(err error) error {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return fmt.Errorf("%w: the server does not speak TLS at this port; want http:// in its address", err)
	}
	return err
}

// pathAdvice returns advice for a server's address that has a path, such as /foo, below which nothing was found: resp, with
// this problem, refuses path, which was requested below the address. It returns "" for other refusals, and for an address
// without a path. A nil problem says that something other than Hush answered. Hush's clients never request a path by
// themselves that Hush does not have.
func pathAdvice(resp *http.Response, path string, problem *protocol.Problem) string {
	if path == "" || resp.StatusCode != http.StatusNotFound || problem != nil && problem.Type != protocol.ProblemTypeNoPath || resp.Request == nil {
		return ""
	}
	base, ok := strings.CutSuffix(resp.Request.URL.EscapedPath(), path)
	if !ok || base == "" {
		return ""
	}
	return fmt.Sprintf("the server's address has a path, %s; want it without, unless a proxy has Hush there", base)
}
