package front

import (
	"net"
	"net/netip"
	"strings"
)

// Trusted are the proxies whose word on a client's address is believed.
type Trusted []netip.Prefix

func (t Trusted) has(a netip.Addr) bool {
	for _, p := range t {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client is who stands behind peer: the last address of X-Forwarded-For that is no trusted proxy's. Each proxy adds at the
// end whom it was asked by, so that what stands before the last untrusted one is only what that one claims.
func (t Trusted) client(peer netip.AddrPort, forwardedFor []string) netip.AddrPort {
	client := peer
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		rest, more := forwardedFor[i], true
		for more {
			if !t.has(client.Addr()) {
				return client
			}
			var hop string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, hop = rest[:comma], rest[comma+1:]
			} else {
				hop, more = rest, false
			}
			next, ok := parseHop(strings.TrimSpace(hop))
			if !ok {
				return client
			}
			client = next
		}
	}
	return client
}

// parseHop reads an address as proxies write it: alone, or with a port.
func parseHop(s string) (netip.AddrPort, bool) {
	if inside, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inside, "]") {
		s = strings.TrimSuffix(inside, "]")
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(plain(a), 0), true
	}
	p, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(plain(p.Addr()), p.Port()), true
}

// plain is an address in the one form in which we compare it.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func addrPortOf(a net.Addr) netip.AddrPort {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{} // not TCP, as in tests
	}
	return netip.AddrPortFrom(plain(p.Addr()), p.Port())
}

// Who is an address as limits count it: an IPv6 network of 64 bits is one, since its owner has all of it.
func Who(a netip.Addr) netip.Addr {
	a = plain(a)
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
