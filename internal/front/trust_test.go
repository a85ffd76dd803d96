package front

import (
	"net/netip"
	"strings"
	"testing"
)

var proxies = Trusted{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestTheClientIsTheLastThatNoProxyStandsFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		peer   string
		header []string
		want   string
	}{
		{"192.0.2.1:5000", nil, "192.0.2.1:5000"},
		{"192.0.2.1:5000", []string{"198.51.100.7"}, "192.0.2.1:5000"}, // no proxy of ours: its word counts for nothing
		{"10.0.0.1:5000", nil, "10.0.0.1:5000"},
		{"10.0.0.1:5000", []string{"198.51.100.7"}, "198.51.100.7:0"},
		{"10.0.0.1:5000", []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7:0"}, // what the client itself sent is before it
		{"10.0.0.1:5000", []string{"1.1.1.1", "198.51.100.7, 10.0.0.2"}, "198.51.100.7:0"},
		{"10.0.0.1:5000", []string{"198.51.100.7:444"}, "198.51.100.7:444"},
		{"10.0.0.1:5000", []string{"[2001:db8::1]:444"}, "[2001:db8::1]:444"},
		{"10.0.0.1:5000", []string{"[2001:db8::1]"}, "[2001:db8::1]:0"},
		{"10.0.0.1:5000", []string{"::ffff:198.51.100.7"}, "198.51.100.7:0"},
		{"[fd00::1]:5000", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"10.0.0.1:5000", []string{"198.51.100.7, unknown"}, "10.0.0.1:5000"}, // nobody knows who asked that proxy
		{"10.0.0.1:5000", []string{""}, "10.0.0.1:5000"},
		{"10.0.0.1:5000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
	} {
		got := proxies.client(netip.MustParseAddrPort(c.peer), c.header)
		if got.String() != c.want {
			t.Errorf("from %s with %q: %s; want %s", c.peer, c.header, got, c.want)
		}
	}
}

func TestAnIPv6NetworkIsOneCaller(t *testing.T) {
	t.Parallel()
	a, b := netip.MustParseAddr("2001:db8:1:2::1"), netip.MustParseAddr("2001:db8:1:2:ffff::9")
	if Who(a) != Who(b) || Who(a) == Who(netip.MustParseAddr("2001:db8:1:3::1")) {
		t.Errorf("%s and %s count as %s and %s; want one for a /64, and another for its neighbour", a, b, Who(a), Who(b))
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("1.1.1.1, 198.51.100.7, 10.0.0.2")
	f.Add("[2001:db8::1]:444,,\x00, [::")
	f.Add(strings.Repeat("10.0.0.1,", 1000))
	f.Fuzz(func(t *testing.T, header string) {
		peer := netip.MustParseAddrPort("10.0.0.1:1")
		got := proxies.client(peer, []string{header})
		if !got.IsValid() || got.Addr().Zone() != "" || got.Addr().Is4In6() {
			t.Errorf("%q: %s; want a plain address", header, got)
		}
		// What comes before an untrusted address never matters.
		if last := proxies.client(peer, []string{header + ", 198.51.100.7"}); last.Addr().String() != "198.51.100.7" {
			t.Errorf("%q and a client: %s; want the client", header, last)
		}
	})
}
