package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// note appends events to the timeline of a delivery.
func (w *world) note(device string, id push.ID, events ...push.Event) {
	w.t.Helper()
	_, err := w.Step(ctx(w.t), push.StepRequest{Key: key(device), Named: []push.ID{id}}, func(s push.Snapshot) push.Changes {
		return push.Changes{Deliveries: []push.Change{{Delivery: s.Named[0], Events: events}}}
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestATimelineIsBoundedAndStillSaysHowItEnded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.device("notes", "alice", "d1", push.IOS)
		w.device("notes", "bob", "d2", push.IOS)
		p := pushTo(toUsers("alice"), "x")
		w.accept(p)
		const looks, each = 30, 10
		for range looks {
			var events []push.Event
			for range each {
				events = append(events, push.Event{At: time.Now(), Event: push.EventWakeSent})
			}
			w.note("d1", p.ID, events...)
		}
		token := w.tokenOf("d1")
		for range 3 { // the phone's token goes to another device and back: an event each time
			w.moveToken("bob", "d2", token)
			w.moveToken("alice", "d1", token)
		}
		w.handle("d1", p.ID)
		events := w.deliveries(p.ID)[0].Events
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
	})
}

func (w *world) tokenOf(device string) push.Secret {
	w.t.Helper()
	d, err := w.Device(ctx(w.t), key(device))
	if err != nil {
		w.t.Fatal(err)
	}
	return d.ProviderToken
}

// moveToken has a registered device renew its registration with a token.
func (w *world) moveToken(user, device string, token push.Secret) {
	w.t.Helper()
	d, err := w.Device(ctx(w.t), key(device))
	if err != nil {
		w.t.Fatal(err)
	}
	r := push.Registration{DeviceID: device, Platform: push.IOS, BundleID: "com.example.notes", Environment: push.Production, ProviderToken: &token}
	if _, _, err := w.Register(ctx(w.t), r, "notes", push.Caller{User: user}, d.CredentialHash, secret()); err != nil {
		w.t.Fatal(err)
	}
}

func TestReceiptsThatSayNothingNewCostNoWrite(t *testing.T) {
	t.Parallel()
	w := newWorldOnSQLite(t)
	w.device("notes", "alice", "d1", push.IOS)
	p := pushTo(toUsers("alice"), "x")
	w.accept(p)
	if _, _, err := w.Cancel(ctx(t), "notes", p.ID); err != nil {
		t.Fatal(err)
	}
	w.handle("d1", p.ID)
	before := w.walBytes()
	for range 50 {
		w.handle("d1", p.ID)
	}
	if after := w.walBytes(); after != before {
		t.Errorf("the write-ahead log grew from %d to %d bytes with repeated receipts; want no write", before, after)
	}
	if events := w.deliveries(p.ID)[0].Events; len(events) != 3 {
		t.Errorf("timeline %v; want waiting, cancelled, handled_late", fmt.Sprint(events))
	}
}

func (w *world) walBytes() int64 {
	w.t.Helper()
	info, err := os.Stat(filepath.Join(w.cfg.DataDir, "hush.db-wal"))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.Size()
}
