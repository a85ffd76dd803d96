package config

import (
	"fmt"
	"log/slog"
	"net"
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
	if err != nil || n < 1 || n > 1_000_000 {
		return fmt.Errorf("is %q; want a number from 1 to 1000000, such as %d", s, example)
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
		return fmt.Errorf("is no postgres URL; want postgres://user@host:5432/database, or leave it out for SQLite in the data directory")
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
