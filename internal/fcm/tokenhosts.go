package fcm

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// googleTokenHosts are where Google's service accounts get their access tokens, now and in older key files.
var googleTokenHosts = []string{"oauth2.googleapis.com", "www.googleapis.com", "accounts.google.com"}

// tokenHosts are the places that a service account may have its access tokens fetched from. Whoever may store a credential
// writes its token_uri: without a list it would be a way to reach any host that this server reaches.
type tokenHosts struct {
	origins map[string]bool // scheme://host:port
	hosts   map[string]bool // host:port, over TLS; without it on this machine only
}

// newTokenHosts allows Google's hosts, the place that sends go to, and the operator's own: host, for port 443, or host:port.
func newTokenHosts(sendURL string, own []string) (tokenHosts, error) {
	h := tokenHosts{origins: map[string]bool{}, hosts: map[string]bool{}}
	for _, host := range googleTokenHosts {
		h.origins["https://"+host+":443"] = true
	}
	send, err := url.Parse(sendURL)
	if err != nil {
		return h, errors.New("is not a URL")
	}
	h.origins[originOf(send)] = true
	for _, entry := range own {
		host, err := parseTokenHost(entry)
		if err != nil {
			return h, err
		}
		h.hosts[host] = true
	}
	return h, nil
}

// parseTokenHost returns an entry of the operator's list as host:port.
func parseTokenHost(entry string) (string, error) {
	u, err := url.Parse("https://" + entry)
	if err != nil || u.Hostname() == "" || u.Host != entry || strings.ContainsAny(entry, "*") {
		return "", fmt.Errorf("is %q; want host or host:port, such as tokens.example.com", entry)
	}
	return hostPort(u), nil
}

// check wants a URL on one of the allowed hosts, with TLS except on this machine or where sends go without it, too: a
// signed assertion is as good as the key for an hour.
func (h tokenHosts) check(raw string) error {
	u, err := parseTokenURL(raw)
	if err != nil {
		return err
	}
	if h.origins[originOf(u)] {
		return nil
	}
	if err := wantTLS(u); err != nil {
		return err
	}
	if !h.hosts[hostPort(u)] {
		return fmt.Errorf("is on a host that this server asks for no tokens; want https://%s (or %s), scheme, host and port of "+
			"the setting fcm.url, or a host of the setting fcm.token_hosts, which the operator of this server can add to",
			googleTokenHosts[0], strings.Join(googleTokenHosts[1:], ", "))
	}
	return nil
}

// checkTokenURL is for the operator's own token URL, which may be anywhere: TLS, except on this machine.
func checkTokenURL(raw string) error {
	u, err := parseTokenURL(raw)
	if err != nil {
		return err
	}
	return wantTLS(u)
}

func parseTokenURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("is not an https URL; want https://host/path")
	}
	return u, nil
}

func wantTLS(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !local {
		return errors.New("is not an https URL; want https://host/path")
	}
	return nil
}

// originOf returns scheme, host and port of a URL, in one spelling.
func originOf(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
