// Package auth finds out who asks: server keys of backends, user tokens (JWTs) of apps, and credentials of devices. It also
// makes their secrets, keeps the installation's two key files, and seals what the store must not hold in the clear.
//
// A secret of one kind is never accepted as another: server keys and credentials are compared by hash with those of their own
// kind in the store, and a user token must verify with a signing key of the app that it names.
package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/push"
)

// Store is what auth asks of the store.
type Store interface {
	ServerKeyByHash(ctx context.Context, hash []byte) (push.ServerKey, error)
	ServerKey(ctx context.Context, app, id string) (push.ServerKey, error)
	App(ctx context.Context, name string) (push.App, error)
	DeviceByCredential(ctx context.Context, hash []byte) (push.Device, error)
	Heard(ctx context.Context, key push.DeviceKey, at time.Time) error
	SigningKey(ctx context.Context, app, kid string) (push.SigningKey, error)
	SigningKeysFrom(ctx context.Context, app, prefix string) ([]push.SigningKey, error)
	PutSigningKey(ctx context.Context, key push.SigningKey) (created bool, err error)
	KeysUsed(ctx context.Context, uses []push.KeyUse) error
}

// Config is what New takes.
type Config struct {
	Store      Store            // required
	RootKey    push.Secret      // the content of root.key; required without Roots
	Roots      *RootKeys        // root keys that can be rotated; beats RootKey
	WakeSecret push.Secret      // required; 32 bytes or more, from which all wake keys are derived
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil discards

	// UserTokenMax is how long a user token may live, whoever signed it; 0 means 744h, which is 31 days.
	UserTokenMax time.Duration
}

// DefaultUserTokenMax is how long a user token may live unless configured otherwise: the longest month.
const DefaultUserTokenMax = 31 * 24 * time.Hour

// Auth finds out who asks. It is safe for concurrent use. It caches no key: a deleted key is refused at once, provided that the
// Store answers no call with what was changed before.
type Auth struct {
	store    Store
	root     *RootKeys
	wakeKeys *wakeKeys
	now      func() time.Time
	log      *slog.Logger
	uses     *uses
	grounds  *grounds
	tokenMax time.Duration // never changes
	ran      atomic.Bool   // Run was called
}

// New makes an Auth. It refuses a configuration without a store, or with a root key or a wake secret that is too short.
func New(c Config) (*Auth, error) {
	if c.Store == nil {
		return nil, errors.New("auth: Store is nil; want one")
	}
	if c.UserTokenMax < 0 {
		return nil, fmt.Errorf("auth: UserTokenMax is %s; want 0 (for %s) or more", c.UserTokenMax, DefaultUserTokenMax)
	}
	if len(c.WakeSecret) < minWakeSecret {
		return nil, fmt.Errorf("auth: WakeSecret has %d bytes; want %d or more", len(c.WakeSecret), minWakeSecret)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Roots == nil {
		if err := checkRootKey(c.RootKey.Reveal()); err != nil {
			return nil, err
		}
		c.Roots = &RootKeys{now: c.Now, secret: c.RootKey, current: newRootKey(c.RootKey.Reveal(), time.Time{})}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	wakeKeys, err := newWakeKeys(c.WakeSecret)
	if err != nil {
		return nil, err
	}
	return &Auth{
		store: c.Store, root: c.Roots, wakeKeys: wakeKeys, now: c.Now, log: c.Logger.With("room", "auth"),
		uses: newUses(), grounds: newGrounds(), tokenMax: cmp.Or(c.UserTokenMax, DefaultUserTokenMax),
	}, nil
}

// UserTokenMax returns how long a user token may live.
func (a *Auth) UserTokenMax() time.Duration { return a.tokenMax }

// Run writes down the use of keys, and ends the sockets and streams whose grounds fell, until ctx ends. Without it neither
// happens. It runs once: another call, at the same time or later, returns at once.
func (a *Auth) Run(ctx context.Context) {
	if a.ran.Swap(true) {
		return
	}
	var loops sync.WaitGroup
	loops.Go(func() { a.writeUses(ctx) })
	loops.Go(func() { a.watchGrounds(ctx) })
	loops.Wait()
}
