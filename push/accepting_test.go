package push

import (
	"slices"
	"testing"
	"time"
)

// registry knows users and devices by name.
type registry map[string][]Recipient // by user; nil: seen, and without a device

func (r registry) User(id string) ([]Recipient, bool) {
	devices, seen := r[id]
	return devices, seen
}

func (r registry) Device(id string) (Recipient, bool) {
	for _, devices := range r {
		if i := slices.IndexFunc(devices, func(d Recipient) bool { return d.Device == id }); i >= 0 {
			return devices[i], true
		}
	}
	return Recipient{}, false
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestRecipients(t *testing.T) {
	t.Parallel()
	phone := Recipient{Device: "phone", User: "alice", Platform: IOS, Generation: 1}
	tablet := Recipient{Device: "tablet", User: "alice", Platform: Android, Generation: 3}
	known := registry{"alice": {phone, tablet}, "bob": nil}
	for _, c := range []struct {
		name     string
		to       Audience
		want     []Recipient
		warnings []Warning
		fault    string
	}{
		{"a user is all of the user's devices", Audience{Users: []string{"alice"}}, []Recipient{phone, tablet}, nil, ""},
		{"a user without a device waits", Audience{Users: []string{"bob"}}, []Recipient{{User: "bob"}}, nil, ""},
		{"a user never seen is warned of", Audience{Users: []string{"carol"}}, []Recipient{{User: "carol"}}, []Warning{{Code: UserNotSeen, User: "carol"}}, ""},
		{"each once", Audience{Users: []string{"bob", "bob"}}, []Recipient{{User: "bob"}}, nil, ""},
		{"a device", Audience{Devices: []string{"tablet", "tablet"}}, []Recipient{tablet}, nil, ""},
		{"a device that is not registered", Audience{Devices: []string{"phone", "nope"}}, []Recipient{phone}, nil, "to.devices[1]"},
	} {
		got, warnings, err := Accepting{}.Recipients(c.to, known)
		var faults FieldErrors
		if err != nil {
			faults = err.(FieldErrors)
		}
		if !slices.Equal(got, c.want) || !slices.Equal(warnings, c.warnings) || (len(faults) > 0) != (c.fault != "") || len(faults) > 0 && faults[0].Location != c.fault {
			t.Errorf("%s: %+v, %+v, %v; want %+v, %+v and a fault at %q", c.name, got, warnings, err, c.want, c.warnings, c.fault)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	a := Accepting{AckWait: 5 * time.Second}
	hour, never := time.Hour, time.Duration(0)
	r := Resource{ID: "r", APNs: &Strategy{TTL: &hour}, FCM: &Strategy{}}
	phone, nobody := Recipient{Device: "phone", User: "alice", Platform: IOS, Generation: 2}, Recipient{User: "alice"}
	p := Push{AcceptedAt: noon}
	later := Push{AcceptedAt: noon, DeliverAt: noon.Add(time.Minute)}
	for _, c := range []struct {
		name   string
		push   Push
		to     Recipient
		end    Ending
		state  State
		why    Reason
		open   time.Duration // from its start
		events []EventName
	}{
		{"on a device it waits, as long as its strategy says", p, phone, Ending{}, Waiting, ReasonNone, hour, []EventName{"waiting"}},
		{"the push's own time goes before", Push{AcceptedAt: noon, TTL: new(time.Duration(time.Minute))}, phone, Ending{}, Waiting, ReasonNone, time.Minute, []EventName{"waiting"}},
		{"now or never is as long as a session and a wake may take", Push{AcceptedAt: noon, TTL: &never}, phone, Ending{}, Waiting, ReasonNone,
			5*time.Second + IOS.TimeAllowed(), []EventName{"waiting"}},
		{"a user without a device waits for the first", p, nobody, Ending{}, Waiting, ReasonNoDevice, DefaultTTL, []EventName{"waiting"}},
		{"now or never is not for them", Push{AcceptedAt: noon, TTL: &never}, nobody, Ending{}, Expired, ReasonNoDevice, 5*time.Second + IOS.TimeAllowed(), []EventName{"expired"}},
		{"nor is a session", Push{AcceptedAt: noon, Deliver: SessionOnly}, nobody, Ending{}, Undeliverable, ReasonNoSession, DefaultTTL, []EventName{"undeliverable"}},
		{"a scheduled one tells so first, and its time counts from its start", later, phone, Ending{}, Waiting, ReasonNone, hour, []EventName{"scheduled", "waiting"}},
		{"one may end as it is made", p, phone, Ending{Superseded, ReasonNone, noon}, Superseded, ReasonNone, hour, []EventName{"waiting", "superseded"}},
	} {
		got := a.Place(c.push, r, c.to, noon.Add(time.Minute), c.end)
		var events []EventName
		for _, e := range got.Events {
			events = append(events, e.Event)
		}
		if got.State != c.state || got.Reason != c.why || got.ExpiresAt.Sub(c.push.Start()) != c.open || !slices.Equal(events, c.events) || got.Generation != c.to.Generation {
			t.Errorf("%s: %s (%s), open for %s, of generation %d, with %v; want %s (%s), %s, %d, %v", c.name, got.State, got.Reason,
				got.ExpiresAt.Sub(c.push.Start()), got.Generation, events, c.state, c.why, c.open, c.to.Generation, c.events)
		}
	}
}

func TestStill(t *testing.T) {
	t.Parallel()
	phone := Recipient{Device: "phone", User: "alice", Generation: 2, RegisteredAt: noon.Add(time.Second)}
	tablet := Recipient{Device: "tablet", User: "alice", Generation: 1, RegisteredAt: noon}
	known := registry{"alice": {phone, tablet}}
	for _, c := range []struct {
		name  string
		fixed Recipient
		stays bool
		want  string
		end   State
		why   Reason
	}{
		{"the same as it was", Recipient{Device: "phone", User: "alice", Generation: 2}, false, "phone", "", ReasonNone},
		{"another's by now", Recipient{Device: "phone", User: "bob", Generation: 1}, false, "phone", Undeliverable, ReasonOwnerChanged},
		{"registered anew", Recipient{Device: "phone", User: "alice", Generation: 1}, false, "phone", Undeliverable, ReasonUnregistered},
		{"gone", Recipient{Device: "watch", User: "alice", Generation: 1}, false, "watch", Undeliverable, ReasonUnregistered},
		{"a user's first device since", Recipient{User: "alice"}, false, "tablet", "", ReasonNone},
		{"nobody's, if it is final at once", Recipient{User: "alice"}, true, "", "", ReasonNone},
	} {
		if got, end := (Accepting{}).Still(c.fixed, known, c.stays); got.Device != c.want || end.State != c.end || end.Why != c.why {
			t.Errorf("%s: device %q, ended %q (%s); want %q, %q (%s)", c.name, got.Device, end.State, end.Why, c.want, c.end, c.why)
		}
	}
}
