package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// same returns its argument: the text of a value that is a string.
func same(s string) string { return s }

// path is a file or a directory; whoever opens it says what is wrong with it.
var path = kind[string]{name: "path", text: same, parse: func(s string) (string, error) { return s, nil }}

// maxDuration keeps a slip of the pen (a year for a minute) from being taken.
const maxDuration = 10 * 365 * 24 * time.Hour

// duration returns the kind of a span of time. 0s means the standard one.
func duration(standard string) kind[time.Duration] {
	return kind[time.Duration]{name: "duration", text: time.Duration.String, parse: func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			return 0, fmt.Errorf("is %q; want a duration with its unit, such as %s", s, standard)
		case d < 0 || d > maxDuration:
			return 0, fmt.Errorf("is %s; want 0s (for %s) to %s", s, standard, maxDuration)
		}
		return d, nil
	}}
}

// count returns the kind of a number that is at least 1.
func count(example int) kind[int] {
	return kind[int]{name: "number", text: strconv.Itoa, parse: func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 10_000_000 {
			return 0, fmt.Errorf("is %q; want a number from 1 to 10000000, such as %d", s, example)
		}
		return n, nil
	}}
}

// countOrNone returns the kind of a number, or of 0 for no limit.
func countOrNone(example int) kind[int] {
	return kind[int]{name: "number", text: strconv.Itoa, parse: func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 1_000_000 {
			return 0, fmt.Errorf("is %q; want a number from 1 to 1000000, such as %d, or 0 for none", s, example)
		}
		return n, nil
	}}
}

var hostPort = kind[string]{name: "host:port", text: same, parse: func(s string) (string, error) {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("is %q; want host:port, such as 127.0.0.1:8080", s)
	}
	return s, checkPort(port, 0)
}}

// checkPort reports what is wrong with a port.
func checkPort(port string, least int) error {
	if n, err := strconv.Atoi(port); err != nil || n < least || n > 65535 {
		return fmt.Errorf("has port %q; want %d to 65535", port, least)
	}
	return nil
}

// hosts is a list of host or host:port.
var hosts = kind[[]string]{name: "list", list: true, text: func(all []string) string { return strings.Join(all, ",") }, parse: func(s string) ([]string, error) {
	var all []string
	for one := range strings.SplitSeq(s, ",") {
		one = strings.TrimSpace(one)
		u, err := url.Parse("https://" + one)
		if err != nil || u.Hostname() == "" || u.Host != one || strings.Contains(one, "*") {
			return nil, fmt.Errorf("has %q; want host or host:port, such as tokens.example.com, several with commas", one)
		}
		if port := u.Port(); port != "" {
			if err := checkPort(port, 1); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}}

var boolean = kind[bool]{name: "bool", bare: true, text: strconv.FormatBool, parse: func(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("is %q; want true or false", s)
	}
	return s == "true", nil
}}

// origin is scheme, host and port. A path would be lost: providers' paths are fixed.
var origin = kind[string]{name: "url", text: same, parse: parseOrigin}

func parseOrigin(s string) (string, error) {
	u, err := parseHTTP(s)
	if err != nil {
		return "", err
	}
	if u.Path != "" && u.Path != "/" {
		return "", fmt.Errorf("has the path %q; want scheme, host and port only, such as https://127.0.0.1:2197", u.Path)
	}
	return u.Scheme + "://" + u.Host, nil
}

// originTLS is an origin that must be https: APNs is HTTP/2, which is spoken over TLS only.
var originTLS = kind[string]{name: "url", text: same, parse: func(s string) (string, error) {
	o, err := parseOrigin(s)
	if err == nil && !strings.HasPrefix(o, "https://") {
		return "", fmt.Errorf("is %q; want https://, as APNs is spoken over TLS only", s)
	}
	return o, err
}}

// address is a whole URL.
var address = kind[string]{name: "url", text: same, parse: func(s string) (string, error) {
	_, err := parseHTTP(s)
	return s, err
}}

// parseHTTP does not repeat s in its errors where it could hold a password.
func parseHTTP(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("is not a URL; want one such as https://127.0.0.1:2197")
	case u.User != nil:
		return nil, fmt.Errorf("has a user name or password; want scheme, host and port only")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return nil, fmt.Errorf("is %q; want http:// or https:// and a host, such as https://127.0.0.1:2197", s)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("has a query or fragment; want neither")
	}
	if port := u.Port(); port != "" {
		return u, checkPort(port, 1)
	}
	return u, nil
}

// databaseURL never repeats the text: it has a password in it.
var databaseURL = kind[push.Secret]{name: "url", text: push.Secret.Reveal, parse: func(s string) (push.Secret, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", fmt.Errorf("is not a postgres URL; want postgres://user@host:5432/database, or leave it out for SQLite in the data directory; special characters of a password are written as %%40 for @")
	}
	return push.Secret(s), nil
}}

// proxyURL never repeats the text: it may have a password in it.
var proxyURL = kind[push.Secret]{name: "url", text: push.Secret.Reveal, parse: func(s string) (push.Secret, error) {
	_, err := proxy.Parse(s)
	return push.Secret(s), err
}}

// prefixes is a list of networks, or of single addresses.
var prefixes = kind[[]netip.Prefix]{name: "list", list: true, text: prefixesText, parse: func(s string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		prefix, err := netip.ParsePrefix(part)
		if a, addrErr := netip.ParseAddr(part); addrErr == nil && a.Zone() == "" {
			prefix, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("has %q; want addresses or networks between commas, such as 10.0.0.0/8,fd00::/8", part)
		case prefix.Addr().Is4In6():
			return nil, fmt.Errorf("has %q; want an IPv4 network as such, like 10.0.0.0/8", part)
		case prefix.Bits() == 0:
			return nil, fmt.Errorf("has %q, which is everyone; want the proxies only", part)
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}}

func prefixesText(all []netip.Prefix) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

// units of sizes, the shortest first.
var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

// size returns the kind of a number of bytes with its unit, of at least so many bytes.
func size(least int64, example string) kind[int64] {
	return kind[int64]{name: "size", text: sizeText, parse: func(s string) (int64, error) {
		for _, u := range units {
			digits, ok := strings.CutSuffix(s, u.name)
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
			if !ok || err != nil {
				continue
			}
			if n*u.bytes < least {
				return 0, fmt.Errorf("is %s; want %d MiB or more", s, least>>20)
			}
			return n * u.bytes, nil
		}
		return 0, fmt.Errorf("is %q; want a size in KiB, MiB or GiB, such as %s", s, example)
	}}
}

func sizeText(bytes int64) string { return strconv.FormatInt(bytes>>10, 10) + "KiB" }

// rate returns the kind of a burst and a time, such as 30/1m, or off.
func rate(example string) kind[Rate] {
	return kind[Rate]{name: "rate", text: Rate.text, parse: func(s string) (Rate, error) {
		if s == "off" {
			return Rate{Off: true}, nil
		}
		burst, every, _ := strings.Cut(s, "/")
		n, err := strconv.Atoi(strings.TrimSpace(burst))
		d, durationErr := time.ParseDuration(strings.TrimSpace(every))
		if err != nil || durationErr != nil || n < 1 || n > 1_000_000 || d < time.Microsecond || d > 24*time.Hour {
			return Rate{}, fmt.Errorf("is %q; want so many at once and the time until one more, such as %s, or off", s, example)
		}
		return Rate{Burst: n, Every: d}, nil
	}}
}

func (r Rate) text() string {
	if r.Off {
		return "off"
	}
	return fmt.Sprintf("%d/%s", r.Burst, r.Every)
}

var levels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

var level = kind[slog.Level]{name: "level", text: func(l slog.Level) string { return strings.ToLower(l.String()) }, parse: func(s string) (slog.Level, error) {
	l, ok := levels[s]
	if !ok {
		return 0, fmt.Errorf("is %q; want debug, info, warn or error", s)
	}
	return l, nil
}}

func oneOf(allowed ...string) kind[string] {
	return kind[string]{name: strings.Join(allowed, "|"), text: same, parse: func(s string) (string, error) {
		if !slices.Contains(allowed, s) {
			return "", fmt.Errorf("is %q; want %s", s, strings.Join(allowed, " or "))
		}
		return s, nil
	}}
}
