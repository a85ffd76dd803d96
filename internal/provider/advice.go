package provider

import (
	"fmt"

	"github.com/hushpush/hush/push"
)

// Failed says in sentences what kept a try from its answer, and what to change. name is who was to answer, such as APNs;
// address and ca say where its address and its certificates are set.
func Failed(a push.Answer, name, address, ca string) push.CredentialCheck {
	c := push.CredentialCheck{What: fmt.Sprintf("%s did not answer: %s.", name, a.Detail)}
	switch a.Error {
	case push.FailureNoSuchHost:
		c.What = fmt.Sprintf("The host of %s was not found: %s.", name, a.Detail)
		c.Do = fmt.Sprintf("See to this server's DNS, and to the host in %s.", address)
	case push.FailureRefused, push.FailureUnreachable, push.FailureReset, push.FailureLost:
		c.Do = "Let this server connect to that host and port: see to its firewall, or give it a proxy."
	case push.FailureTimeout:
		c.Do = "See whether a firewall drops this server's connections to that host; if not, try again later."
	case push.FailureProxy:
		c.What = fmt.Sprintf("The proxy on the way to %s did not connect: %s.", name, a.Detail)
		c.Do = "See to the proxy's address, user and password, and to what it allows."
	case push.FailureUntrusted:
		c.What = fmt.Sprintf("The certificate of who answers for %s is not trusted: %s.", name, a.Detail)
		c.Do = fmt.Sprintf("If a proxy of yours looks into TLS, except this host there, or name its CA in %s; else somebody else answers.", ca)
	case push.FailureTLS, push.FailureProtocol:
		c.Do = fmt.Sprintf("Something on the way, or at the address in %s, does not speak as %s does: see to proxies and firewalls.", address, name)
	case push.FailureStranger:
		c.What = fmt.Sprintf("Somebody answered who is not %s: status %d, %s.", name, a.Status, a.Detail)
		c.Do = fmt.Sprintf("A proxy, a firewall or a captive portal is in between: let this server connect to %s past it. If none is, see to the address in %s.", name, address)
	case push.FailureNotSent:
		c.What = fmt.Sprintf("Nothing can be sent to %s: %s.", name, a.Detail)
		c.Do = "Store the credential again."
	default:
		c.Do = "Try again later."
	}
	return c
}
