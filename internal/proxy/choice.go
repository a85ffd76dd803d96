// Package proxy takes outgoing connections through a proxy: which one, by a setting or the environment, and how.
//
// Everything in Hush that connects to somebody uses it, so that the same setting means the same everywhere: the server's
// connections to APNs, FCM and the token endpoint, the client's calls, and the SDK's calls and session.
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

// Parse reads a setting. The URL of a proxy takes every connection through it, to this machine's own addresses as well,
// and "direct" takes none. Both beat the environment, NO_PROXY included. Empty means the environment: see Environment. An
// error says what is wrong without repeating a password.
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

// Environment reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or their names in lower case, which count first, as package
// golang.org/x/net/http/httpproxy does: localhost and loopback addresses are never reached through a proxy, and NO_PROXY
// may have names, addresses, networks (10.0.0.0/8) and ports. That package passes over a proxy that it cannot read; here it
// is an error, which names the variable: to connect directly where a proxy was wanted would be the worst reading of it.
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

// Of is the proxy for a target of the scheme, http or https, and the host with its port; nil means a direct connection.
func (c Choice) Of(scheme, addr string) (*url.URL, error) {
	if c == nil {
		return nil, nil
	}
	return c(&url.URL{Scheme: scheme, Host: addr})
}

// schemes are those of a proxy, with their usual ports.
var schemes = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// parseURL reads the address of a proxy. Without a scheme it is http, as HTTP_PROXY has it by custom.
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

// address is where a proxy listens.
func address(proxy *url.URL) string {
	return net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), schemes[proxy.Scheme]))
}

// Name is a proxy as people may read it: without user and password.
func Name(proxy *url.URL) string { return proxy.Scheme + "://" + proxy.Host }

// Names are the proxies that the choice has for targets of either scheme that no exception names, each once, as people may
// read them; none without a proxy.
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
