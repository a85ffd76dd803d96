package proxy

import (
	"net/http"
	"net/url"
)

// FollowNone makes an HTTP client return a redirect as the answer, whatever its Location: for a Location that it cannot
// parse, net/http would return an error without the answer.
func FollowNone(c *http.Client) {
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = readable{c.Transport}
}

// readable removes a Location that is not a URL from an answer.
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

// CloseIdleConnections closes the idle connections of the transport below; http.Client's method of that name calls it.
func (r readable) CloseIdleConnections() {
	if t, ok := r.below.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
