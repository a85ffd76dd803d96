package sdk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// ErrLoggedOut is the answer to what needs a user after Logout and before the next RegisterPush or Login.
var ErrLoggedOut = errors.New("sdk: logged out")

// RegisterPush registers the device with the token that the system gave the app, for the user of Config.Token; call it at
// every start of the app, and whenever the system gives another token. It ends what Logout began. It is refused when no
// handler is set, the provider token is empty, an iOS registration has no environment, or an Android one has any. If the
// server cannot be reached, the error says so, and the client registers by itself when it next connects.
func (c *Client) RegisterPush(ctx context.Context, r Registration) error {
	if !c.handlers.any() {
		return errors.New("sdk: register push: no handler is set; call OnThroughMessageReceived or SetBackgroundMessageHandler first, so that a push finds one")
	}
	if err := r.check(c.cfg.Platform); err != nil {
		return err
	}
	if err := c.login(ctx, &r); err != nil {
		return fmt.Errorf("sdk: register push: %w", err)
	}
	return nil
}

// Login registers the device without a provider token: it is reached by session and inbox only. An app that never calls
// RegisterPush needs it after a Logout; before one, the client registers so by itself when it connects.
func (c *Client) Login(ctx context.Context) error {
	if err := c.login(ctx, nil); err != nil {
		return fmt.Errorf("sdk: login: %w", err)
	}
	return nil
}

func (c *Client) login(ctx context.Context, r *Registration) error {
	ctx, done, err := c.enter(ctx)
	if err != nil {
		return err
	}
	defer done()
	if !c.registering.within(ctx) {
		return fmt.Errorf("another registration waits for the server: %w", context.Cause(ctx))
	}
	defer c.registering.Unlock()
	c.mu.Lock()
	c.wanted, c.applied, c.leaving = r, false, false
	c.token = ""
	c.mu.Unlock()
	if err := c.finishLogout(ctx); err != nil {
		return err
	}
	if _, err := c.dir.update(func(s *identity) { s.LoggedOut = false }); err != nil {
		return err
	}
	err = c.register(ctx)
	c.look() // the session may have waited for this
	return err
}

// ensureRegistered registers if that is still to be done.
func (c *Client) ensureRegistered(ctx context.Context) (identity, error) {
	if !c.registering.within(ctx) {
		return identity{}, context.Cause(ctx)
	}
	defer c.registering.Unlock()
	if err := c.finishLogout(ctx); err != nil {
		return identity{}, err
	}
	s, err := c.dir.self()
	switch {
	case err != nil:
		return s, err
	case s.LoggedOut:
		return s, ErrLoggedOut
	}
	c.mu.Lock()
	done := c.applied || c.wanted == nil
	c.mu.Unlock()
	if s.Credential != "" && !s.Changing && done {
		return s, nil
	}
	if err := c.register(ctx); err != nil {
		return s, err
	}
	return c.dir.self()
}

// register tells the server who the device is, and writes down what it answers. registering is held. The server's
// refusals say what to change: a new user token, no credential, or another device id; each is tried once.
func (c *Client) register(ctx context.Context) error {
	var tried []string
	for {
		s, err := c.dir.self()
		if err != nil {
			return err
		}
		if s.LoggedOut {
			return ErrLoggedOut
		}
		token, err := c.userToken(ctx)
		if err != nil && s.Credential == "" {
			return err // with a credential, the provider token can be renewed without a user
		}
		user := userOf(token)
		if s, err = c.dir.update(func(s *identity) { s.ask(user) }); err != nil {
			return err
		}
		answer, err := c.calls.register(ctx, who{token: token, credential: s.Credential}, c.registration(s))
		if err == nil {
			return c.registered(s, user, answer)
		}
		code := refused(err)
		if slices.Contains(tried, code) {
			return err
		}
		tried = append(tried, code)
		if amended, failed := c.amend(s, token, code); !amended {
			return errors.Join(err, failed)
		}
	}
}

// amend changes what a refusal says is wrong with a registration; false: nothing can be.
func (c *Client) amend(s identity, token push.Secret, code string) (amended bool, err error) {
	switch {
	case (code == codeTokenExpired || code == codeUnauthenticated) && token != "":
		c.dropToken(token)
	case code == codeRegisterAgain:
		err = c.voidCredential(s.Credential)
	case code == codeDeviceTaken:
		_, err = c.dir.update(func(now *identity) {
			if now.Device == s.Device && (now.Credential == "" || now.Credential == s.Credential) { // else another process has registered meanwhile
				now.Device = uuid.NewString()
				now.forgetOwner()
			}
		})
	default:
		return false, nil
	}
	return err == nil, err
}

// registration is the body to send.
func (c *Client) registration(s identity) protocol.DeviceRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	body := protocol.DeviceRequest{
		DeviceID: s.Device, Platform: c.cfg.Platform, AppState: push.AppState(c.state), Facts: c.cfg.Facts, WakeKeyID: s.Key.ID,
	}
	if r := c.wanted; r != nil {
		body.ProviderToken = &r.ProviderToken
		body.BundleID, body.Package, body.Environment = r.BundleID, r.Package, push.Environment(r.Environment)
	}
	return body
}

// registered writes down what a registration brought. A process that is killed before it has, has lost it: a wake key comes
// with the next registration, which names another one; without the credential that is refused with device_taken, and goes
// on under a new id.
func (c *Client) registered(asked identity, user string, answer protocol.DeviceResponse) error {
	_, err := c.dir.update(func(s *identity) {
		if s.LoggedOut { // meanwhile: what was just given is to be given back
			if answer.Credential != "" {
				s.Unregister = push.Secret(answer.Credential)
			}
			return
		}
		if s.Device != asked.Device || answer.Credential == "" && s.Credential != asked.Credential {
			return // another process has taken a new id, or has registered another owner, whose key this is not
		}
		if answer.Credential != "" {
			s.forgetOwner()
			s.Credential, s.User = push.Secret(answer.Credential), user
		}
		s.keep(answer.WakeKey)
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.applied = true
	c.mu.Unlock()
	c.outbox.signal() // receipts may have waited for a credential
	return nil
}

// voidCredential forgets a credential that the server does not take any more.
func (c *Client) voidCredential(credential push.Secret) error {
	_, err := c.dir.update(func(s *identity) {
		if s.Credential == credential {
			s.forgetOwner()
		}
	})
	return err
}

// userOf is the user that a token names, a JWT (RFC 7519); "" if it is none. Only the server knows whether that is true.
func userOf(token push.Secret) string {
	_, rest, _ := strings.Cut(token.Reveal(), ".")
	claims, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(claims)
	var named struct {
		Sub string `json:"sub"`
	}
	if err != nil || json.Unmarshal(text, &named) != nil {
		return ""
	}
	return named.Sub
}

// userToken is the token in memory, or a new one from the app.
func (c *Client) userToken(ctx context.Context) (push.Secret, error) {
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	if token != "" {
		return token, nil
	}
	fresh, err := c.cfg.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("the app's user token: %w", err)
	}
	if fresh == "" {
		return "", errors.New("the app's user token is empty")
	}
	c.mu.Lock()
	c.token = push.Secret(fresh)
	c.mu.Unlock()
	return push.Secret(fresh), nil
}

// dropToken forgets a user token, so that the app is asked for another.
func (c *Client) dropToken(token push.Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}

// Logout ends the user's time on this device, at once and also without a network: the session closes, pushes that wait are
// dropped, and a wake that is still on its way will be. The server is told now, or, if it cannot be reached, as soon as it
// can: that is no error. Until the next RegisterPush or Login nothing arrives. An error says that the phone could not write
// it down.
func (c *Client) Logout(ctx context.Context) error {
	ctx, done, err := c.enter(ctx)
	if err != nil {
		return fmt.Errorf("sdk: logout: %w", err)
	}
	defer done()
	c.mu.Lock()
	c.leaving, c.wanted, c.token = true, nil, ""
	c.mu.Unlock()
	_, err = c.dir.update(func(s *identity) {
		if s.Credential != "" {
			s.Unregister = s.Credential
		}
		s.forgetOwner()
		s.LoggedOut = true
	})
	c.stopUser()
	if err != nil {
		return fmt.Errorf("sdk: logout: %w", err)
	}
	if !c.registering.within(ctx) { // a registration waits for the server
		c.retryLogout()
		return nil
	}
	defer c.registering.Unlock()
	if err := c.finishLogout(ctx); err != nil {
		c.log.Info("the server is told of the logout later", "error", err)
		c.retryLogout()
	}
	return nil
}

// finishLogout tells the server of a logout that it does not know of yet, with the receipts that are still to go.
// registering is held.
func (c *Client) finishLogout(ctx context.Context) error {
	s, err := c.dir.self()
	if err != nil || s.Unregister == "" {
		return err
	}
	if receipts, err := c.dir.unsent(protocol.MaxReceipts); err == nil && len(receipts) > 0 {
		_, _ = c.calls.receipts(ctx, who{credential: s.Unregister}, receipts) // the last chance; they are worth no retry
	}
	err = c.calls.unregister(ctx, who{credential: s.Unregister})
	var refusal *Error
	if err != nil && !(errors.As(err, &refusal) && refusal.Code != "" && refusal.Status < 500 && refusal.Status != 429) {
		return fmt.Errorf("unregister: %w", err) // not refused for good: the server may not know yet
	}
	if err := c.dir.forgetReceipts(); err != nil {
		return err
	}
	_, err = c.dir.update(func(now *identity) {
		if now.Unregister == s.Unregister {
			now.Unregister = ""
		}
	})
	return err
}

// retryLogout keeps telling the server of a logout until it knows, or the client closes.
func (c *Client) retryLogout() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retrying || c.base.Err() != nil {
		return
	}
	c.retrying = true
	c.goes.Add(1)
	go func() {
		defer c.goes.Done()
		for try := 1; ; try++ {
			if !sleep(c.base, backoff(try, jitter())) {
				return
			}
			if !c.registering.within(c.base) {
				return
			}
			err := c.finishLogout(c.base)
			c.registering.Unlock()
			if err == nil {
				c.mu.Lock()
				c.retrying = false
				c.mu.Unlock()
				return
			}
		}
	}()
}

// sleep waits; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
