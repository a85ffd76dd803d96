package push

// Failure is the class of what prevented a provider's answer to a wake. Logs and timelines use the same strings.
type Failure string

// The classes of failures. A wake that was refused, could not be connected or was not sent has certainly not been taken. For
// the others the event says whether that is unclear.
const (
	FailureNone        Failure = ""
	FailureNoSuchHost  Failure = "no_such_host"          // the provider's name was not resolved
	FailureRefused     Failure = "refused"               // the host refused the connection
	FailureUnreachable Failure = "unreachable"           // there is no way to the host
	FailureProxy       Failure = "proxy"                 // the proxy on the way did not make the connection
	FailureUntrusted   Failure = "untrusted_certificate" // the host's certificate is not one that we trust for its name
	FailureTLS         Failure = "tls"                   // TLS came to nothing for another reason: an alert, or no TLS at all
	FailureProtocol    Failure = "protocol"              // the peer does not speak HTTP as the provider does
	FailureTimeout     Failure = "timeout"               // no answer in time; the detail says which clock ran out
	FailureReset       Failure = "reset"                 // the peer reset the connection or the request
	FailureLost        Failure = "lost"                  // the connection ended before the answer
	FailureStopping    Failure = "stopping"              // the server was stopping
	FailureNotSent     Failure = "not_sent"              // nothing was sent: no credential, or none that can be used
	FailureStranger    Failure = "not_the_provider"      // somebody answered who is not the provider, such as a proxy
	FailureOther       Failure = "other"                 // the detail has all that is known
)

// Failures lists what can prevent a provider's answer to a wake.
func Failures() []Failure {
	return []Failure{
		FailureNoSuchHost, FailureRefused, FailureUnreachable, FailureProxy, FailureUntrusted, FailureTLS, FailureProtocol,
		FailureTimeout, FailureReset, FailureLost, FailureStopping, FailureNotSent, FailureStranger, FailureOther,
	}
}
