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

// maxSpan keeps a slip of the pen (a year for a minute) from being taken.
const maxSpan = 10 * 365 * 24 * time.Hour

func span(into *time.Duration, s, example string) error {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return fmt.Errorf("is %q; want a duration with its unit, such as %s", s, example)
	case d < 0 || d > maxSpan:
		return fmt.Errorf("is %s; want 0s (for %s) to %s", s, example, maxSpan)
	}
	*into = d
	return nil
}

// count takes a number that must be at least 1.
func count(into *int, s string, example int) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 10_000_000 {
		return fmt.Errorf("is %q; want a number from 1 to 10000000, such as %d", s, example)
	}
	*into = n
	return nil
}

// countOrNone takes a number, or 0 for none.
func countOrNone(into *int, s string, example int) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1_000_000 {
		return fmt.Errorf("is %q; want a number from 1 to 1000000, such as %d, or 0 for none", s, example)
	}
	*into = n
	return nil
}

func hostPort(into *string, s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("is %q; want host:port, such as 127.0.0.1:8080", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("has port %q; want 0 to 65535", port)
	}
	*into = s
	return nil
}

// hosts takes host or host:port, several with commas.
func hosts(into *[]string, s string) error {
	var all []string
	for one := range strings.SplitSeq(s, ",") {
		one = strings.TrimSpace(one)
		u, err := url.Parse("https://" + one)
		if err != nil || u.Hostname() == "" || u.Host != one || strings.Contains(one, "*") {
			return fmt.Errorf("has %q; want host or host:port, such as tokens.example.com, several with commas", one)
		}
		if port := u.Port(); port != "" {
			if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
				return fmt.Errorf("has port %q; want 1 to 65535", port)
			}
		}
		all = append(all, one)
	}
	*into = all
	return nil
}

func truth(into *bool, s string) error {
	if s != "true" && s != "false" {
		return fmt.Errorf("is %q; want true or false", s)
	}
	*into = s == "true"
	return nil
}

// origin takes scheme, host and port. A path would be lost: providers' paths are fixed.
func origin(into *string, s string) error {
	u, err := parseHTTP(s)
	if err != nil {
		return err
	}
	if u.Path != "" && u.Path != "/" {
		return fmt.Errorf("has the path %q; want scheme, host and port only, such as https://127.0.0.1:2197", u.Path)
	}
	*into = u.Scheme + "://" + u.Host
	return nil
}

// originTLS is an origin that must be https: APNs is HTTP/2, which is spoken over TLS only.
func originTLS(into *string, s string) error {
	var o string
	if err := origin(&o, s); err != nil {
		return err
	}
	if !strings.HasPrefix(o, "https://") {
		return fmt.Errorf("is %q; want https://, as APNs is spoken over TLS only", s)
	}
	*into = o
	return nil
}

func address(into *string, s string) error {
	if _, err := parseHTTP(s); err != nil {
		return err
	}
	*into = s
	return nil
}

// parseHTTP does not repeat s in its errors where it could hold a password.
func parseHTTP(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("is no URL; want one such as https://127.0.0.1:2197")
	case u.User != nil:
		return nil, fmt.Errorf("has a user name or password; want scheme, host and port only")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return nil, fmt.Errorf("is %q; want http:// or https:// and a host, such as https://127.0.0.1:2197", s)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("has a query or fragment; want none")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("has port %q; want 1 to 65535", port)
		}
	}
	return u, nil
}

// databaseURL never repeats the text: it has a password in it.
func databaseURL(into *push.Secret, s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return fmt.Errorf("is no postgres URL; want postgres://user@host:5432/database, or leave it out for SQLite in the data directory; special characters of a password are written as %%40 for @")
	}
	*into = push.Secret(s)
	return nil
}

// proxyURL never repeats the text: it may have a password in it.
func proxyURL(into *push.Secret, s string) error {
	if _, err := proxy.Parse(s); err != nil {
		return err
	}
	*into = push.Secret(s)
	return nil
}

// prefixes takes networks, or single addresses, between commas.
func prefixes(into *[]netip.Prefix, s string) error {
	*into = nil
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		prefix, err := netip.ParsePrefix(part)
		if a, addrErr := netip.ParseAddr(part); addrErr == nil && a.Zone() == "" {
			prefix, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		switch {
		case err != nil:
			return fmt.Errorf("has %q; want addresses or networks between commas, such as 10.0.0.0/8,fd00::/8", part)
		case prefix.Addr().Is4In6():
			return fmt.Errorf("has %q; want an IPv4 network as such, like 10.0.0.0/8", part)
		case prefix.Bits() == 0:
			return fmt.Errorf("has %q, which is everyone; want the proxies only", part)
		}
		*into = append(*into, prefix.Masked())
	}
	return nil
}

// units of sizes, the longest first.
var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

func size(into *int64, s string, least int64, example string) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.name)
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
		if !ok || err != nil {
			continue
		}
		if n*u.bytes < least {
			return fmt.Errorf("is %s; want %d MiB or more", s, least>>20)
		}
		*into = n * u.bytes
		return nil
	}
	return fmt.Errorf("is %q; want a size in KiB, MiB or GiB, such as %s", s, example)
}

// rate takes a burst and a time, such as 30/1m, or off.
func rate(into *Rate, s, example string) error {
	if s == "off" {
		*into = Rate{Off: true}
		return nil
	}
	burst, every, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(strings.TrimSpace(burst))
	d, durationErr := time.ParseDuration(strings.TrimSpace(every))
	if err != nil || durationErr != nil || n < 1 || n > 1_000_000 || d < time.Microsecond || d > 24*time.Hour {
		return fmt.Errorf("is %q; want so many at once and the time until one more, such as %s, or off", s, example)
	}
	*into = Rate{Burst: n, Every: d}
	return nil
}

func level(into *slog.Level, s string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	l, ok := levels[s]
	if !ok {
		return fmt.Errorf("is %q; want debug, info, warn or error", s)
	}
	*into = l
	return nil
}

func oneOf(into *string, s string, allowed ...string) error {
	if !slices.Contains(allowed, s) {
		return fmt.Errorf("is %q; want %s", s, strings.Join(allowed, " or "))
	}
	*into = s
	return nil
}
