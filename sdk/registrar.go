package sdk

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// ErrLoggedOut is the answer to what needs a user after Logout and before the next RegisterPush or Login.
var ErrLoggedOut = errors.New("sdk: logged out")

// registrar is the client's registration and identity: who the device is to the server. The device's id, credential and wake
// keys are on disk (identity); in memory is what the app asked for.
type registrar struct {
	*shared
	tokens     *userTokens
	registered func() // called after each registration, with turn held; it must not wait; never changes

	turn turnstile // held for one registration, or one try to tell the server of a logout; taken before mu

	mu       sync.Mutex
	wanted   *Registration // guarded by mu; what RegisterPush asked for
	applied  bool          // guarded by mu; the server has it
	retrying bool          // guarded by mu; a goroutine keeps telling the server of a logout
}

func newRegistrar(s *shared, registered func()) *registrar {
	return &registrar{shared: s, tokens: &userTokens{ask: s.cfg.Token}, registered: registered, turn: make(turnstile, 1)}
}

// login makes wanted what the device is registered with, for the user of the next token, and ends what Logout began. The
// caller registers then. turn is held.
func (r *registrar) login(ctx context.Context, wanted *Registration) error {
	r.mu.Lock()
	r.wanted, r.applied = wanted, false
	r.mu.Unlock()
	r.tokens.forget()
	// First what the app wants, which is on disk then: if the server cannot be told of the logout now, ensure goes on with both.
	if _, err := r.dir.update(func(i *identity) { i.LoggedOut = false }); err != nil {
		return err
	}
	return r.finishLogout(ctx)
}

// ensure registers the device if that is still to be done, and returns who it is then.
func (r *registrar) ensure(ctx context.Context) (identity, error) {
	if !r.turn.within(ctx) {
		return identity{}, context.Cause(ctx)
	}
	defer r.turn.Unlock()
	if err := r.finishLogout(ctx); err != nil {
		return identity{}, err
	}
	i, err := r.dir.self()
	switch {
	case err != nil:
		return i, err
	case i.LoggedOut:
		return i, ErrLoggedOut
	}
	r.mu.Lock()
	done := r.applied || r.wanted == nil
	r.mu.Unlock()
	if i.Credential != "" && !i.Changing && done {
		return i, nil
	}
	if err := r.register(ctx); err != nil {
		return i, err
	}
	return r.dir.self()
}

// again registers the device anew, because a session's user token is another user's than the device's.
func (r *registrar) again(ctx context.Context) error {
	if !r.turn.within(ctx) {
		return context.Cause(ctx)
	}
	defer r.turn.Unlock()
	return r.register(ctx)
}

// underWay waits for a registration that is being made, if one is, and returns who the device is after it.
func (r *registrar) underWay(ctx context.Context) (identity, error) {
	if !r.turn.within(ctx) {
		return identity{}, context.Cause(ctx)
	}
	r.turn.Unlock()
	return r.dir.self()
}

// register tells the server who the device is, and saves what it answers. turn is held. A refusal says what to change: a new
// user token, no credential, or another device id; each is tried once.
func (r *registrar) register(ctx context.Context) error {
	var tried []string
	for {
		i, err := r.dir.self()
		if err != nil {
			return err
		}
		if i.LoggedOut {
			return ErrLoggedOut
		}
		token, err := r.tokens.get(ctx)
		if err != nil && i.Credential == "" {
			return err // with a credential, the provider token can be renewed without a user
		}
		user := userOf(token)
		if i, err = r.dir.update(func(i *identity) { i.requestedBy(user) }); err != nil {
			return err
		}
		answer, err := r.calls.register(ctx, who{token: token, credential: i.Credential}, r.body(i))
		if err == nil {
			return r.accept(i, user, answer)
		}
		code := refused(err)
		if slices.Contains(tried, code) {
			return err
		}
		tried = append(tried, code)
		if amended, failed := r.amend(i, token, code); !amended {
			return errors.Join(err, failed)
		}
	}
}

// body returns what is sent to register.
func (r *registrar) body(i identity) protocol.DeviceRequest {
	body := protocol.DeviceRequest{
		DeviceID: i.Device, Platform: r.cfg.Platform, AppState: r.app.get(), Facts: r.cfg.Facts, WakeKeyID: i.Key.ID,
	}
	r.mu.Lock()
	wanted := r.wanted
	r.mu.Unlock()
	if wanted != nil {
		body.ProviderToken = &wanted.ProviderToken
		body.BundleID, body.Package, body.Environment = wanted.BundleID, wanted.Package, wanted.Environment
	}
	return body
}

// amend changes what a refusal says is wrong with a registration, and reports false if there is nothing to change.
func (r *registrar) amend(i identity, token push.Secret, code string) (amended bool, err error) {
	switch {
	case (code == codeTokenExpired || code == codeUnauthenticated) && token != "":
		r.tokens.refuse(token)
	case code == codeRegisterAgain:
		err = r.forgetCredential(i.Credential)
	case code == codeDeviceTaken:
		_, err = r.dir.update(func(now *identity) {
			if now.Device == i.Device && (now.Credential == "" || now.Credential == i.Credential) { // else another process has registered meanwhile
				now.Device = uuid.NewString()
				now.forgetOwner()
			}
		})
	default:
		return false, nil
	}
	return err == nil, err
}

// accept saves what a registration brought. A process that is killed before that loses it. A lost wake key comes again with
// the next registration, which names another one. Without a lost credential the next registration is refused with
// device_taken, and goes on under a new id.
func (r *registrar) accept(asked identity, user string, answer protocol.DeviceResponse) error {
	_, err := r.dir.update(func(i *identity) {
		if i.LoggedOut { // meanwhile: the credential is to be given back
			if answer.Credential != "" {
				i.Unregister = push.Secret(answer.Credential)
			}
			return
		}
		if i.Device != asked.Device || answer.Credential == "" && i.Credential != asked.Credential {
			return // another process has taken a new id, or has registered another owner, whose key this is not
		}
		if answer.Credential != "" {
			i.forgetOwner()
			i.Credential, i.User = push.Secret(answer.Credential), user
		}
		i.addKey(answer.WakeKey)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.applied = true
	r.mu.Unlock()
	r.registered()
	return nil
}

// forgetCredential forgets a credential that the server does not take any more, so that the next foreground registers again.
func (r *registrar) forgetCredential(credential push.Secret) error {
	_, err := r.dir.update(func(i *identity) {
		if i.Credential == credential {
			i.forgetOwner()
		}
	})
	return err
}
