package front

import (
	"net"
	"net/netip"
	"strings"
)

// Trusted lists the proxies whose report of a client's address is believed.
type Trusted []netip.Prefix

func (t Trusted) has(a netip.Addr) bool {
	for _, p := range t {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client returns the client behind peer: the last address of X-Forwarded-For that is not a trusted proxy's. Each proxy
// appends the address that it was called from, so everything before the last untrusted address is only that client's claim.
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

// parseHop parses an address as proxies write it, with or without a port.
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

// plain returns an address in the form in which addresses are compared.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func addrPortOf(a net.Addr) netip.AddrPort {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{} // not TCP, as in tests
	}
	return netip.AddrPortFrom(plain(p.Addr()), p.Port())
}

// Who returns the address that limits count: for IPv6 the network of 64 bits, since one owner has all of it.
func Who(a netip.Addr) netip.Addr {
	a = plain(a)
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
