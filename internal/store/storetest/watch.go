package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// wantChanged waits until a watch has reported exactly these deliveries, each as "device user".
func wantChanged(t *testing.T, watch push.Watch, what string, want ...string) {
	t.Helper()
	var got []string
	for len(got) < len(want) {
		select {
		case <-watch.Changed:
		case <-Context(t).Done():
			t.Fatalf("%s: changed are %q; want %q", what, got, want)
		}
		keys, many := watch.Next()
		if many {
			t.Errorf("%s: any may have changed; want %q", what, want)
		}
		for _, k := range keys {
			got = append(got, k.Device+" "+k.User)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: changed are %q; want %q", what, got, want)
	}
	select {
	case <-watch.Changed: // of the push itself
	default:
	}
}

func (suite) WatchersHearWhichDeliveriesOfTheirPushChanged(t *testing.T, w *World) {
	hash := w.AddDevice("notes", "alice", "d1", push.IOS)
	w.AddDevice("notes", "alice", "d2", push.IOS)
	keyed := func(to push.Audience) push.Push {
		p := PushTo(to, "x")
		p.CollapseKey = "k"
		return p
	}
	p := keyed(ToUsers("alice", "bob"))
	watch, other := w.Watch(p.ID), w.Watch(push.NewID())
	defer watch.Stop()
	defer other.Stop()
	w.MustAccept(p)
	wantChanged(t, watch, "accepted", " bob", "d1 alice", "d2 alice")
	w.Handle("d1", p.ID)
	wantChanged(t, watch, "handled", "d1 alice")
	w.MustAccept(keyed(ToDevices("d2")))
	wantChanged(t, watch, "superseded", "d2 alice")
	w.AddDevice("notes", "bob", "b1", push.IOS)
	wantChanged(t, watch, "taken over", "b1 bob")
	w.moveToken("alice", "d1", w.tokenOf("b1"))
	wantChanged(t, watch, "without its token", "b1 bob")
	if err := w.Unregister(Context(t), Key("b1")); err != nil {
		t.Fatal(err)
	}
	wantChanged(t, watch, "unregistered", "b1 bob")

	all := PushTo(push.Audience{All: true}, "x")
	watchAll := w.Watch(all.ID)
	defer watchAll.Stop()
	w.MustAccept(all)
	w.ExpandAll(time.Now(), 10)
	wantChanged(t, watchAll, "a broadcast", "d1 alice", "d2 alice")
	r := push.Registration{DeviceID: "d1", Platform: push.IOS}
	if _, _, err := w.Register(Context(t), r, "notes", push.Caller{User: "carol"}, hash, NewHash()); err != nil {
		t.Fatal(err)
	}
	wantChanged(t, watchAll, "changed hands", "d1 alice")
	if _, _, err := w.Cancel(Context(t), "notes", all.ID); err != nil {
		t.Fatal(err)
	}
	wantChanged(t, watchAll, "cancelled", "d2 alice")
	select {
	case <-other.Changed:
		t.Error("a signal for another push")
	default:
	}
	watch.Stop()
	watch.Stop()
}

func (suite) AWatcherThatDoesNotComeIsToldThatAnyMayHaveChanged(t *testing.T, w *World) {
	var users []string
	for i := range 10_001 {
		users = append(users, fmt.Sprint("u", i))
	}
	p := PushTo(ToUsers(users...), "x")
	watch := w.Watch(p.ID)
	defer watch.Stop()
	w.MustAccept(p)
	w.ExpandAll(time.Now(), 500)
	if keys, many := watch.Next(); !many || len(keys) > 500 {
		t.Errorf("%d kept apart, many: %v; want few, and many", len(keys), many)
	}
}

func (suite) DeliveriesAreReadByTheirNames(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	p := PushTo(ToUsers("alice", "bob", "carol"), "x")
	w.MustAccept(p)
	list, err := w.DeliveriesOf(Context(t), "notes", p.ID, []push.DeliveryKey{{User: "bob"}, {Device: "d1", User: "alice"}, {User: "nobody"}})
	if got, want := States(list), []string{" bob waiting no_device", "d1 alice waiting "}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
	if len(list) == 2 && len(list[0].Events) != 1 {
		t.Errorf("timeline %+v; want one event", list[0].Events)
	}
	if list, err := w.DeliveriesOf(Context(t), "other", p.ID, []push.DeliveryKey{{User: "bob"}}); len(list) != 0 || err != nil {
		t.Errorf("another app's: %q, %v; want none", States(list), err)
	}
}
