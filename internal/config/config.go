// Package config reads the settings of hush serve from flags, the environment and a YAML file, in that order of precedence.
// Its errors say which setting is wrong, where it was given, what is wrong, and what would be right.
//
// A setting has one name, such as delivery.ack_wait. In YAML the dot opens a block, as a flag it is --delivery-ack-wait and
// in the environment HUSH_DELIVERY_ACK_WAIT. The one exception is HUSH_SECRET_KEY, which is the contents of the file that
// secret_key_file would name: a secret has no place in a command line or a YAML file.
//
// All of it comes from one table (table.go): a new setting is a row there and a field of [Config].
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
	ConnectionsPerAddress int  // that have shown no valid secret
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
