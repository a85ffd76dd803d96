package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/pemkey"
)

// certificateWait is how long the certificate is used before its files are looked at again, at the next handshake.
const certificateWait = time.Second

// certificate is the listener's certificate. Its files are read again when they have changed, so that whoever renews it need
// not restart the server.
type certificate struct {
	certFile, keyFile string // never change
	log               *slog.Logger

	mu       sync.Mutex
	current  *tls.Certificate // guarded by mu
	cert     []byte           // guarded by mu; the files' contents that current was made of
	key      []byte           // guarded by mu
	lookedAt time.Time        // guarded by mu
	trouble  string           // guarded by mu; what was wrong at the last look, so that it is said once
}

// Certificate is what a server uses after its files were read again.
type Certificate struct {
	Changed    bool // it is another one than before
	ValidUntil time.Time
}

// ReadCertificate reads the certificate's files again. An error says what is wrong with them; the certificate before stays.
// false: the server has none.
func (s *Server) ReadCertificate() (cert Certificate, ok bool, err error) {
	if s.cert == nil {
		return Certificate{}, false, nil
	}
	cert, err = s.cert.lookNow()
	return cert, true, err
}

// loadCertificate reads the files for the first time. The error says which of them is wrong.
func loadCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, lookedAt: time.Now()}
	if _, err := c.read(); err != nil {
		return nil, err
	}
	switch info, err := os.Stat(keyFile); {
	case err != nil: // it was there to be read a moment ago
	case info.Mode().Perm()&0o007 != 0:
		log.Warn("everyone on this machine can open the key of the certificate; run: chmod 600", "file", keyFile)
	case info.Mode().Perm()&0o070 != 0:
		log.Warn("the key of the certificate is open to a group; if nobody else is to read it, run: chmod 600", "file", keyFile)
	}
	return c, nil
}

// get implements tls.Config.GetCertificate. A handshake never fails for what is wrong with new files: the former certificate is kept
// until both files are good and match, as a renewal replaces one before the other.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.lookedAt) >= certificateWait {
		c.lookedAt = now
		c.look()
	}
	return c.current, nil
}

// look reads the files again, and says in the log what came of it, the same trouble once. Each read makes a new error, so the text
// says whether the log would repeat itself; nothing else depends on that. The caller holds mu.
func (c *certificate) look() {
	changed, err := c.read()
	switch {
	case err != nil && err.Error() != c.trouble:
		c.trouble = err.Error()
		c.log.Warn("the new certificate is not used; the former one is kept", "error", err)
	case err == nil:
		c.trouble = ""
		if changed {
			c.log.Info("the certificate's files have changed, and are read again", "file", c.certFile, "valid_until", c.current.Leaf.NotAfter)
		}
	}
}

// lookNow reads the files again, however long ago that was done, for whoever says what came of it.
func (c *certificate) lookNow() (Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookedAt, c.trouble = time.Now(), ""
	changed, err := c.read()
	if err != nil {
		c.trouble = err.Error()
	}
	return Certificate{Changed: changed, ValidUntil: c.current.Leaf.NotAfter}, err
}

// read makes current of what is in the files, and reports whether that is new. The caller holds mu, or is the only one.
func (c *certificate) read() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, fmt.Errorf("tls_cert: %w", err)
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, fmt.Errorf("tls_key: %w", err)
	}
	if c.current != nil && bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil && pemkey.NeedsPassword(string(key)) {
		err = errors.New("is encrypted with a password; want it without: openssl pkcs8 -topk8 -nocrypt -in FILE")
		return false, fmt.Errorf("tls_key: %s %w", c.keyFile, err)
	}
	if err != nil {
		return false, fmt.Errorf("tls_cert (%s) and tls_key (%s): %w", c.certFile, c.keyFile, err)
	}
	c.current, c.cert, c.key = &pair, cert, key
	switch now := time.Now(); {
	case now.After(pair.Leaf.NotAfter):
		c.log.Warn("the certificate has expired: clients refuse it; renew it", "file", c.certFile, "valid_until", pair.Leaf.NotAfter)
	case now.Before(pair.Leaf.NotBefore):
		c.log.Warn("the certificate is not valid yet: clients refuse it until then", "file", c.certFile, "valid_from", pair.Leaf.NotBefore)
	}
	return true, nil
}
