package worldtest

import (
	"bytes"
	"slices"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// The folders of the providers' own APIs, and what the world's API calls the providers.
const (
	nameAPNs = "apns"
	nameFCM  = "fcm"
)

// providers finds, of both simulators, the one that a token or a request is for. It has no state of its own.
type providers struct {
	apns *apnstest.Server
	fcm  *fcmtest.Server
}

// whose returns the name of the provider that knows a token; "" if neither does.
func (p providers) whose(token string) string {
	if _, known := p.apns.State(token); known {
		return nameAPNs
	}
	if _, known := p.fcm.State(token); known {
		return nameFCM
	}
	return ""
}

// controlNamed returns the control API of a provider.
func (p providers) controlNamed(name string) *simkit.Control {
	h := p.apns.ControlHandler()
	if name == nameFCM {
		h = p.fcm.ControlHandler()
	}
	return h.(*simkit.Control) // which both make
}

// controlOf returns the control API of the provider that knows a token.
func (p providers) controlOf(token string) (*simkit.Control, error) {
	name := p.whose(token)
	if name == "" {
		return nil, rest.NotFound("neither provider knows this token")
	}
	return p.controlNamed(name), nil
}

// caPEM returns the certificates to trust, one if they are the same.
func (p providers) caPEM() []byte {
	pem := p.apns.CAPEM()
	if fcm := p.fcm.CAPEM(); !bytes.Equal(pem, fcm) {
		pem = slices.Concat(pem, fcm)
	}
	return pem
}
