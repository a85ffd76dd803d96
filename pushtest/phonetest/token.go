package phonetest

import (
	"context"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// RenewToken gives the app a new provider token, as after a restored backup, cleared data or long disuse: the old one is
// the old installation's, which is gone. An app that runs is told; one that does not learns it at its next launch.
func (p *Phone) RenewToken() error {
	if err := p.replaceToken(); err != nil {
		return err
	}
	p.inform(phoneline.Event{Kind: phoneline.Token, Token: p.Token()}) // a suspended app reads it when it runs again
	return nil
}

// Reinstall is the person deleting the app and installing it anew: the old installation is uninstalled, which its provider
// finds out with the next push, and with it goes all that was held or counted for the app. The new one has a new token and
// has never run; bring it where it is wanted with SetState.
func (p *Phone) Reinstall(_ context.Context) error {
	p.steps.Lock()
	p.kill(NeverRun, "it is uninstalled")
	p.mu.Lock()
	p.queue = nil
	p.discardHeld(HeldLost)
	p.bucket = bucket{}
	p.standby = standby{osVersion: p.standby.osVersion}
	p.mu.Unlock()
	p.enter(NeverRun)
	p.steps.Unlock()
	return p.replaceToken()
}

// maxFormer is how many former installations a phone keeps a line for.
const maxFormer = 8

// replaceToken uninstalls at the provider what the old token names, and makes a new one known.
func (p *Phone) replaceToken() error {
	p.steps.Lock()
	if p.line != nil {
		p.line.Uninstall()
		p.former = appendBounded(p.former, p.line, maxFormer) // on-line with the phone: that is how the provider finds out
	}
	p.mu.Lock()
	p.line, p.serviceKeeps = nil, false
	p.token = p.fleet.newToken(p.spec.Platform)
	p.mu.Unlock()
	p.steps.Unlock()
	return p.connect()
}
