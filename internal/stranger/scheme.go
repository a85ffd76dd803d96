package stranger

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// wantsTLS are the beginnings of what servers answer to plain HTTP on a port that speaks TLS: net/http, and nginx.
var wantsTLS = [][]byte{
	[]byte("Client sent an HTTP request to an HTTPS server"),
	[]byte("The plain HTTP request was sent to HTTPS port"),
}

// WantsTLS reports whether an answer says that plain HTTP came to a port that speaks TLS.
func WantsTLS(status int, body []byte) bool {
	if status != http.StatusBadRequest {
		return false
	}
	for _, words := range wantsTLS {
		if bytes.Contains(body, words) {
			return true
		}
	}
	return false
}

// SchemeAdvice adds to the error of a request what to do where its address has the wrong scheme; other errors stay.
func SchemeAdvice(err error) error {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return fmt.Errorf("%w: the server does not speak TLS at this port; want http:// in its address", err)
	}
	return err
}

// noSuchPath is how Hush begins the refusal of a path that it does not have, which its clients never ask for by themselves.
const noSuchPath = "there is no such path"

// PathAdvice is what to do where a server's address has a path, such as /foo, and nothing was found below it: resp refuses
// path, which was asked for below the address, with detail. It is "" for other refusals, and where the address has no path.
func PathAdvice(resp *http.Response, path, detail string, hushs bool) string {
	if resp.StatusCode != http.StatusNotFound || hushs && !strings.HasPrefix(detail, noSuchPath) || resp.Request == nil {
		return ""
	}
	base, ok := strings.CutSuffix(resp.Request.URL.EscapedPath(), path)
	if !ok || base == "" {
		return ""
	}
	return fmt.Sprintf("the server's address has a path, %s; want it without, unless a proxy has Hush there", base)
}
