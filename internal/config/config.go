// Package config collects the settings of hush serve from flags, environment and a YAML file, in that order of precedence,
// and refuses what is wrong in words that say which setting, where it came from, what is wrong and what would be right.
//
// A setting has one name, such as delivery.ack_wait. In YAML the dot opens a block, as a flag it is --delivery-ack-wait and
// in the environment HUSH_DELIVERY_ACK_WAIT. The one exception is HUSH_SECRET_KEY, which is the contents of the file that
// secret_key_file would name: a secret has no place in a command line or a YAML file.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/hushpush/hush/push"
)

// Config is what hush serve was told. A zero value means that the room concerned takes its own default, which the flag's
// help names.
type Config struct {
	Data          string         // directory of the database and the keys
	Database      push.Secret    // postgres://…, with its password; "" means SQLite in Data
	Listen        string         // host:port
	Trusted       []netip.Prefix // proxies whose word on a client's address is believed
	TLSCert       string         // PEM file; "" means plain HTTP
	TLSKey        string         // PEM file; there if and only if TLSCert is
	TLSByProxy    bool           // a proxy does TLS: nothing to warn of
	SecretKeyFile string         // "" means secret.key in Data
	SecretKey     push.Secret    // the file's contents, from the environment; beats SecretKeyFile

	// SecretKeyEmpty says that HUSH_SECRET_KEY is set to nothing: there is no key, and no file stands in for it.
	SecretKeyEmpty bool
	Proxy          push.Secret // for all outgoing connections, with its password: a URL, or "direct"; "" means the environment's
	APNs           APNs
	FCM            FCM
	Auth           Auth
	Delivery       Delivery
	Store          Store
	Metrics        Metrics
	Limits         Limits
	Log            Log
}

// APNs is how Apple's service is reached.
type APNs struct {
	URL            string        // for production; scheme, host and port
	DevelopmentURL string        // for development; "" means URL, if that is set
	CA             string        // PEM file of one or more certificates to trust instead of the system's
	RetryWait      time.Duration // after a refusal that names no time
}

// FCM is how Google's service is reached.
type FCM struct {
	URL      string // scheme, host and port
	CA       string // PEM file of one or more certificates to trust instead of the system's
	TokenURL string // beats the service account's token_uri

	// TokenHosts are host or host:port, where a service account's token_uri may be besides Google's and URL.
	TokenHosts []string
	RetryWait  time.Duration
	QuotaWait  time.Duration // after QUOTA_EXCEEDED without a time of its own
}

// Auth is who is let in.
type Auth struct {
	UserTokenMax time.Duration // how long a user token may live
}

// Delivery is how pushes are taken to devices.
type Delivery struct {
	AckWait time.Duration // for a session to acknowledge
}

// Store is how long rows live.
type Store struct {
	Keep time.Duration // a push's rows, after its last delivery became final
}

// Limits is what one caller can cost at most.
type Limits struct {
	Backlog               int   // how much may be due before pushes are refused; 0: any
	DevicesPerUser        int   // those unheard for longest make room
	StreamsPerKey         int   // live timelines at the same time
	Bodies                int64 // bytes of request bodies in memory at once
	Connections           int
	ConnectionsPerAddress int  // that have shown no good secret
	NewDevices            Rate // of each user
	Unauthenticated       Rate // bad secrets of each address
	KeyRate               int  // requests a second of each server key; 0: any
	AppRate               int  // requests a second of an app's server keys; 0: any
}

// Rate is so many at once, and then one more each Every. Off: any.
type Rate struct {
	Burst int
	Every time.Duration
	Off   bool
}

// Metrics is where Prometheus reads.
type Metrics struct {
	Listen string // host:port; "" means Listen of Config
}

// Log is what goes to standard error.
type Log struct {
	Level  slog.Level
	Format string // text or json
}

// setting is one row of the table below: a name, what people read about it, and how its text becomes a value.
type setting struct {
	name     string
	standard string // the text it has unless told; "" means that the room decides
	usage    string
	set      func(c *Config, text string) error // the error says what is wrong and what would be right
}

// lists are the settings that hold several values: with commas between them, or a list in YAML.
var lists = []string{"fcm.token_hosts", "listen.trusted_proxies"}

// switches are the settings that are true where their flag stands alone.
var switches = []string{"tls_by_proxy"}

// settings is every setting of hush serve, in the order of its help.
var settings = []setting{
	{"data", "hush-data", "directory of the database and the keys, made if it is missing",
		func(c *Config, s string) error { c.Data = s; return nil }},
	{"database", "", "postgres://… (15 or newer) instead of SQLite in the data directory; better in the environment, for its password",
		func(c *Config, s string) error { return databaseURL(&c.Database, s) }},
	{"listen", "127.0.0.1:8080", "host:port; port 0 takes a free one, which the line \"ready\" names",
		func(c *Config, s string) error { return hostPort(&c.Listen, s) }},
	{"listen.trusted_proxies", "", "addresses of proxies, such as 10.0.0.0/8, whose X-Forwarded-For and PROXY protocol are believed (a list; default none)",
		func(c *Config, s string) error { return prefixes(&c.Trusted, s) }},
	{"tls_cert", "", "PEM file of the certificate chain; with tls_key, HTTPS instead of HTTP",
		func(c *Config, s string) error { c.TLSCert = s; return nil }},
	{"tls_key", "", "PEM file of the certificate's private key",
		func(c *Config, s string) error { c.TLSKey = s; return nil }},
	{"tls_by_proxy", "", "true where a proxy before this server does TLS: it may then listen beyond this machine without a warning (default false)",
		func(c *Config, s string) error { return truth(&c.TLSByProxy, s) }},
	{"metrics.listen", "", "host:port on which /metrics is served, alone and without TLS, instead of on listen",
		func(c *Config, s string) error { return hostPort(&c.Metrics.Listen, s) }},
	{"secret_key_file", "", "file of the key that encrypts credentials (default secret.key in the data directory); HUSH_SECRET_KEY holds its contents instead",
		func(c *Config, s string) error { c.SecretKeyFile = s; return nil }},
	{"proxy", "", "URL of a proxy for every outgoing connection, or \"direct\" for none (default HTTPS_PROXY, HTTP_PROXY and NO_PROXY, all of which it beats); better in the environment, for its password",
		func(c *Config, s string) error { return proxyURL(&c.Proxy, s) }},
	{"apns.url", "", "scheme, host and port of APNs for production (default Apple's)",
		func(c *Config, s string) error { return originTLS(&c.APNs.URL, s) }},
	{"apns.development_url", "", "the same for development (default apns.url if that is set, else Apple's)",
		func(c *Config, s string) error { return originTLS(&c.APNs.DevelopmentURL, s) }},
	{"apns.ca", "", "PEM file of certificates to trust for APNs (default the system's)",
		func(c *Config, s string) error { c.APNs.CA = s; return nil }},
	{"apns.retry_wait", "", "how long APNs is left alone after a refusal that names no time (default 15m)",
		func(c *Config, s string) error { return span(&c.APNs.RetryWait, s, "15m") }},
	{"fcm.url", "", "scheme, host and port of FCM (default Google's)",
		func(c *Config, s string) error { return origin(&c.FCM.URL, s) }},
	{"fcm.ca", "", "PEM file of certificates to trust for FCM and its tokens (default the system's)",
		func(c *Config, s string) error { c.FCM.CA = s; return nil }},
	{"fcm.token_url", "", "where access tokens are fetched (default the service account's token_uri)",
		func(c *Config, s string) error { return address(&c.FCM.TokenURL, s) }},
	{"fcm.token_hosts", "", "hosts (host or host:port, several with commas) where a service account's token_uri may be, besides Google's and fcm.url",
		func(c *Config, s string) error { return hosts(&c.FCM.TokenHosts, s) }},
	{"fcm.retry_wait", "", "how long FCM is left alone after a refusal that names no time (default 10s)",
		func(c *Config, s string) error { return span(&c.FCM.RetryWait, s, "10s") }},
	{"fcm.quota_wait", "", "how long an app's FCM sends are held after QUOTA_EXCEEDED that names no time (default 60s)",
		func(c *Config, s string) error { return span(&c.FCM.QuotaWait, s, "60s") }},
	{"auth.user_token_max", "", "how long a user token may live, from its iat (or, without one, from now) to its exp; longer ones are refused (default 744h)",
		func(c *Config, s string) error { return span(&c.Auth.UserTokenMax, s, "744h") }},
	{"delivery.ack_wait", "", "how long a session has to acknowledge a push before the device is woken (default 5s)",
		func(c *Config, s string) error { return span(&c.Delivery.AckWait, s, "5s") }},
	{"store.keep", "", "how long a push's rows are kept after its last delivery became final (default 168h)",
		func(c *Config, s string) error { return span(&c.Store.Keep, s, "168h") }},
	{"limits.devices_per_user", "", "how many devices a user may have; those without a live token, then those unheard for longest, make room for a new one (default 20)",
		func(c *Config, s string) error { return count(&c.Limits.DevicesPerUser, s, 20) }},
	{"limits.backlog", "", "how much may be due and not worked off before pushes are refused with 503: devices that are to be looked at, and broadcasts; not what waits for a phone (default 0: any)",
		func(c *Config, s string) error { return countOrNone(&c.Limits.Backlog, s, 50_000) }},
	{"limits.bodies", "", "how much of request bodies may be in memory at once, of which one server key may hold a quarter, all users together a half (default 128MiB)",
		func(c *Config, s string) error { return size(&c.Limits.Bodies, s, 32<<20, "128MiB") }},
	{"limits.connections", "", "how many connections there may be (default and at most what the limit of descriptors leaves)",
		func(c *Config, s string) error { return count(&c.Limits.Connections, s, 10_000) }},
	{"limits.connections_per_address", "", "how many connections of one address there may be that have shown no good secret (default a quarter of all, at most 16384)",
		func(c *Config, s string) error { return count(&c.Limits.ConnectionsPerAddress, s, 2_500) }},
	{"limits.new_devices", "", "new devices and changes of owner of one user: so many at once, then one each so long, or off (default 30/1m)",
		func(c *Config, s string) error { return rate(&c.Limits.NewDevices, s, "30/1m") }},
	{"limits.unauthenticated", "", "requests without a good secret from one address, before they are answered 429: so many at once, then one each so long, or off (default 500/100ms)",
		func(c *Config, s string) error { return rate(&c.Limits.Unauthenticated, s, "500/100ms") }},
	{"limits.key_rate", "", "requests a second of one server key (default any)",
		func(c *Config, s string) error { return count(&c.Limits.KeyRate, s, 1_000) }},
	{"limits.app_rate", "", "requests a second of all of an app's server keys (default any)",
		func(c *Config, s string) error { return count(&c.Limits.AppRate, s, 1_000) }},
	{"limits.streams_per_key", "", "how many live timelines a key may follow at the same time (default 100)",
		func(c *Config, s string) error { return count(&c.Limits.StreamsPerKey, s, 100) }},
	{"log.level", "info", "debug, info, warn or error",
		func(c *Config, s string) error { return level(&c.Log.Level, s) }},
	{"log.format", "text", "text or json",
		func(c *Config, s string) error { return oneOf(&c.Log.Format, s, "text", "json") }},
}
