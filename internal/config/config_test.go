package config_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/hushpush/hush/internal/config"
)

// load reads settings from flags, variables (through t.Setenv, which is why nothing here is parallel) and a YAML text.
func load(t *testing.T, flags []string, env map[string]string, yaml string) (config.Config, string, error) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	file := ""
	if yaml != "" {
		file = filepath.Join(t.TempDir(), "hush.yaml")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		flags = append([]string{"--config", file}, flags...)
	}
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.AddFlags(fs)
	if err := fs.Parse(flags); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(fs)
	return c, file, err
}

func TestAFlagBeatsTheEnvironmentAndThatTheFile(t *testing.T) {
	const yaml = "delivery:\n  ack_wait: 3s\n"
	env := map[string]string{"HUSH_DELIVERY_ACK_WAIT": "2s"}
	for _, test := range []struct {
		name  string
		flags []string
		env   map[string]string
		yaml  string
		want  time.Duration
	}{
		{"nothing: the room's default", nil, nil, "", 0},
		{"the file", nil, nil, yaml, 3 * time.Second},
		{"an environment beside a file", nil, env, yaml, 2 * time.Second},
		{"an empty variable is unset", nil, map[string]string{"HUSH_DELIVERY_ACK_WAIT": ""}, yaml, 3 * time.Second},
		{"a flag beside both", []string{"--delivery-ack-wait=1s"}, env, yaml, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _, err := load(t, test.flags, test.env, test.yaml)
			if err != nil || c.Delivery.AckWait != test.want {
				t.Errorf("ack wait %s, error %v; want %s", c.Delivery.AckWait, err, test.want)
			}
		})
	}
}

func TestEverySettingIsTakenFromYAML(t *testing.T) {
	c, _, err := load(t, nil, nil, `
data: /var/lib/hush
database: postgres://hush:pw@db/hush
listen: "[::1]:9000"
tls_cert: cert.pem
tls_key: key.pem
tls_by_proxy: true
metrics: {listen: "127.0.0.1:9090"}
secret_key_file: /run/secret
apns: {url: "https://127.0.0.1:2197", development_url: "https://127.0.0.1:2198/", ca: a.pem, retry_wait: 1m}
fcm: {url: "https://127.0.0.1:2199", ca: f.pem, token_url: "https://127.0.0.1:2199/token", token_hosts: [tokens.example.com], retry_wait: 2s, quota_wait: 3s}
delivery: {ack_wait: 4s}
store: {keep: 24h}
limits: {devices_per_user: 7, streams_per_key: 8}
log: {level: debug, format: json}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Data: "/var/lib/hush", Database: "postgres://hush:pw@db/hush", Listen: "[::1]:9000", TLSCert: "cert.pem", TLSKey: "key.pem",
		TLSByProxy: true, Metrics: config.Metrics{Listen: "127.0.0.1:9090"}, SecretKeyFile: "/run/secret",
		APNs: config.APNs{URL: "https://127.0.0.1:2197", DevelopmentURL: "https://127.0.0.1:2198", CA: "a.pem", RetryWait: time.Minute},
		FCM: config.FCM{URL: "https://127.0.0.1:2199", CA: "f.pem", TokenURL: "https://127.0.0.1:2199/token", TokenHosts: []string{"tokens.example.com"},
			RetryWait: 2 * time.Second, QuotaWait: 3 * time.Second},
		Delivery: config.Delivery{AckWait: 4 * time.Second}, Store: config.Store{Keep: 24 * time.Hour}, Limits: config.Limits{DevicesPerUser: 7, StreamsPerKey: 8},
		Log: config.Log{Level: slog.LevelDebug, Format: "json"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("settings\n%+v, want\n%+v", c, want)
	}
}

func TestWithoutSettingsTheServerListensOnLoopback(t *testing.T) {
	c, _, err := load(t, nil, nil, "")
	want := config.Config{Data: "hush-data", Listen: "127.0.0.1:8080", Log: config.Log{Format: "text"}}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("settings %+v, error %v; want %+v", c, err, want)
	}
}

func TestWhatIsWrongIsSaidWithItsPlaceAndWhatWouldBeRight(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags []string
		env   map[string]string
		yaml  string
		want  []string // all in the error; <file> stands for the file's path
	}{
		{"a duration without a unit, in the file", nil, nil, "delivery:\n  ack_wait: 5\n",
			[]string{`delivery.ack_wait (<file>:2): is "5"; want a duration with its unit, such as 5s`}},
		{"a bad duration, in the environment", nil, map[string]string{"HUSH_STORE_KEEP": "7 days"}, "",
			[]string{`store.keep (HUSH_STORE_KEEP): is "7 days"; want a duration`}},
		{"a negative duration, as a flag", []string{"--fcm-quota-wait=-1s"}, nil, "", []string{"fcm.quota_wait (--fcm-quota-wait): is -1s; want 0s"}},
		{"a misspelt key", nil, nil, "delivery:\n  ackwait: 5s\n", []string{"delivery.ackwait (<file>:2): there is no such setting; want delivery.ack_wait?"}},
		{"an unknown block", nil, nil, "kafka: {brokers: []}\n", []string{"kafka.brokers (<file>:1): there is no such setting; hush serve --help"}},
		{"a value where a block belongs", nil, nil, "delivery: 5s\n", []string{"delivery (<file>:1): there is no such setting"}},
		{"a list where a value belongs", nil, nil, "listen: [a, b]\n", []string{"listen (<file>:1): is a list or a block"}},
		{"the same key twice", nil, nil, "listen: a:1\nlisten: b:1\n", []string{"config (--config): <file> is not what is wanted", "already defined"}},
		{"the same setting twice, once with its dot", nil, nil, "listen.trusted_proxies: 10.0.0.1\nlisten:\n  trusted_proxies: 10.0.0.2\n",
			[]string{"listen.trusted_proxies (<file>:3): is given twice; <file>:1 has it too"}},
		{"a setting with nothing behind it", nil, nil, "delivery:\n\n  ack_wait:\n", []string{"delivery.ack_wait (<file>:3): is empty; leave it out for its default"}},
		{"an alias in itself", nil, nil, "delivery: &d {ack_wait: 5s, more: *d}\n", []string{"config (--config): <file> is not what is wanted", "contains itself"}},
		{"a list for a file", nil, nil, "- listen\n", []string{"config (--config): <file> is not what is wanted"}},
		{"no YAML at all", nil, nil, "listen: [\n", []string{"config (--config): <file> is not what is wanted"}},
		{"a missing file", []string{"--config=/nowhere.yaml"}, nil, "", []string{"config (--config): cannot be read", "want the path of a YAML file"}},
		{"a missing file, in the environment", nil, map[string]string{"HUSH_CONFIG": "/nowhere.yaml"}, "", []string{"config (HUSH_CONFIG): cannot be read"}},
		{"an address without a port", []string{"--listen=localhost"}, nil, "", []string{`listen (--listen): is "localhost"; want host:port`}},
		{"a port that is none", []string{"--listen=:http"}, nil, "", []string{`listen (--listen): has port "http"; want 0 to 65535`}},
		{"a provider's URL with a path", []string{"--apns-url=https://h/3/device"}, nil, "", []string{`apns.url (--apns-url): has the path "/3/device"`}},
		{"APNs without TLS", []string{"--apns-url=http://127.0.0.1:2197"}, map[string]string{"HUSH_APNS_DEVELOPMENT_URL": "http://h:1"}, "",
			[]string{`apns.url (--apns-url): is "http://127.0.0.1:2197"; want https://`, `apns.development_url (HUSH_APNS_DEVELOPMENT_URL): is "http://h:1"; want https://`}},
		{"a provider's URL without a scheme", []string{"--fcm-url=127.0.0.1:2198"}, nil, "", []string{"fcm.url (--fcm-url)", "want"}},
		{"a token URL of another kind", []string{"--fcm-token-url=file:///etc/passwd"}, nil, "", []string{"fcm.token_url (--fcm-token-url)", "want http:// or https://"}},
		{"a token host that is a URL", []string{"--fcm-token-hosts=a.example.com,https://b.example.com"}, nil, "", []string{`fcm.token_hosts (--fcm-token-hosts): has "https://b.example.com"; want host or host:port`}},
		{"token hosts with a wildcard", nil, nil, "fcm: {token_hosts: ['*.example.com']}\n", []string{`fcm.token_hosts (<file>:1): has "*.example.com"`}},
		{"token hosts that are blocks", nil, nil, "fcm: {token_hosts: [{a: b}]}\n", []string{"fcm.token_hosts (<file>:1): has an entry that is not one value"}},
		{"a switch that is neither", []string{"--tls-by-proxy=yes"}, nil, "", []string{`tls_by_proxy (--tls-by-proxy): is "yes"; want true or false`}},
		{"metrics on no address", []string{"--metrics-listen=9090"}, nil, "", []string{"metrics.listen (--metrics-listen)", "want host:port"}},
		{"a certificate without its key", []string{"--tls-cert=c.pem"}, nil, "", []string{"tls_key (--tls-cert): is missing, but tls_cert is given"}},
		{"an empty flag", []string{"--data="}, nil, "", []string{"data (--data): is empty; leave it out"}},
		{"a log level that is none", nil, map[string]string{"HUSH_LOG_LEVEL": "loud"}, "", []string{`log.level (HUSH_LOG_LEVEL): is "loud"; want debug, info, warn or error`}},
		{"a backlog of less than nothing", []string{"--limits-backlog=-1"}, nil, "", []string{`limits.backlog (--limits-backlog): is "-1"; want a number from 1 to 1000000, such as 50000, or 0 for none`}},
		{"no devices at all", []string{"--limits-devices-per-user=0"}, nil, "", []string{`limits.devices_per_user (--limits-devices-per-user): is "0"; want a number from 1`}},
		{"two secret keys", nil, map[string]string{"HUSH_SECRET_KEY": "k", "HUSH_SECRET_KEY_FILE": "f"}, "", []string{"is set beside HUSH_SECRET_KEY_FILE; want one of them"}},
		{"several at once", []string{"--listen=x", "--store-keep=y"}, nil, "log: {format: xml}\n",
			[]string{"listen (--listen)", "store.keep (--store-keep)", `log.format (<file>:1): is "xml"; want text or json`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, file, err := load(t, test.flags, test.env, test.yaml)
			var one *config.Error
			if !errors.As(err, &one) {
				t.Fatalf("error %v, want a *config.Error", err)
			}
			for _, want := range test.want {
				if want = strings.ReplaceAll(want, "<file>", file); !strings.Contains(err.Error(), want) {
					t.Errorf("error\n%v\nwant in it\n%s", err, want)
				}
			}
		})
	}
}

func TestYAMLIsReadAsYAML(t *testing.T) {
	for _, test := range []struct {
		name, yaml string
		want       config.Config
	}{
		{"an empty file", "# listen: 0.0.0.0:8080\n", config.Config{}},
		{"a block whose lines are comments", "delivery:\n#  ack_wait: 5s\n", config.Config{}},
		{"a number with its thousands apart", "limits: {backlog: 10_000}\n", config.Config{Limits: config.Limits{Backlog: 10_000}}},
		{"a path like a date", "tls_cert: 2026-01-01\ntls_key: 2026-01-02\n", config.Config{TLSCert: "2026-01-01", TLSKey: "2026-01-02"}},
		{"an alias", "apns: {retry_wait: &wait 7s}\nfcm: {retry_wait: *wait}\n",
			config.Config{APNs: config.APNs{RetryWait: 7 * time.Second}, FCM: config.FCM{RetryWait: 7 * time.Second}}},
		{"a merged block, which gives way", "apns: &all {retry_wait: 7s, ca: a.pem}\nfcm:\n  <<: *all\n  ca: f.pem\n",
			config.Config{APNs: config.APNs{RetryWait: 7 * time.Second, CA: "a.pem"}, FCM: config.FCM{RetryWait: 7 * time.Second, CA: "f.pem"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _, err := load(t, nil, nil, test.yaml)
			test.want.Data, test.want.Listen, test.want.Log.Format = "hush-data", "127.0.0.1:8080", "text"
			if err != nil || !reflect.DeepEqual(c, test.want) {
				t.Errorf("settings\n%+v, error %v; want\n%+v", c, err, test.want)
			}
		})
	}
}

func TestSeveralValuesHaveCommasOrAreAList(t *testing.T) {
	want := []string{"a.example.com", "b.example.com:8443"}
	for _, test := range []struct {
		flags []string
		env   map[string]string
		yaml  string
	}{
		{[]string{"--fcm-token-hosts=a.example.com, b.example.com:8443"}, nil, ""},
		{nil, map[string]string{"HUSH_FCM_TOKEN_HOSTS": "a.example.com,b.example.com:8443"}, ""},
		{nil, nil, "fcm:\n  token_hosts: [a.example.com, 'b.example.com:8443']\n"},
		{nil, nil, "fcm:\n  token_hosts: a.example.com,b.example.com:8443\n"},
	} {
		c, _, err := load(t, test.flags, test.env, test.yaml)
		if err != nil || !slices.Equal(c.FCM.TokenHosts, want) {
			t.Errorf("%+v: hosts %v, error %v; want %v", test, c.FCM.TokenHosts, err, want)
		}
		if test.env != nil {
			t.Setenv("HUSH_FCM_TOKEN_HOSTS", "")
		}
	}
}

func TestASwitchNeedsNoValueAsAFlag(t *testing.T) {
	if c, _, err := load(t, []string{"--tls-by-proxy"}, nil, ""); err != nil || !c.TLSByProxy {
		t.Errorf("got %v, %v; want true", c.TLSByProxy, err)
	}
	if c, _, err := load(t, []string{"--tls-by-proxy=false"}, map[string]string{"HUSH_TLS_BY_PROXY": "true"}, ""); err != nil || c.TLSByProxy {
		t.Errorf("got %v, %v; want false", c.TLSByProxy, err)
	}
}

func TestAPasswordIsInNoError(t *testing.T) {
	for _, flags := range [][]string{
		{"--database=mysql://u:hidden@h/d"}, {"--database=postgres://u:hidden%zz@h/d"}, {"--apns-url=https://u:hidden@h"}, {"--fcm-url=http://u:hidden%zz@h"},
	} {
		_, _, err := load(t, flags, nil, "")
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v: error %v, want one without the password", flags, err)
		}
	}
}

func TestTheSecretKeyInTheEnvironmentBeatsTheFilesPathInYAML(t *testing.T) {
	c, _, err := load(t, nil, map[string]string{"HUSH_SECRET_KEY": "abc"}, "secret_key_file: /run/secret\n")
	if err != nil || c.SecretKey.Reveal() != "abc" || c.SecretKeyFile != "" {
		t.Errorf("key %q, file %q, error %v; want the environment's alone", c.SecretKey.Reveal(), c.SecretKeyFile, err)
	}
	c, _, err = load(t, []string{"--secret-key-file=f"}, map[string]string{"HUSH_SECRET_KEY": "abc"}, "")
	if err != nil || c.SecretKey != "" || c.SecretKeyFile != "f" {
		t.Errorf("key %q, file %q, error %v; want the flag's alone", c.SecretKey.Reveal(), c.SecretKeyFile, err)
	}
}

// Whether an empty one can be forgiven depends on what the database has encrypted, so the server says what is wrong.
func TestASecretKeyThatIsSetToNothingIsNoMissingOne(t *testing.T) {
	for _, text := range []string{"", " \n"} {
		c, _, err := load(t, nil, map[string]string{"HUSH_SECRET_KEY": text}, "secret_key_file: /run/secret\n")
		if err != nil || !c.SecretKeyEmpty || c.SecretKeyFile != "" {
			t.Errorf("HUSH_SECRET_KEY=%q: empty %v, file %q, error %v; want it empty and no file", text, c.SecretKeyEmpty, c.SecretKeyFile, err)
		}
	}
}

func TestABadProxyIsRefusedWithoutItsPassword(t *testing.T) {
	_, _, err := load(t, nil, map[string]string{"HUSH_PROXY": "ftp://me:hunter2@proxy:21"}, "")
	var wrong *config.Error
	if !errors.As(err, &wrong) || wrong.Setting != "proxy" || wrong.From != "HUSH_PROXY" || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v; want the setting and its place named, and no password", err)
	}
	c, _, err := load(t, []string{"--proxy", "http://me:hunter2@proxy:3128"}, nil, "")
	if err != nil || c.Proxy.Reveal() != "http://me:hunter2@proxy:3128" || strings.Contains(c.Proxy.String(), "hunter2") {
		t.Errorf("got %s, %v; want the proxy, hidden where it is printed", c.Proxy, err)
	}
}

func TestTrustedProxiesStandBesideTheAddressInYAML(t *testing.T) {
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}
	for name, yaml := range map[string]string{
		"a dotted name and a list": "listen: 127.0.0.1:9000\nlisten.trusted_proxies: [10.0.0.0/8, 192.0.2.1]\n",
		"a dotted name and a text": "listen: 127.0.0.1:9000\nlisten.trusted_proxies: 10.0.0.0/8, 192.0.2.1\n",
	} {
		c, _, err := load(t, nil, nil, yaml)
		if err != nil || c.Listen != "127.0.0.1:9000" || !slices.Equal(c.Trusted, want) {
			t.Errorf("%s: %q, %v, error %v; want 127.0.0.1:9000 and %v", name, c.Listen, c.Trusted, err, want)
		}
	}
	c, _, err := load(t, nil, nil, "listen:\n  trusted_proxies: [10.0.0.0/8, 192.0.2.1]\n")
	if err != nil || c.Listen != "127.0.0.1:8080" || !slices.Equal(c.Trusted, want) {
		t.Errorf("a block: %q, %v, error %v; want the standard address and %v", c.Listen, c.Trusted, err, want)
	}
}

func TestLimitsAreRead(t *testing.T) {
	c, _, err := load(t, []string{"--limits-bodies", "256MiB", "--limits-new-devices=5/2s", "--limits-unauthenticated", "off", "--limits-key-rate=100"},
		map[string]string{"HUSH_LIMITS_CONNECTIONS": "5000"}, "limits:\n  app_rate: 200\n  backlog: 30000\n")
	want := config.Limits{Backlog: 30_000, Bodies: 256 << 20, NewDevices: config.Rate{Burst: 5, Every: 2 * time.Second}, Unauthenticated: config.Rate{Off: true}, KeyRate: 100, AppRate: 200, Connections: 5000}
	if err != nil || c.Limits != want {
		t.Errorf("limits %+v, error %v; want %+v", c.Limits, err, want)
	}
	for flag, complaint := range map[string]string{
		"--limits-bodies=1MiB":                 "want 32 MiB or more",
		"--limits-bodies=12":                   "want a size",
		"--limits-new-devices=30":              "want so many at once",
		"--limits-new-devices=0/1m":            "want so many at once",
		"--limits-key-rate=-1":                 "want a number",
		"--listen-trusted-proxies=0.0.0.0/0":   "which is everyone",
		"--listen-trusted-proxies=10.0.0.0/99": "want addresses or networks",
	} {
		if _, _, err := load(t, []string{flag}, nil, ""); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: error %v; want %q in it", flag, err, complaint)
		}
	}
}
