package sdk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hushpush/hush/internal/proxy"
	"github.com/hushpush/hush/push"
)

// Config says which server, which app, and where the client keeps what must survive the process.
type Config struct {
	// Server is the address of the Hush server, such as https://push.example.com. Required.
	Server string
	// App is the app's name on the server. Required.
	App string
	// Token returns a user token that is valid now. It is called when the client registers, and again whenever the server says
	// that the last token is no longer valid; in between the client keeps the token in memory. It is never called to handle a
	// wake. After an error it is called again later. It must not call the client. Required.
	Token func(ctx context.Context) (string, error)
	// Dir is a directory of the app's own, which is created if it is missing. Several processes of one app may share it. It
	// holds the device's credential, readable by its owner only. Keep it out of backups (Android: Context.getNoBackupFilesDir, iOS:
	// URLResourceValues.isExcludedFromBackup): two phones that are restored from one backup are one device to the server, and
	// all but one of them get nothing until the server notices. Required.
	Dir string
	// Platform is IOS or Android. Required.
	Platform Platform

	// Facts are reported to the server with the registration and at each connect, such as os_version. Optional.
	Facts map[string]any
	// TLS is used for both HTTP and the session; nil: the system's certificate authorities.
	TLS *tls.Config
	// Dial opens the network connections of HTTP and of the session; nil: net.Dialer. A test can simulate a bad network here.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Proxy is the URL of a proxy for HTTP and the session, such as http://user:password@proxy.example:3128, or "direct" for
	// none. It overrides HTTPS_PROXY, HTTP_PROXY and NO_PROXY, which count where it is empty.
	Proxy string
	// HTTPClient makes the HTTP calls; nil: one made from TLS, Dial and Proxy. Redirects are not followed, whatever it says. Of
	// its http.Transport the session uses the proxy, if Proxy is empty, and nothing else.
	HTTPClient *http.Client
	// Logger gets the client's log; nil discards it. Neither tokens nor payloads are logged.
	Logger *slog.Logger
	// Now is the phone's clock, which may be wrong, and may be set at any moment: expiry goes by the server's time, which the
	// client learns from every answer. In doubt it asks the inbox. nil: time.Now.
	Now func() time.Time
	// AnyBackgroundHandler makes SetBackgroundMessageHandler accept closures and method values too. It is for bindings to other
	// languages and for simulated phones without processes, where the check for a top-level function has no meaning.
	AnyBackgroundHandler bool
}

// check fills in the defaults, and returns an error that names what is wrong. way is how the session connects.
func (c Config) check() (_ Config, server *url.URL, way proxy.Dialer, err error) {
	c, server, err = c.checkFields()
	if err != nil {
		return c, nil, way, err
	}
	way, err = c.way()
	if err != nil {
		return c, nil, way, fmt.Errorf("sdk: Config.Proxy %w", err)
	}
	if c.HTTPClient == nil {
		t := &http.Transport{
			TLSClientConfig: c.TLS, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
			HTTP2: &http.HTTP2Config{SendPingTimeout: pingWait, PingTimeout: pingWait},
		}
		way.Equip(t)
		c.HTTPClient = &http.Client{Transport: t}
	}
	own := *c.HTTPClient
	proxy.FollowNone(&own)
	c.HTTPClient = &own
	return c, server, way, nil
}

// way returns how the session connects, and HTTP unless there is an HTTPClient.
func (c Config) way() (proxy.Dialer, error) {
	way := proxy.Dialer{Dial: c.Dial}
	if c.TLS != nil {
		way.Roots = c.TLS.RootCAs
	}
	if c.Proxy == "" && c.HTTPClient != nil {
		if t, ok := c.HTTPClient.Transport.(*http.Transport); ok {
			way.Choice = choiceOf(t)
			return way, nil
		}
	}
	var err error
	way.Choice, err = proxy.Parse(c.Proxy)
	return way, err
}

// choiceOf returns the proxy that a transport chooses for a target.
func choiceOf(t *http.Transport) proxy.Choice {
	if t.Proxy == nil {
		return nil
	}
	return func(target *url.URL) (*url.URL, error) {
		return t.Proxy(&http.Request{Method: http.MethodGet, URL: target, Host: target.Host, Header: http.Header{}})
	}
}

func (c Config) checkFields() (Config, *url.URL, error) {
	server, err := url.Parse(c.Server)
	switch {
	case err != nil || server.Host == "" || (server.Scheme != "http" && server.Scheme != "https"):
		return c, nil, fmt.Errorf("sdk: Config.Server is %q; want http:// or https:// and a host", c.Server)
	case push.CheckName(c.App) != nil:
		return c, nil, fmt.Errorf("sdk: Config.App %w", push.CheckName(c.App))
	case c.Token == nil:
		return c, nil, errors.New("sdk: Config.Token is nil; want a function that returns a user token")
	case c.Dir == "":
		return c, nil, errors.New("sdk: Config.Dir is empty; want a directory of the app's own")
	case c.Platform != IOS && c.Platform != Android:
		return c, nil, fmt.Errorf("sdk: Config.Platform is %q; want sdk.IOS or sdk.Android", c.Platform)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialWait}).DialContext
	}
	return c, server, nil
}

const (
	dialWait = 10 * time.Second // for a connection, and for its TLS handshake
	callWait = 15 * time.Second // for one HTTP call, whole
	pingWait = 5 * time.Second  // of silence on an HTTP/2 connection before a ping, and then for its answer, before it counts as dead
)

// Registration is what the system gave the app to be woken by.
type Registration struct {
	// ProviderToken is the APNs device token in hexadecimal, or the FCM registration token. Required.
	ProviderToken string
	// BundleID is the app's bundle id, which is the APNs topic. Required on iOS, refused on Android.
	BundleID string
	// Environment is the one of APNs that the token belongs to. Required on iOS, refused on Android.
	Environment Environment
	// Package is the app's package name. Required on Android, refused on iOS.
	Package string
}

// check returns an error that says what is wrong with the registration on the platform.
func (r Registration) check(p Platform) error {
	if r.ProviderToken == "" {
		return errors.New("sdk: register push: ProviderToken is empty; want the token that the system gave the app")
	}
	token := push.Secret(r.ProviderToken)
	if p == IOS && r.Environment == "" {
		return errors.New("sdk: register push: Environment is empty; on iOS want sdk.Production or sdk.Development: an APNs token belongs to one of them")
	}
	if p == Android && r.Environment != "" {
		return fmt.Errorf("sdk: register push: Environment is %q; on Android leave it out: FCM has no environments", r.Environment)
	}
	err := push.Registration{
		DeviceID: "checked-elsewhere", Platform: p, BundleID: r.BundleID, Package: r.Package,
		Environment: r.Environment, ProviderToken: &token,
	}.Check()
	if err != nil {
		return fmt.Errorf("sdk: register push: %w", err)
	}
	return nil
}
