package provider

import (
	"fmt"

	"github.com/hushpush/hush/push"
)

// Failed returns in sentences why a try brought no answer, and what to change. name is the provider as people call it, such as
// APNs; address and ca name the settings of its address and of its certificates.
func Failed(a push.Answer, name, address, ca string) push.CredentialCheck {
	c := push.CredentialCheck{What: fmt.Sprintf("%s did not answer: %s.", name, a.Detail)}
	switch a.Error {
	case push.FailureNoSuchHost:
		c.What = fmt.Sprintf("The host of %s was not found: %s.", name, a.Detail)
		c.Do = fmt.Sprintf("Check this server's DNS, and the host in %s.", address)
	case push.FailureRefused, push.FailureUnreachable, push.FailureReset, push.FailureLost:
		c.Do = "Let this server connect to that host and port: check its firewall, or give it a proxy."
	case push.FailureTimeout:
		c.Do = "Check whether a firewall drops this server's connections to that host; if not, try again later."
	case push.FailureProxy:
		c.What = fmt.Sprintf("The proxy on the way to %s did not connect: %s.", name, a.Detail)
		c.Do = "Check the proxy's address, user and password, and what it allows."
	case push.FailureUntrusted:
		c.What = fmt.Sprintf("The certificate of the server that answers for %s is not trusted: %s.", name, a.Detail)
		c.Do = fmt.Sprintf("If a proxy of yours inspects TLS, exempt this host there, or name its CA in %s; if not, another server answers in its place.", ca)
	case push.FailureTLS, push.FailureProtocol:
		c.Do = fmt.Sprintf("Something in between, or at the address in %s, does not speak the protocol of %s: check proxies and firewalls.", address, name)
	case push.FailureStranger:
		c.What = fmt.Sprintf("The answer is not from %s: status %d, %s.", name, a.Status, a.Detail)
		c.Do = fmt.Sprintf("A proxy, a firewall or a captive portal is in between: let this server connect to %s past it. If there is none, check the address in %s.", name, address)
	case push.FailureNotSent:
		c.What = fmt.Sprintf("Nothing can be sent to %s: %s.", name, a.Detail)
		c.Do = "Store the credential again."
	default:
		c.Do = "Try again later."
	}
	return c
}
