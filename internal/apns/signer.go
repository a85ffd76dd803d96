package apns

import (
	"crypto/ecdsa"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hushpush/hush/push"
)

// Ages of a provider token (Apple, "Establishing a token-based connection to APNs"): it is good for an hour, and a new
// one more often than every 20 minutes is refused.
const (
	renewAge = 50 * time.Minute
	youngAge = 20 * time.Minute
	oldAge   = time.Hour
)

// signer holds the provider token of one key, shared by all of its connections in every environment.
type signer struct {
	key    *ecdsa.PrivateKey // never changes
	keyID  string            // never changes
	teamID string            // never changes
	now    func() time.Time

	mu       sync.Mutex
	token    push.Secret // guarded by mu; signed while it is held, so that it is done once
	at       time.Time   // guarded by mu; when token was signed
	former   push.Secret // guarded by mu; the token before it
	formerAt time.Time   // guarded by mu
	forcedAt time.Time   // guarded by mu; when a token was last signed before its time
	keep     time.Time   // guarded by mu; no new token is signed before it: APNs would not have one
}

// current returns the token to send with, signed anew if it is due.
func (s *signer) current() (push.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.token != "" && (now.Sub(s.at) < renewAge || now.Before(s.keep)) {
		return s.token, nil
	}
	return s.token, s.sign()
}

// expired is called when APNs said ExpiredProviderToken to a token. It reports whether there is another to try: one that
// somebody has signed meanwhile, or a new one. Before its time a new one is signed once in 20 minutes, no more.
func (s *signer) expired(refused push.Secret) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != refused {
		return true, nil
	}
	now := s.now()
	if now.Sub(s.at) < youngAge {
		if !s.forcedAt.IsZero() && now.Sub(s.forcedAt) < youngAge {
			return false, nil
		}
		s.forcedAt = now
	}
	return true, s.sign()
}

// tooMany is called when APNs said TooManyProviderTokenUpdates to a token: the one before it is taken up again, if it is
// still good. It reports whether there is another token to try.
func (s *signer) tooMany(refused push.Secret) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != refused {
		return true
	}
	now, end := s.now(), s.formerAt.Add(oldAge)
	if s.former == "" || !now.Before(end) {
		return false
	}
	s.keep = now.Add(youngAge)
	if end.Before(s.keep) {
		s.keep = end
	}
	s.token, s.at, s.former, s.formerAt = s.former, s.formerAt, "", time.Time{}
	return true
}

// sign makes a new token. The caller holds mu.
func (s *signer) sign() error {
	now := s.now()
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": s.teamID, "iat": now.Unix()})
	t.Header["kid"] = s.keyID
	signed, err := t.SignedString(s.key)
	if err != nil {
		return fmt.Errorf("sign a provider token: %w", err)
	}
	s.former, s.formerAt = s.token, s.at
	s.token, s.at = push.Secret(signed), now
	return nil
}
