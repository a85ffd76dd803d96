package proxy

import (
	"net/http"
	"net/url"
)

// FollowNone has an HTTP client hand a redirect on as the answer that it is, whatever address it names: net/http would make
// an error without an answer of one whose Location it cannot read.
func FollowNone(c *http.Client) {
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = readable{c.Transport}
}

// readable drops a Location that is no URL.
type readable struct{ below http.RoundTripper }

// RoundTrip makes the request.
func (r readable) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.below.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if _, malformed := url.Parse(resp.Header.Get("Location")); malformed != nil {
		resp.Header.Del("Location")
	}
	return resp, nil
}

// CloseIdleConnections is for http.Client's method of that name.
func (r readable) CloseIdleConnections() {
	if t, ok := r.below.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
