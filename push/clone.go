package push

import (
	"bytes"
	"slices"
)

// maxFormerTokens bounds how many of a device's former provider tokens are remembered.
const maxFormerTokens = 4

// sharedBy reports whether a registration with the device's own credential shows that two phones use it, as after both were
// restored from one backup: whenever one of them registers, the other goes silent. The system never gives a phone a token again
// that it has replaced, so a token that comes back is another phone's. Builds that alternate between APNs' two environments, as
// a developer runs them on one phone, do bring tokens back; those prove nothing.
func (d Device) sharedBy(r Registration) bool {
	if r.ProviderToken == nil || *r.ProviderToken == "" || *r.ProviderToken == d.ProviderToken || r.Environment != d.Environment {
		return false
	}
	return slices.ContainsFunc(d.FormerTokens, func(h []byte) bool { return bytes.Equal(h, TokenHash(*r.ProviderToken)) })
}

// rememberToken adds the device's provider token to the former ones, newest last, when the phone registers another in its
// place. A token that an import replaces is not added: the phone may still have it, since the file may be old, or read twice.
func (d *Device) rememberToken(r Registration, c Caller) {
	if c.Import || d.ProviderToken == "" || r.ProviderToken == nil || *r.ProviderToken == "" || *r.ProviderToken == d.ProviderToken {
		return
	}
	former := append(slices.Clone(d.FormerTokens), TokenHash(d.ProviderToken))
	d.FormerTokens = former[max(0, len(former)-maxFormerTokens):]
}
