// Package proxy makes outgoing connections through a proxy, which a setting or the environment names.
//
// Everything in Hush that makes HTTP connections uses this package, so that the same setting means the same everywhere: the
// server's connections to APNs, FCM and the token endpoint, the client's calls, and the SDK's calls and session.
package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"

	"golang.org/x/net/http/httpproxy"
)

// Direct is the setting for no proxy, whatever the environment says.
const Direct = "direct"

// Choice picks the proxy for a target, which is a URL with scheme and host; a nil URL means a direct connection. A nil
// Choice means that for every target.
type Choice func(target *url.URL) (proxy *url.URL, err error)

// Parse parses a setting. With the URL of a proxy, every connection goes through the proxy, to this machine's own addresses
// as well; with "direct", none does. Both override the environment, NO_PROXY included. An empty setting means the
// environment: see Environment. An error says what is wrong without repeating a password.
func Parse(setting string) (Choice, error) {
	switch setting {
	case "":
		return Environment()
	case Direct:
		return nil, nil
	}
	u, err := parseURL(setting)
	if err != nil {
		return nil, fmt.Errorf("%w, or %q for no proxy", err, Direct)
	}
	return func(*url.URL) (*url.URL, error) { return u, nil }, nil
}

// Environment reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or the same names in lower case, which take precedence, as package
// golang.org/x/net/http/httpproxy does: localhost and loopback addresses are never reached through a proxy, and NO_PROXY may
// have names, addresses, networks (10.0.0.0/8) and ports. That package ignores an invalid proxy URL; Environment returns an
// error that names the variable, since a direct connection in place of a wanted proxy would be the worst result.
func Environment() (Choice, error) {
	env := httpproxy.FromEnvironment()
	for _, v := range []struct {
		text  *string
		names [2]string
	}{
		{&env.HTTPSProxy, [2]string{"https_proxy", "HTTPS_PROXY"}},
		{&env.HTTPProxy, [2]string{"http_proxy", "HTTP_PROXY"}},
	} {
		if *v.text == "" {
			continue
		}
		u, err := parseURL(*v.text)
		if err != nil {
			name := v.names[0]
			if os.Getenv(name) == "" {
				name = v.names[1]
			}
			return nil, fmt.Errorf("the variable %s %w", name, err)
		}
		*v.text = u.String()
	}
	if env.HTTPSProxy == "" && env.HTTPProxy == "" {
		return nil, nil
	}
	return env.ProxyFunc(), nil
}

// Of returns the proxy for a target, given its scheme (http or https) and its host:port; nil means a direct connection.
func (c Choice) Of(scheme, addr string) (*url.URL, error) {
	if c == nil {
		return nil, nil
	}
	return c(&url.URL{Scheme: scheme, Host: addr})
}

// schemes maps the schemes of a proxy to their default ports.
var schemes = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// parseURL parses the URL of a proxy. Without a scheme it is http, as is the custom for HTTP_PROXY.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		u, err = url.Parse("http://" + text)
	}
	const want = "want one such as http://user:password@proxy.example:3128"
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errors.New("is no proxy's URL; " + want)
	case schemes[u.Scheme] == "":
		return nil, fmt.Errorf("has the scheme %q; want http, https or socks5", u.Scheme)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("has more than scheme, user, password, host and port; " + want)
	case badPort(u.Port()):
		return nil, fmt.Errorf("has port %q; want 1 to 65535", u.Port())
	}
	u.Path = ""
	return u, nil
}

func badPort(port string) bool {
	if port == "" {
		return false
	}
	n, err := strconv.Atoi(port)
	return err != nil || n < 1 || n > 65535
}

// address returns the host:port of a proxy.
func address(proxy *url.URL) string {
	return net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), schemes[proxy.Scheme]))
}

// Name returns a proxy's URL without user and password, for logs and errors.
func Name(proxy *url.URL) string { return proxy.Scheme + "://" + proxy.Host }

// Names returns the names of the proxies for targets of either scheme, exceptions aside: each once, or none if there is no
// proxy.
func (c Choice) Names() []string {
	var names []string
	for _, scheme := range []string{"https", "http"} {
		u, err := c.Of(scheme, "any.example:443")
		if err == nil && u != nil && !slices.Contains(names, Name(u)) {
			names = append(names, Name(u))
		}
	}
	return names
}
