package storetest

import (
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// appendEvents appends events to the timeline of a delivery.
func (w *World) appendEvents(device string, id push.ID, events ...push.Event) {
	w.T.Helper()
	_, err := w.Step(Context(w.T), push.StepRequest{Key: Key(device), Named: []push.ID{id}}, func(s push.Snapshot) push.Changes {
		return push.Changes{Deliveries: []push.Change{{Delivery: s.Named[0], Events: events}}}
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

func (suite) ATimelineIsBoundedAndStillSaysHowItEnded(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	w.AddDevice("notes", "bob", "d2", push.IOS)
	p := PushTo(ToUsers("alice"), "x")
	w.MustAccept(p)
	const looks, each = 30, 10
	for range looks {
		var events []push.Event
		for range each {
			events = append(events, push.Event{At: time.Now(), Event: push.EventWakeSent})
		}
		w.appendEvents("d1", p.ID, events...)
	}
	token := w.tokenOf("d1")
	for range 3 { // the phone's token goes to another device and back: an event each time
		w.moveToken("bob", "d2", token)
		w.moveToken("alice", "d1", token)
	}
	w.Handle("d1", p.ID)
	events := w.AllDeliveries(p.ID)[0].Events
	count := map[push.EventName]int{}
	for _, e := range events {
		count[e.Event] += max(e.Count, 1)
	}
	if len(events) != 1+push.MaxEvents+2 || count[push.EventWakeSent] != push.MaxEvents || count[push.EventLeftOut] != looks*each+3-push.MaxEvents {
		t.Errorf("%d events: %v; want waiting, %d wake_sent, one that counts the %d left out, handled", len(events), count, push.MaxEvents, looks*each+3-push.MaxEvents)
	}
	if first, last := events[0], events[len(events)-1]; first.Event != "waiting" || last.Event != "handled" {
		t.Errorf("from %s to %s; want waiting to handled", first.Event, last.Event)
	}
}

func (w *World) tokenOf(device string) push.Secret {
	w.T.Helper()
	d, err := w.Device(Context(w.T), Key(device))
	if err != nil {
		w.T.Fatal(err)
	}
	return d.ProviderToken
}

// moveToken renews the registration of a registered device with a token.
func (w *World) moveToken(user, device string, token push.Secret) {
	w.T.Helper()
	d, err := w.Device(Context(w.T), Key(device))
	if err != nil {
		w.T.Fatal(err)
	}
	r := push.Registration{DeviceID: device, Platform: push.IOS, BundleID: "com.example.notes", Environment: push.Production, ProviderToken: &token}
	if _, _, err := w.Register(Context(w.T), r, "notes", push.Caller{User: user}, d.CredentialHash, NewHash()); err != nil {
		w.T.Fatal(err)
	}
}
