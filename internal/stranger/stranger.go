// Package stranger tells an answer of Hush from one of somebody in between, for all of its clients: login pages and proxies
// answer 200 to everything, and redirects lead away.
package stranger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// MediaType returns an answer's media type without parameters; "" for none, and for one that cannot be read.
func MediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// Lacks says what a body lacks that is to be a JSON object with members, none of them null or ""; "" for nothing.
func Lacks(body []byte, members []string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return "the body is no JSON object"
	}
	for _, m := range members {
		if v := bytes.TrimSpace(object[m]); len(v) == 0 || string(v) == "null" || string(v) == `""` {
			return fmt.Sprintf("the body lacks %q", m)
		}
	}
	return ""
}

// IsRedirect reports whether a status sends the client elsewhere (RFC 9110, section 15.4).
func IsRedirect(status int) bool {
	return status >= 300 && status <= 399 && status != http.StatusNotModified
}

// RedirectBase returns a server's address as a redirect has it: what stands before the path that was asked for, or scheme and
// host alone where the redirect leads elsewhere, or path is "". It is "" where the redirect leads to no http or https.
func RedirectBase(resp *http.Response, path string) string {
	location := resp.Header.Get("Location")
	to, err := url.Parse(location)
	if err != nil || location == "" {
		return ""
	}
	if resp.Request != nil && resp.Request.URL != nil {
		to = resp.Request.URL.ResolveReference(to)
	}
	if (to.Scheme != "http" && to.Scheme != "https") || to.Hostname() == "" {
		return ""
	}
	base := to.Scheme + "://" + to.Host
	if before, ok := strings.CutSuffix(to.EscapedPath(), path); ok && path != "" {
		base += before
	}
	return base
}
