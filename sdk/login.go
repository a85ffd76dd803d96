package sdk

import (
	"context"
	"errors"
	"fmt"
)

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

func (c *Client) login(ctx context.Context, wanted *Registration) error {
	ctx, done, err := c.lifetime.call(ctx)
	if err != nil {
		return err
	}
	defer done()
	if !c.registrar.turn.within(ctx) {
		return fmt.Errorf("another registration waits for the server: %w", context.Cause(ctx))
	}
	defer c.registrar.turn.Unlock()
	c.keeper.logIn()
	defer c.keeper.lookAgain() // the session may have waited for this, or goes on with what failed
	if err := c.registrar.login(ctx, wanted); err != nil {
		return err
	}
	return c.registrar.register(ctx)
}

// Logout ends the user's time on this device, at once and also without a network: the session closes, pushes that wait are
// dropped, and so is a wake that is still on its way. The server is told now, or, if it cannot be reached, as soon as it
// can: that is no error. Until the next RegisterPush or Login nothing arrives. An error means that the phone could not save
// the logout.
func (c *Client) Logout(ctx context.Context) error {
	ctx, done, err := c.lifetime.call(ctx)
	if err != nil {
		return fmt.Errorf("sdk: logout: %w", err)
	}
	defer done()
	c.keeper.logOut()
	err = c.registrar.leave()
	c.runner.logOut()
	c.keeper.stop()
	if err != nil {
		return fmt.Errorf("sdk: logout: %w", err)
	}
	c.registrar.unregister(ctx)
	return nil
}
