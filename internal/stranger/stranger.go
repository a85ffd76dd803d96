// Package stranger tells Hush's answers from those of somebody in between, for all of Hush's clients: login pages and proxies
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

// mediaType returns an answer's media type without parameters, or "" if there is none or it is invalid.
func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// mediaName returns an answer's media type for people to read.
func mediaName(h http.Header) string {
	if kind := mediaType(h); kind != "" {
		return kind
	}
	return "no content type"
}

// lacks says why a body is not a JSON object with these members, none of them null or "". It returns "" if the body is one.
func lacks(body []byte, members []string) string {
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

// IsSuccess reports whether a status is one of success.
func IsSuccess(status int) bool { return status >= 200 && status <= 299 }

// isRedirect reports whether a status sends the client elsewhere (RFC 9110, section 15.4).
func isRedirect(status int) bool {
	return status >= 300 && status <= 399 && status != http.StatusNotModified
}

// redirectBase returns the server's address to which a redirect leads: the part before the requested path, or only scheme and
// host if the redirect leads to another path or path is "". It returns "" if the redirect leads to no http or https address.
func redirectBase(resp *http.Response, path string) string {
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
