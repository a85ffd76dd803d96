package worldtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// roster makes the phones of a world, and changes them.
type roster struct {
	fleet     *phonetest.Fleet // never changes
	providers providers
	clock     *clock
	app       phonetest.App // on every phone whose spec has none
	appID     string
	allEvents bool // the app is told of more than pushes
}

// maxPhones bounds how many phones a world holds, and maxProcesses how many of them if the app is a command.
const (
	maxPhones    = 200_000
	maxProcesses = 2_000
)

// create makes the phone that a body describes. After an error there is none.
func (r *roster) create(ctx context.Context, b NewPhone) (*phonetest.Phone, error) {
	end, err := r.clock.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	platform, state := phonetest.Platform(b.Platform), stateOf(b.State)
	if err := checkState(platform, state); err != nil {
		return nil, err
	}
	if b.Phone != "" && r.fleet.Phone(b.Phone) != nil {
		return nil, rest.InvalidField("body.phone", "is the name of another phone")
	}
	if b.Token != "" && r.providers.whose(b.Token) != "" {
		return nil, rest.InvalidField("body.token", "is known already; a phone has one of its own")
	}
	if most := r.most(); r.fleet.Len() >= most {
		return nil, rest.Invalid(rest.Fault{Location: "body", Code: "too_many", Message: fmt.Sprintf("%d phones are there already", most)})
	}
	spec := phonetest.Spec{
		Platform: platform, Name: b.Phone, Token: b.Token, AppID: b.App, Environment: b.Environment, State: state,
		Bucket:  phonetest.StandbyBucket(b.Bucket),
		Offline: b.Online != nil && !*b.Online,
	}
	if b.OSVersion != nil {
		spec.OSVersion = *b.OSVersion
	}
	p, err := r.add(ctx, spec)
	if err != nil {
		return nil, problemOf(err, "state")
	}
	b.Conditions.applyTo(p)
	return p, nil
}

// most returns how many phones there may be.
func (r *roster) most() int {
	switch r.app.(type) {
	case ShellCommand, phonetest.Command:
		return maxProcesses
	}
	return maxPhones
}

// add puts a phone into the world, as [phonetest.Fleet.Add] does; what the spec leaves out of App, AppID and Environment is
// the world's.
func (r *roster) add(ctx context.Context, s phonetest.Spec) (*phonetest.Phone, error) {
	if s.App == nil {
		s.App = r.app
	}
	if s.AppID == "" {
		s.AppID = r.appID
		if s.Platform == phonetest.Android { // whose packages have no hyphens
			s.AppID = strings.ReplaceAll(s.AppID, "-", "_")
		}
	}
	if s.Platform == phonetest.IOS && s.Environment == "" {
		s.Environment = string(r.providers.apns.Environment())
	}
	s.PushesOnly = !r.allEvents
	return r.fleet.Add(ctx, s)
}

// change makes the changes of a body to a phone.
func (r *roster) change(ctx context.Context, p *phonetest.Phone, b PhoneChange) error {
	end, err := r.clock.hold(ctx)
	if err != nil {
		return err
	}
	defer end()
	state := stateOf(b.State)
	if err := checkState(p.Platform(), state); err != nil {
		return err
	}
	if state == phonetest.NeverRun && !b.Reinstall {
		return rest.InvalidField("body.state", "never-run goes with reinstall only: the app may have run")
	}
	if b.Reinstall {
		if state == "" {
			state = view(p).State
		}
		if err := p.Reinstall(ctx); err != nil {
			return problemOf(err, "reinstall")
		}
	}
	if b.ScreenLock != nil {
		p.SetScreenLock(*b.ScreenLock)
	}
	if b.Restart {
		p.Restart()
	}
	if err := b.bring(ctx, p, state); err != nil {
		return problemOf(err, "state")
	}
	b.Conditions.applyTo(p)
	if b.Shown {
		p.Shown()
	}
	if b.Advance != nil {
		p.Advance(b.Advance.Std())
	}
	return nil
}

// problemOf makes an answer of the control API out of why a phone could not be made or changed.
func problemOf(err error, field string) error {
	var p *rest.Problem
	if !errors.As(err, &p) {
		return rest.InvalidField("body."+field, err.Error())
	}
	out := *p
	out.Errors = nil
	for _, e := range p.Errors {
		if e.Location == "body.topic" || e.Location == "body.package" {
			e.Location = "body.app"
		}
		out.Errors = append(out.Errors, e)
	}
	out.Detail = cmp.Or(rest.Invalid(out.Errors...).Detail, p.Detail)
	return &out
}
