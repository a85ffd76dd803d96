package h2push

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"reflect"
	"syscall"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/push"
)

// What the lines below look for, where no type of Go's says it.
var (
	errReset = errors.New("the peer reset the stream")
	errGoing = errors.New("the peer is closing the connection")
	errBroke = errors.New("the peer broke HTTP/2")
)

// FailureOf returns the class of an error that left a request without an answer, of Do or of net/http. The first line that fits
// counts: what a lower layer said is more exact than what came of it.
func FailureOf(err error) push.Failure {
	for _, line := range []struct {
		fits  bool
		class push.Failure
	}{
		{is(err, push.ErrStopping, ErrClosed), push.FailureStopping},
		{as[*ProxyError](err), push.FailureProxy},
		{isTimeout(err), push.FailureTimeout},
		{as[*net.DNSError](err), push.FailureNoSuchHost},
		{is(err, syscall.ECONNREFUSED), push.FailureRefused},
		{is(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN), push.FailureUnreachable},
		{isUntrusted(err), push.FailureUntrusted},
		{IsAlert(err) || as[tls.RecordHeaderError](err), push.FailureTLS},
		{is(err, syscall.ECONNRESET, syscall.ECONNABORTED, errReset) || isReset(err), push.FailureReset},
		{is(err, errDrained, errRetired, errNoSpeech, errGoing, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE), push.FailureLost},
		{is(err, errNoHTTP2, errBadHead, errBroke) || noHTTP2(err) || as[http2.ConnectionError](err), push.FailureProtocol},
	} {
		if line.fits {
			return line.class
		}
	}
	return push.FailureOther
}

func is(err error, any ...error) bool {
	for _, one := range any {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// isTimeout reports whether any error in the chain says that it is one: one that wraps another may not know.
func isTimeout(err error) bool {
	var t interface {
		error
		Timeout() bool
	}
	for errors.As(err, &t) {
		if t.Timeout() {
			return true
		}
		err = errors.Unwrap(t)
	}
	return false
}

// isReset reports whether a stream of net/http was reset. A stream error of our own connections is that the peer broke HTTP/2.
func isReset(err error) bool { return as[http2.StreamError](err) && !is(err, errBroke) }

func isUntrusted(err error) bool {
	return as[*tls.CertificateVerificationError](err) || as[x509.UnknownAuthorityError](err) || as[x509.HostnameError](err) ||
		as[x509.CertificateInvalidError](err)
}

// IsAlert reports whether the peer ended the TLS connection by an alert, as it does when it takes no such certificate. One
// that does not speak HTTP/2 says so by an alert too; that is not about a certificate.
func IsAlert(err error) bool {
	number, ok := alert(err)
	return ok && number != noApplicationProtocol
}

func noHTTP2(err error) bool {
	number, ok := alert(err)
	return ok && number == noApplicationProtocol
}

const noApplicationProtocol = 120 // RFC 7301, section 3.2

// alert returns the number of the alert by which the peer ended the TLS connection; ok is false for any other error. The alert
// in a *net.OpError of crypto/tls is of a type that is not exported, a uint8.
func alert(err error) (number uint64, ok bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		number = v.Uint()
	}
	return number, true
}
