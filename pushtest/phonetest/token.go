package phonetest

import "github.com/hushpush/hush/pushtest/phonetest/phoneline"

// RenewToken gives the app a new provider token, as after a restored backup, cleared data or long disuse: the old one is
// the old installation's, which is gone. An app that runs is told; one that does not learns it at its next launch.
func (p *Phone) RenewToken() error {
	p.steps.Lock()
	line := p.line
	p.line = nil
	p.mu.Lock()
	p.token = NewToken(p.spec.Platform)
	e := p.event(phoneline.Event{Kind: phoneline.Token, Token: p.token})
	instance := p.instance
	p.mu.Unlock()
	p.steps.Unlock()
	if line != nil {
		line.Uninstall()
		line.Close()
	}
	if err := p.connect(); err != nil {
		return err
	}
	if instance != nil {
		instance.Send(e) // a suspended app reads it when it runs again
	}
	return nil
}
