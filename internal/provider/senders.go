package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// Credentials is what a provider's client needs to know of apps.
type Credentials interface {
	// Credential returns an app's credential at a provider; push.ErrNotFound if it has none.
	Credential(ctx context.Context, app string, p push.Provider) (push.Credential, push.CredentialInfo, error)
}

// credentialAge is how long an app's credential is used before the store is asked again: another node may have stored a
// new one.
const credentialAge = 30 * time.Second

// Senders keeps one sender per credential, made when it is first needed. Apps with the same credential share it; two
// credentials never share a connection.
type Senders struct {
	credentials Credentials
	provider    push.Provider
	parse       func(id string, c push.Credential) (Sender, error)
	now         func() time.Time
	drain       time.Duration

	closing sync.WaitGroup // senders that finish what is in flight

	mu     sync.Mutex
	closed bool              // guarded by mu
	apps   map[string]known  // guarded by mu; by app
	byID   map[string]Sender // guarded by mu; by credential
}

type known struct {
	sender Sender
	at     time.Time // when the store was asked
}

// NewSenders makes an empty set. parse makes a sender of a credential; id names the credential and is no secret. A sender
// that is dropped has drain to finish what is in flight.
func NewSenders(c Credentials, p push.Provider, now func() time.Time, drain time.Duration,
	parse func(id string, c push.Credential) (Sender, error),
) *Senders {
	return &Senders{
		credentials: c, provider: p, parse: parse, now: now, drain: drain,
		apps: map[string]known{}, byID: map[string]Sender{},
	}
}

// Of returns the sender of an app. Its errors are the store's (push.ErrNotFound: the app has no credential), push.FieldErrors for a
// stored credential that is invalid, and push.ErrUnavailable after Close.
func (s *Senders) Of(ctx context.Context, app string) (Sender, error) {
	now := s.now()
	s.mu.Lock()
	k, ok := s.apps[app]
	if s.closed {
		s.mu.Unlock()
		return nil, push.ErrUnavailable
	}
	if ok && now.Sub(k.at) < credentialAge {
		s.mu.Unlock()
		return k.sender, nil
	}
	if ok { // one asks; the others go on with what is known
		s.apps[app] = known{sender: k.sender, at: now}
	}
	s.mu.Unlock()
	found, id, err := s.load(ctx, app)
	if err != nil {
		s.fail(app, err)
		return nil, err
	}
	return s.add(app, id, found, now)
}

// load asks the store for an app's credential, and makes a sender of it unless there is one.
func (s *Senders) load(ctx context.Context, app string) (Sender, string, error) {
	cred, _, err := s.credentials.Credential(ctx, app, s.provider)
	if err != nil {
		return nil, "", fmt.Errorf("look up the credential: %w", err)
	}
	id := Identity(cred)
	s.mu.Lock()
	found, ok := s.byID[id]
	s.mu.Unlock()
	if !ok {
		found, err = s.parse(id, cred)
	}
	return found, id, err
}

// add adds an app's sender, unless another has been added for the same credential meanwhile. A sender that no app uses any more is
// dropped: another node has stored a new credential.
func (s *Senders) add(app, id string, found Sender, asked time.Time) (Sender, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, push.ErrUnavailable
	}
	if other, ok := s.byID[id]; ok {
		found = other
	}
	was, had := s.apps[app]
	s.byID[id] = found
	s.apps[app] = known{sender: found, at: asked}
	if had && was.sender != found && !s.used(was.sender) {
		s.drop(was.sender)
	}
	return found, nil
}

// fail makes the next wake ask the store again; an app that no longer has a credential has no sender either.
func (s *Senders) fail(app string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.apps[app]
	if !ok || s.closed {
		return
	}
	if !errors.Is(err, push.ErrNotFound) {
		s.apps[app] = known{sender: k.sender}
		return
	}
	delete(s.apps, app)
	if !s.used(k.sender) {
		s.drop(k.sender)
	}
}

// used reports whether any app has the sender. The caller holds mu.
func (s *Senders) used(one Sender) bool {
	for _, k := range s.apps {
		if k.sender == one {
			return true
		}
	}
	return false
}

// drop forgets a sender, and closes it once its connections have answered. The caller holds mu.
func (s *Senders) drop(one Sender) {
	for id, other := range s.byID {
		if other == one {
			delete(s.byID, id)
		}
	}
	for app, k := range s.apps {
		if k.sender == one {
			delete(s.apps, app)
		}
	}
	s.closing.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.drain)
		defer cancel()
		one.Close(ctx)
	})
}

// Identity returns the id of the sender that a credential needs: the same for equal credentials only. It reveals nothing of a
// secret. Topics do not count: they are the provider's to know.
func Identity(cred push.Credential) string {
	sum := sha256.New()
	add := func(field string) { fmt.Fprintf(sum, "%d:%s", len(field), field) } // its length, so that no two lists of fields are alike
	if c := cred.APNs; c != nil {
		for _, field := range []string{"apns", c.Key.Reveal(), c.KeyID, c.TeamID, string(c.P12), c.Password.Reveal()} {
			add(field)
		}
	}
	if c := cred.FCM; c != nil {
		add("fcm")
		add(string(c.ServiceAccount))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Doubt makes the app's next wake ask the store again: its credential was refused, and there may be a new one.
func (s *Senders) Doubt(app string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.apps[app]; ok {
		k.at = time.Time{}
		s.apps[app] = k
	}
}

// Forget drops the app's sender, and its connections once they have answered: a connection is bound to what the provider
// knew when it was opened. Other apps that share it get a new one, too.
func (s *Senders) Forget(app string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.apps[app]; ok && !s.closed {
		s.drop(k.sender)
	}
}

// Close closes all senders at once, and waits for those that were dropped.
func (s *Senders) Close() {
	s.mu.Lock()
	s.closed = true
	all := s.byID
	s.byID, s.apps = map[string]Sender{}, map[string]known{}
	s.mu.Unlock()
	for _, one := range all {
		CloseNow(one)
	}
	s.closing.Wait()
}

// CloseNow closes a sender without waiting for what is in flight.
func CloseNow(s Sender) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	s.Close(ended)
}
