package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// followed returns the events that a follower has not read, each as "event state device user resource", sorted.
func (w *World) followed(watch push.AppWatch) (lines []string) {
	w.T.Helper()
	for {
		events, missed := watch.Next()
		if missed != 0 {
			w.T.Errorf("%d events missed; want none", missed)
		}
		if len(events) == 0 {
			slices.Sort(lines)
			return lines
		}
		for _, e := range events {
			if e.ResourceID == "" {
				of, err := w.ResourcesOf(Context(w.T), "notes", []push.ID{e.PushID})
				if err != nil {
					w.T.Fatal(err)
				}
				e.ResourceID = of[e.PushID]
			}
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s", e.Event.Event, e.State, e.DeviceID, e.User, e.ResourceID))
		}
	}
}

func (suite) FollowersOfAnAppHearWhatIsCommitted(t *testing.T, w *World) {
	hash := w.AddDevice("notes", "alice", "d1", push.IOS)
	w.AddDevice("notes", "alice", "d2", push.IOS)
	if _, _, err := w.PutApp(Context(t), "other"); err != nil {
		t.Fatal(err)
	}
	watch, other := w.WatchApp("notes"), w.WatchApp("other")
	defer watch.Stop()
	defer other.Stop()
	want := func(what string, want ...string) {
		t.Helper()
		for i := range want {
			want[i] += " both"
		}
		slices.Sort(want)
		if got := w.followed(watch); !slices.Equal(got, want) {
			t.Errorf("%s: heard\n%q; want\n%q", what, got, want)
		}
	}
	keyed := func(to push.Audience) push.Push {
		p := PushTo(to, "x")
		p.CollapseKey = "k"
		return p
	}
	later := func(to push.Audience) push.Push {
		p := PushTo(to, "x")
		p.DeliverAt = time.Now().Add(time.Hour)
		return p
	}
	cancel := func(id push.ID) {
		t.Helper()
		if _, _, err := w.Cancel(Context(t), "notes", id); err != nil {
			t.Fatal(err)
		}
	}

	p := keyed(ToUsers("alice", "bob"))
	w.MustAccept(p)
	want("accepted", "accepted waiting  ", "waiting waiting d1 alice", "waiting waiting d2 alice", "waiting waiting  bob")
	w.Handle("d1", p.ID)
	want("handled", "handled handled d1 alice")
	w.MustAccept(keyed(ToDevices("d2")))
	want("superseded", "accepted waiting  ", "superseded superseded d2 alice", "waiting waiting d2 alice")
	w.AddDevice("notes", "bob", "b1", push.IOS)
	want("taken over", "waiting waiting b1 bob")
	w.moveToken("alice", "d1", w.tokenOf("b1"))
	want("without its token", "token_dropped waiting b1 bob")
	if err := w.Unregister(Context(t), Key("b1")); err != nil {
		t.Fatal(err)
	}
	want("unregistered", "undeliverable undeliverable b1 bob")

	newer := keyed(ToDevices("d2"))
	all := keyed(push.Audience{All: true})
	w.MustAccept(all)
	newer.AcceptedAt = all.AcceptedAt.Add(time.Millisecond)
	w.MustAccept(newer)
	w.ExpandAll(time.Now(), 10)
	want("a broadcast that was too slow for one", "accepted waiting  ", "accepted waiting  ", "superseded superseded d2 alice",
		"waiting waiting d2 alice", "waiting waiting d1 alice", "waiting waiting d2 alice", "superseded superseded d2 alice")
	r := push.Registration{DeviceID: "d1", Platform: push.IOS}
	if _, _, err := w.Register(Context(t), r, "notes", push.Caller{User: "carol"}, hash, NewHash()); err != nil {
		t.Fatal(err)
	}
	want("changed hands", "undeliverable undeliverable d1 alice")
	cancel(newer.ID)
	want("cancelled", "cancelled cancelled d2 alice")

	brief := PushTo(ToUsers("nobody"), "x")
	second := time.Second
	brief.TTL = &second
	w.MustAccept(brief)
	if n, err := w.ExpireUserless(Context(t), time.Now().Add(time.Minute), 10); n != 1 || err != nil {
		t.Fatalf("%d expired, %v; want 1", n, err)
	}
	want("expired without a device", "accepted waiting  ", "waiting waiting  nobody", "expired expired  nobody")

	tagged := PushTo(push.Audience{Tags: &push.TagRule{Any: []string{"beta"}}}, "x")
	w.MustAccept(tagged)
	w.ExpandAll(time.Now(), 10)
	want("nobody has the tag", "accepted waiting  ", "nobody   ")

	soon, never, nobodys := later(ToUsers("carol")), later(ToUsers("dan")), later(push.Audience{All: true})
	w.MustAccept(soon)
	w.MustAccept(never)
	w.MustAccept(nobodys)
	want("scheduled", "accepted scheduled  ", "scheduled scheduled  carol", "accepted scheduled  ", "scheduled scheduled  dan", "accepted scheduled  ")
	cancel(never.ID)
	cancel(nobodys.ID)
	want("cancelled before it began", "cancelled cancelled  dan", "cancelled cancelled  ")
	w.ExpandAll(time.Now().Add(2*time.Hour), 10)
	want("the time has come", "waiting waiting d1 carol")

	if got := w.followed(other); len(got) != 0 {
		t.Errorf("another app's followers heard %q; want nothing", got)
	}
	watch.Stop()
	watch.Stop()
}

func (suite) AFollowerThatDoesNotReadIsToldHowMuchItMissed(t *testing.T, w *World) {
	watch := w.WatchApp("notes")
	defer watch.Stop()
	const pushes, users = 3, 10_000
	for range pushes {
		var names []string
		for i := range users {
			names = append(names, fmt.Sprint("u", i))
		}
		p := PushTo(ToUsers(names...), "x")
		p.DeliverAt = time.Now().Add(time.Hour)
		w.MustAccept(p)
	}
	first, missed := watch.Next()
	heard := len(first)
	for {
		events, again := watch.Next()
		if again != 0 {
			t.Errorf("missed %d more; want them counted once", again)
		}
		if len(events) == 0 {
			break
		}
		heard += len(events)
	}
	if want := pushes * (users + 1); heard+missed != want || missed == 0 || heard > 20_000 || heard < 19_000 {
		t.Errorf("heard %d and missed %d; want %d in sum, and about 20000 heard", heard, missed, want)
	}
}

func (suite) AnAppThatNobodyFollowsKeepsNoEvents(t *testing.T, w *World) {
	before := w.WatchApp("notes")
	w.MustAccept(PushTo(ToUsers("bob"), "x"))
	before.Stop()
	w.MustAccept(PushTo(ToUsers("bob"), "x"))
	after := w.WatchApp("notes")
	defer after.Stop()
	if got := w.followed(after); len(got) != 0 {
		t.Errorf("heard %q of what was before; want nothing", got)
	}
}
