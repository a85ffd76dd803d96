package auth

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hushpush/hush/push"
)

// groundsPer is how often grounds are checked without a hint: for keys that reach their end, and for changes by another
// process. When a ground falls, its sockets and streams end within 5 s.
const groundsPer = 2 * time.Second

// grounds is what open sockets and streams depend on.
type grounds struct {
	hint chan struct{} // 1 place: something may have fallen

	mu      sync.Mutex
	holders map[push.Ground]map[*holder]struct{} // guarded by mu
}

// holder is one socket or stream.
type holder struct{ end func(why error) }

func newGrounds() *grounds {
	return &grounds{hint: make(chan struct{}, 1), holders: map[push.Ground]map[*holder]struct{}{}}
}

// Hold calls end once if g falls: it is deleted, replaced, or reaches its end. why is push.ErrTokenExpired if a new user token
// helps, push.ErrRegisterAgain if the app is gone, and push.ErrUnauthenticated for a server key. end must not wait. release
// ends the watch and may be called twice; end may still be running when it returns.
func (a *Auth) Hold(g push.Ground, end func(why error)) (release func()) {
	h := &holder{end: end}
	s := a.grounds
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders[g] == nil {
		s.holders[g] = map[*holder]struct{}{}
	}
	s.holders[g][h] = struct{}{}
	return func() { s.release(g, h) }
}

func (s *grounds) release(g push.Ground, h *holder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.holders[g], h)
	if len(s.holders[g]) == 0 {
		delete(s.holders, g)
	}
}

// GroundsChanged is a hint that a key or an app was deleted or replaced, so that what depends on it ends at once.
func (a *Auth) GroundsChanged() {
	select {
	case a.grounds.hint <- struct{}{}:
	default:
	}
}

// watchGrounds ends what depends on a ground that fell, until ctx ends.
func (a *Auth) watchGrounds(ctx context.Context) {
	every := time.NewTicker(groundsPer)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-a.grounds.hint:
		}
		a.checkGrounds(ctx)
	}
}

// checkGrounds looks each ground up once, however many depend on it. A ground that cannot be looked up is taken to stand.
func (a *Auth) checkGrounds(ctx context.Context) {
	a.grounds.mu.Lock()
	leanedOn := slices.Collect(maps.Keys(a.grounds.holders))
	a.grounds.mu.Unlock()
	for _, g := range leanedOn {
		why, err := a.fallen(ctx, g)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			a.log.Warn("a key could not be looked up", "kind", string(g.Kind), "app", g.App, "key", g.ID, "error", err)
			return // so is the next one, most likely
		}
		if why != nil {
			a.grounds.end(g, why)
		}
	}
}

func (s *grounds) end(g push.Ground, why error) {
	s.mu.Lock()
	holders := s.holders[g]
	delete(s.holders, g)
	s.mu.Unlock()
	for h := range holders {
		h.end(why)
	}
}

// fallen returns why g has fallen; nil if it stands.
func (a *Auth) fallen(ctx context.Context, g push.Ground) (why, err error) {
	switch g.Kind {
	case push.GroundRoot:
		if a.root.stands(g.ID) {
			return nil, nil
		}
		return push.ErrUnauthenticated, nil
	case push.GroundServerKey:
		key, err := a.store.ServerKey(ctx, g.App, g.ID)
		return whyFallen(err, key.Ground() == g && !key.Expired(a.now()), push.ErrUnauthenticated)
	case push.GroundSigningKey:
		key, err := a.store.SigningKey(ctx, g.App, g.ID)
		why, err := whyFallen(err, key.Ground() == g && !key.Expired(a.now()), push.ErrTokenExpired)
		if why == nil {
			return nil, err
		}
		if _, err := a.store.App(ctx, g.App); errors.Is(err, push.ErrNotFound) {
			why = push.ErrRegisterAgain // no token helps
		}
		return why, nil
	case push.GroundApp:
		app, err := a.store.App(ctx, g.App)
		return whyFallen(err, app.Ground() == g, push.ErrRegisterAgain)
	}
	return nil, nil
}

// whyFallen interprets the store's answer on a ground: otherwise is why it has fallen, if it does not stand.
func whyFallen(err error, stands bool, otherwise error) (why, failed error) {
	switch {
	case errors.Is(err, push.ErrNotFound):
		return otherwise, nil
	case err != nil:
		return nil, err
	case stands:
		return nil, nil
	}
	return otherwise, nil
}
