package config_test

import (
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/config"
)

// everything has each setting, and none at its default.
var everything = config.Config{
	Data: "d", Database: "postgres://u:p@h/d", Listen: "127.0.0.1:1", Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
	TLSCert: "c", TLSKey: "k", TLSByProxy: true, SecretKey: "s", Proxy: "http://u:p@h:1",
	APNs: config.APNs{URL: "https://a", DevelopmentURL: "https://b", CA: "c", RetryWait: time.Minute},
	FCM:  config.FCM{URL: "http://a", CA: "c", TokenURL: "http://a/t", TokenHosts: []string{"a", "b:1"}, RetryWait: time.Second, QuotaWait: time.Hour},
	Auth: config.Auth{UserTokenMax: time.Hour}, Delivery: config.Delivery{AckWait: time.Millisecond}, Store: config.Store{Keep: 25 * time.Hour},
	Metrics: config.Metrics{Listen: "127.0.0.1:2"},
	Limits: config.Limits{
		Backlog: 1, DevicesPerUser: 2, StreamsPerKey: 3, Bodies: 33<<20 + 1<<10, Connections: 4, ConnectionsPerAddress: 5,
		NewDevices: config.Rate{Burst: 6, Every: time.Second}, Unauthenticated: config.Rate{Off: true}, KeyRate: 7, AppRate: 8,
	},
	Log: config.Log{Level: slog.LevelDebug, Format: "json"},
}

// A server that is another process has the settings that it was given, whichever they are.
func TestSettingsSurviveTheEnvironment(t *testing.T) {
	env := map[string]string{}
	for _, variable := range config.Environ(everything) {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	c, _, err := load(t, nil, env, "")
	if err != nil || !reflect.DeepEqual(c, everything) {
		t.Errorf("settings\n%+v, error %v; want\n%+v", c, err, everything)
	}
	if environ := config.Environ(config.Config{}); environ != nil {
		t.Errorf("no settings: %q, want no variable", environ)
	}
}

// everything would not test a setting that it does not have.
func TestEverySettingIsInThatTest(t *testing.T) {
	t.Parallel()
	var zeros []string
	for path, value := range fields(reflect.ValueOf(everything), "") {
		if value.IsZero() {
			zeros = append(zeros, path)
		}
	}
	slices.Sort(zeros)
	want := []string{".Limits.NewDevices.Off", ".Limits.Unauthenticated.Burst", ".Limits.Unauthenticated.Every", ".SecretKeyEmpty", ".SecretKeyFile"} // the other way
	if !slices.Equal(zeros, want) {
		t.Errorf("without a value: %v, want %v", zeros, want)
	}
}

// fields returns the fields of a struct and of those in it, by path.
func fields(v reflect.Value, path string) map[string]reflect.Value {
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[netip.Prefix]() {
		return map[string]reflect.Value{path: v}
	}
	all := map[string]reflect.Value{}
	for i := range v.NumField() {
		for p, f := range fields(v.Field(i), path+"."+v.Type().Field(i).Name) {
			all[p] = f
		}
	}
	return all
}

func TestSettingsAreTakenOutOfAnEnvironment(t *testing.T) {
	t.Parallel()
	got := config.WithoutSettings([]string{"PATH=/bin", "HUSH_LISTEN=:1", "HUSH_CONFIG=f", "HUSH_SECRET_KEY=k", "HUSH_LISTENER=x", "HUSH_LISTEN_TRUSTED_PROXIES=x"})
	if want := []string{"PATH=/bin", "HUSH_LISTENER=x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
