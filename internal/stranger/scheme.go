package stranger

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
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
