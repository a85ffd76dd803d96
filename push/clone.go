package push

import (
	"bytes"
	"slices"
)

// maxFormerTokens is how many former provider tokens of a device are known.
const maxFormerTokens = 4

// sharedBy reports whether a registration with the device's own credential shows that two phones use it, as after both were
// restored from one backup: each time one of them registers, the other is mute. The system never gives a phone a token again
// that it has replaced, so one that comes back is another phone's. Builds for APNs' two environments in turn, as a developer
// runs them on one phone, do bring tokens back; those say nothing.
func (d Device) sharedBy(r Registration) bool {
	if r.ProviderToken == nil || *r.ProviderToken == "" || *r.ProviderToken == d.ProviderToken || r.Environment != d.Environment {
		return false
	}
	return slices.ContainsFunc(d.FormerTokens, func(h []byte) bool { return bytes.Equal(h, TokenHash(*r.ProviderToken)) })
}

// rememberToken keeps the device's provider token among the former ones, newest last, when the phone registers another in its
// place. What an import replaces may be what the phone still has: a file that was exported earlier, or is read twice.
func (d *Device) rememberToken(r Registration, c Caller) {
	if c.Import || d.ProviderToken == "" || r.ProviderToken == nil || *r.ProviderToken == "" || *r.ProviderToken == d.ProviderToken {
		return
	}
	former := append(slices.Clone(d.FormerTokens), TokenHash(d.ProviderToken))
	d.FormerTokens = former[max(0, len(former)-maxFormerTokens):]
}
