package push

import (
	"cmp"
	"fmt"
	"time"
)

// Accepting has the rules by which a push becomes deliveries: who is meant, when it expires, what happens for a user without a
// device, and what a collapse key supersedes. They are plain functions. The store runs them in its transactions, and a dry run
// calls the same ones.
type Accepting struct {
	AckWait time.Duration // how long a session has to acknowledge
}

// Recipient is one target of a push, for which it makes a delivery: a device, or a user without one (Device is "").
type Recipient struct {
	Device       string
	User         string
	Platform     Platform
	Generation   int   // the device's owner generation
	Holder       int64 // of the row; see Row
	RegisteredAt time.Time
}

// Registry looks up those whom a push names.
type Registry interface {
	// User returns a user's devices, and whether the user has ever been seen.
	User(id string) (devices []Recipient, seen bool)
	// Device returns a registered device.
	Device(id string) (d Recipient, ok bool)
}

// Recipients returns the targets of an audience that names users or devices, each once, with a warning for each user never
// seen. The error is a FieldErrors that names the devices that are not registered; the recipients returned beside it are the
// registered ones.
func (Accepting) Recipients(to Audience, known Registry) (all []Recipient, warnings []Warning, err error) {
	done := map[string]bool{}
	for _, user := range to.Users {
		if done[user] {
			continue
		}
		done[user] = true
		devices, seen := known.User(user)
		if !seen {
			warnings = append(warnings, Warning{Code: UserNotSeen, User: user})
		}
		if len(devices) == 0 {
			all = append(all, Recipient{User: user})
		}
		all = append(all, devices...)
	}
	var errs FieldErrors
	for i, id := range to.Devices {
		if done[id] {
			continue
		}
		done[id] = true
		d, ok := known.Device(id)
		if !ok {
			errs.Add(fmt.Sprintf("to.devices[%d]", i), CodeUnknownDevice, fmt.Sprintf("is %q; want a registered device", id))
			continue
		}
		all = append(all, d)
	}
	return all, warnings, errs.Err()
}

// Placement is a delivery as it is made, or as it is handed over to a device.
type Placement struct {
	Delivery
	CollapseKey string // what is open on the device under it, and older, is superseded; "": nothing is
	Events      []Event
}

// Ending makes a delivery final at the moment it is made. Its zero value leaves it open.
type Ending struct {
	State State
	Why   Reason
	At    time.Time
}

// Place returns the delivery that a push makes for a recipient at now. A push with a deliver_at was scheduled first.
func (a Accepting) Place(p Push, r Resource, to Recipient, now time.Time, end Ending) Placement {
	out := Placement{CollapseKey: r.CollapseKey(p, to.Platform), Delivery: Delivery{
		PushID: p.ID, App: p.App, DeviceID: to.Device, User: to.User, ResourceID: r.ID, State: Waiting, Since: p.Start(),
		AcceptedAt: p.AcceptedAt, ExpiresAt: a.ExpiresAt(p, r, to.Platform), NowOrNever: r.TTL(p, to.Platform) == 0,
		Deliver: cmp.Or(p.Deliver, Auto), Generation: to.Generation, PayloadBytes: len(p.Payload), Row: Row{Holder: to.Holder},
	}}
	if len(p.Payload) <= MaxWakePayload {
		if out.Payload = p.Payload; p.Payload == nil {
			out.Payload = []byte{}
		}
	}
	at := p.AcceptedAt
	if p.DeliverAt.After(p.AcceptedAt) {
		out.Events = append(out.Events, Event{At: p.AcceptedAt, Event: EventName(Scheduled)})
		at = now
	}
	if to.Device == "" {
		out.apply(out.WithoutDevice(at))
	} else {
		out.Events = append(out.Events, Event{At: at, Event: EventName(Waiting)})
	}
	if end.State != "" {
		out.apply(out.To(end.At, end.State, end.Why))
	}
	return out
}

func (p *Placement) apply(c Change) { p.Delivery, p.Events = c.Delivery, append(p.Events, c.Events...) }

// Supersede ends a placement for a newer one under its collapse key.
func (p *Placement) Supersede(now time.Time) { p.apply(p.To(now, Superseded, ReasonNone)) }

// HandOver returns what becomes of a delivery that waited for its user, once the user has a device: time to live and collapse
// key are those of the device's platform. superseded reports whether something newer is open on the device under a key.
func (a Accepting) HandOver(waiting Delivery, of Push, r Resource, d Device, superseded func(key string) bool, now time.Time) Placement {
	out := Placement{Delivery: waiting, CollapseKey: r.CollapseKey(of, d.Platform)}
	out.ExpiresAt = a.ExpiresAt(of, r, d.Platform)
	next := Waiting
	if out.CollapseKey != "" && superseded(out.CollapseKey) {
		next = Superseded
	}
	out.apply(out.To(now, next, ReasonNone))
	out.DeviceID, out.Generation = d.ID, d.OwnerGeneration
	return out
}

// ExpiresAt returns when a push expires on a device of the platform ("" for a user without one). One that is "now or never"
// stays open for as long as a session may take to acknowledge and a wake to run.
func (a Accepting) ExpiresAt(p Push, r Resource, platform Platform) time.Time {
	ttl := r.TTL(p, platform)
	if ttl == 0 {
		allowed := max(IOS.TimeAllowed(), Android.TimeAllowed())
		if platform != "" {
			allowed = platform.TimeAllowed()
		}
		ttl = a.AckWait + allowed
	}
	return p.Start().Add(ttl)
}

// LatestExpiry returns the latest time at which a push can expire whose deliveries are not made yet.
func (a Accepting) LatestExpiry(p Push, r Resource) time.Time {
	last := a.ExpiresAt(p, r, IOS)
	if e := a.ExpiresAt(p, r, Android); e.After(last) {
		last = e
	}
	return last
}

// Still returns who a recipient is by now, if the list it is on was fixed when its push was accepted, and how its delivery ends
// if it does not get the push. A device that has changed hands since, or was unregistered, gets a delivery that says so. A
// delivery to a user without a device goes to the first device registered since, unless stays says that it is final at once;
// then it belongs to nobody.
func (Accepting) Still(fixed Recipient, known Registry, stays bool) (Recipient, Ending) {
	if fixed.Device == "" {
		devices, _ := known.User(fixed.User)
		if stays || len(devices) == 0 {
			return fixed, Ending{}
		}
		first := devices[0]
		for _, d := range devices[1:] {
			if d.RegisteredAt.Before(first.RegisteredAt) {
				first = d
			}
		}
		return first, Ending{}
	}
	d, there := known.Device(fixed.Device)
	switch {
	case !there:
		return fixed, Ending{State: Undeliverable, Why: ReasonUnregistered}
	case d.User != fixed.User:
		return fixed, Ending{State: Undeliverable, Why: ReasonOwnerChanged}
	case d.Generation != fixed.Generation:
		return fixed, Ending{State: Undeliverable, Why: ReasonUnregistered}
	}
	return d, Ending{}
}
