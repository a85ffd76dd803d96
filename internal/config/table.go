package config

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// setting is a row of the table below. Flags, variables, YAML keys, the help and the table in docs/operations.md all come
// from it.
type setting struct {
	name     string // as in YAML, such as delivery.ack_wait
	value    value
	standard string // the text it has unless given; "" means that the room decides
	without  string // what the room then decides, in words; "" says nothing
	help     string
}

// group is the settings that serve one purpose.
type group struct {
	purpose  string
	settings []setting
}

// groups is every setting of hush serve, in the order of its help.
var groups = []group{
	{"where the state is", []setting{
		{
			name: "data", value: at(path, func(c *Config) *string { return &c.Data }), standard: "hush-data",
			help: "directory of the database and the keys; it is created if it is missing",
		},
		{
			name: "database", value: at(databaseURL, func(c *Config) *push.Secret { return &c.Database }), without: "SQLite in the data directory",
			help: "postgres://… (15 or newer); better in the environment, since it has a password",
		},
		{
			name: "secret_key_file", value: at(path, func(c *Config) *string { return &c.SecretKeyFile }), without: "secret.key in the data directory",
			help: "file of the key that encrypts credentials; HUSH_SECRET_KEY holds its contents instead",
		},
		{
			name: "store.keep", value: at(duration("168h"), func(c *Config) *time.Duration { return &c.Store.Keep }), without: "168h",
			help: "how long a push's rows are kept after its last delivery became final",
		},
	}},
	{"who can reach it", []setting{
		{
			name: "listen", value: at(hostPort, func(c *Config) *string { return &c.Listen }), standard: "127.0.0.1:8080",
			help: "address to serve on; port 0 takes a free one, which the line \"ready\" names",
		},
		{
			name: "listen.trusted_proxies", value: at(prefixes, func(c *Config) *[]netip.Prefix { return &c.Trusted }), without: "none",
			help: "networks of proxies, such as 10.0.0.0/8, whose X-Forwarded-For and PROXY protocol are believed",
		},
		{
			name: "tls_cert", value: at(path, func(c *Config) *string { return &c.TLSCert }), without: "none: plain HTTP",
			help: "PEM file of the certificate chain; with tls_key, HTTPS instead of HTTP",
		},
		{
			name: "tls_key", value: at(path, func(c *Config) *string { return &c.TLSKey }), without: "none: plain HTTP",
			help: "PEM file of the certificate's private key",
		},
		{
			name: "tls_by_proxy", value: at(boolean, func(c *Config) *bool { return &c.TLSByProxy }), without: "false",
			help: "true where a proxy in front of this server does TLS: it may then listen beyond this machine without a warning",
		},
		{
			name: "metrics.listen", value: at(hostPort, func(c *Config) *string { return &c.Metrics.Listen }), without: "the address of listen",
			help: "address on which /metrics is served, alone and without TLS",
		},
	}},
	{"what it reaches", []setting{
		{
			name: "proxy", value: at(proxyURL, func(c *Config) *push.Secret { return &c.Proxy }), without: "HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
			help: "URL of a proxy for every outgoing connection, or \"direct\" for none; it overrides those of the environment; better in HUSH_PROXY, since it may have a password",
		},
		{
			name: "apns.url", value: at(originTLS, func(c *Config) *string { return &c.APNs.URL }), without: "Apple's",
			help: "scheme, host and port of APNs for production",
		},
		{
			name: "apns.development_url", value: at(originTLS, func(c *Config) *string { return &c.APNs.DevelopmentURL }), without: "apns.url if that is set, else Apple's",
			help: "scheme, host and port of APNs for development",
		},
		{
			name: "apns.ca", value: at(path, func(c *Config) *string { return &c.APNs.CA }), without: "the system's",
			help: "PEM file of certificates to trust for APNs",
		},
		{
			name: "fcm.url", value: at(origin, func(c *Config) *string { return &c.FCM.URL }), without: "Google's",
			help: "scheme, host and port of FCM",
		},
		{
			name: "fcm.ca", value: at(path, func(c *Config) *string { return &c.FCM.CA }), without: "the system's",
			help: "PEM file of certificates to trust for FCM and its access tokens",
		},
		{
			name: "fcm.token_url", value: at(address, func(c *Config) *string { return &c.FCM.TokenURL }), without: "the service account's token_uri",
			help: "where access tokens are fetched",
		},
		{
			name: "fcm.token_hosts", value: at(hosts, func(c *Config) *[]string { return &c.FCM.TokenHosts }), without: "none",
			help: "hosts (host or host:port) where a service account's token_uri may be, besides Google's and fcm.url",
		},
	}},
	{"how it paces", []setting{
		{
			name: "delivery.ack_wait", value: at(duration("5s"), func(c *Config) *time.Duration { return &c.Delivery.AckWait }), without: "5s",
			help: "how long a session has to acknowledge a push before the device is woken",
		},
		{
			name: "apns.retry_wait", value: at(duration("15m"), func(c *Config) *time.Duration { return &c.APNs.RetryWait }), without: "15m",
			help: "how long APNs is left alone after a refusal that names no time",
		},
		{
			name: "fcm.retry_wait", value: at(duration("10s"), func(c *Config) *time.Duration { return &c.FCM.RetryWait }), without: "10s",
			help: "how long FCM is left alone after a refusal that names no time",
		},
		{
			name: "fcm.quota_wait", value: at(duration("60s"), func(c *Config) *time.Duration { return &c.FCM.QuotaWait }), without: "60s",
			help: "how long an app's FCM sends are held after a QUOTA_EXCEEDED that names no time",
		},
	}},
	{"when it refuses pushes", []setting{
		{
			name: "limits.backlog", value: at(countOrNone(50_000), func(c *Config) *int { return &c.Limits.Backlog }), without: "0: any",
			help: "how much work may be due before pushes are refused with 503: devices to look at, and broadcasts; not what waits for a phone",
		},
	}},
	{"what one caller may take", []setting{
		{
			name: "auth.user_token_max", value: at(duration("744h"), func(c *Config) *time.Duration { return &c.Auth.UserTokenMax }), without: "744h",
			help: "how long a user token may live, from its iat (without one, from now) to its exp; longer ones are refused",
		},
		{
			name: "limits.devices_per_user", value: at(count(20), func(c *Config) *int { return &c.Limits.DevicesPerUser }), without: "20",
			help: "how many devices a user may have; those without a live token, then those unheard for longest, make room for a new one",
		},
		{
			name: "limits.bodies", value: at(size(32<<20, "128MiB"), func(c *Config) *int64 { return &c.Limits.Bodies }), without: "128MiB",
			help: "how much of request bodies may be in memory at once, of which one server key may hold a quarter and all users together a half",
		},
		{
			name: "limits.connections", value: at(count(10_000), func(c *Config) *int { return &c.Limits.Connections }), without: "what the limit of descriptors leaves, which is also the most",
			help: "how many connections there may be",
		},
		{
			name: "limits.connections_per_address", value: at(count(2_500), func(c *Config) *int { return &c.Limits.ConnectionsPerAddress }), without: "a quarter of all, at most 16384",
			help: "how many connections of one address there may be that have shown no valid secret",
		},
		{
			name: "limits.new_devices", value: at(rate("30/1m"), func(c *Config) *Rate { return &c.Limits.NewDevices }), without: "30/1m",
			help: "new devices and changes of owner of one user: so many at once, then one more each time span, or off",
		},
		{
			name: "limits.unauthenticated", value: at(rate("500/100ms"), func(c *Config) *Rate { return &c.Limits.Unauthenticated }), without: "500/100ms",
			help: "requests without a valid secret from one address before they are answered 429: so many at once, then one more each time span, or off",
		},
		{
			name: "limits.key_rate", value: at(count(1_000), func(c *Config) *int { return &c.Limits.KeyRate }), without: "any",
			help: "requests a second of one server key",
		},
		{
			name: "limits.app_rate", value: at(count(1_000), func(c *Config) *int { return &c.Limits.AppRate }), without: "any",
			help: "requests a second of all of an app's server keys together",
		},
		{
			name: "limits.streams_per_key", value: at(count(100), func(c *Config) *int { return &c.Limits.StreamsPerKey }), without: "100",
			help: "how many live timelines a key may follow at the same time",
		},
	}},
	{"what it logs", []setting{
		{
			name: "log.level", value: at(level, func(c *Config) *slog.Level { return &c.Log.Level }), standard: "info",
			help: "debug, info, warn or error",
		},
		{
			name: "log.format", value: at(oneOf("text", "json"), func(c *Config) *string { return &c.Log.Format }), standard: "text",
			help: "text or json",
		},
	}},
}

// settings is every setting of groups, in their order.
var settings = func() (all []setting) {
	for _, g := range groups {
		all = append(all, g.settings...)
	}
	return all
}()

// settingOf returns the setting of a name.
func settingOf(name string) (s setting, ok bool) {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		return setting{}, false
	}
	return settings[i], true
}

// hasBelow reports whether name opens a block in YAML: there are settings below it. It may be a setting as well.
func hasBelow(name string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.name, name+".") })
}

// flag returns the setting's flag, without its dashes.
func (s setting) flag() string { return flagName(s.name) }

// variable returns the setting's variable in the environment.
func (s setting) variable() string {
	return "HUSH_" + strings.ToUpper(strings.ReplaceAll(s.name, ".", "_"))
}

func flagName(name string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(name) }
