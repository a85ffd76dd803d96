package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// followed are the events that a follower has not taken, each as "event state device user resource", sorted.
func (w *world) followed(watch push.AppWatch) (lines []string) {
	w.t.Helper()
	for {
		events, missed := watch.Next()
		if missed != 0 {
			w.t.Errorf("%d events missed; want none", missed)
		}
		if len(events) == 0 {
			slices.Sort(lines)
			return lines
		}
		for _, e := range events {
			if e.ResourceID == "" {
				of, err := w.ResourcesOf(ctx(w.t), "notes", []push.ID{e.PushID})
				if err != nil {
					w.t.Fatal(err)
				}
				e.ResourceID = of[e.PushID]
			}
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s", e.Event.Event, e.State, e.DeviceID, e.User, e.ResourceID))
		}
	}
}

func TestFollowersOfAnAppHearWhatIsCommitted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		hash := w.device("notes", "alice", "d1", push.IOS)
		w.device("notes", "alice", "d2", push.IOS)
		if _, _, err := w.PutApp(ctx(t), "other"); err != nil {
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
			p := pushTo(to, "x")
			p.CollapseKey = "k"
			return p
		}
		later := func(to push.Audience) push.Push {
			p := pushTo(to, "x")
			p.DeliverAt = time.Now().Add(time.Hour)
			return p
		}
		cancel := func(id push.ID) {
			t.Helper()
			if _, _, err := w.Cancel(ctx(t), "notes", id); err != nil {
				t.Fatal(err)
			}
		}

		p := keyed(toUsers("alice", "bob"))
		w.accept(p)
		want("accepted", "accepted waiting  ", "waiting waiting d1 alice", "waiting waiting d2 alice", "waiting waiting  bob")
		w.handle("d1", p.ID)
		want("handled", "handled handled d1 alice")
		w.accept(keyed(toDevices("d2")))
		want("superseded", "accepted waiting  ", "superseded superseded d2 alice", "waiting waiting d2 alice")
		w.device("notes", "bob", "b1", push.IOS)
		want("taken over", "waiting waiting b1 bob")
		w.moveToken("alice", "d1", w.tokenOf("b1"))
		want("without its token", "token_dropped waiting b1 bob")
		if err := w.Unregister(ctx(t), key("b1")); err != nil {
			t.Fatal(err)
		}
		want("unregistered", "undeliverable undeliverable b1 bob")

		newer := keyed(toDevices("d2"))
		all := keyed(push.Audience{All: true})
		w.accept(all)
		newer.AcceptedAt = all.AcceptedAt.Add(time.Millisecond)
		w.accept(newer)
		w.expandAll(time.Now(), 10)
		want("a broadcast that was too slow for one", "accepted waiting  ", "accepted waiting  ", "superseded superseded d2 alice",
			"waiting waiting d2 alice", "waiting waiting d1 alice", "waiting waiting d2 alice", "superseded superseded d2 alice")
		r := push.Registration{DeviceID: "d1", Platform: push.IOS}
		if _, _, err := w.Register(ctx(t), r, "notes", push.Caller{User: "carol"}, hash, secret()); err != nil {
			t.Fatal(err)
		}
		want("changed hands", "undeliverable undeliverable d1 alice")
		cancel(newer.ID)
		want("cancelled", "cancelled cancelled d2 alice")

		brief := pushTo(toUsers("nobody"), "x")
		second := time.Second
		brief.TTL = &second
		w.accept(brief)
		if n, err := w.ExpireUserless(ctx(t), time.Now().Add(time.Minute), 10); n != 1 || err != nil {
			t.Fatalf("%d expired, %v; want 1", n, err)
		}
		want("expired without a device", "accepted waiting  ", "waiting waiting  nobody", "expired expired  nobody")

		tagged := pushTo(push.Audience{Tags: &push.TagRule{Any: []string{"beta"}}}, "x")
		w.accept(tagged)
		w.expandAll(time.Now(), 10)
		want("nobody has the tag", "accepted waiting  ", "nobody   ")

		soon, never, nobodys := later(toUsers("carol")), later(toUsers("dan")), later(push.Audience{All: true})
		w.accept(soon)
		w.accept(never)
		w.accept(nobodys)
		want("scheduled", "accepted scheduled  ", "scheduled scheduled  carol", "accepted scheduled  ", "scheduled scheduled  dan", "accepted scheduled  ")
		cancel(never.ID)
		cancel(nobodys.ID)
		want("cancelled before it began", "cancelled cancelled  dan", "cancelled cancelled  ")
		w.expandAll(time.Now().Add(2*time.Hour), 10)
		want("the time has come", "waiting waiting d1 carol")

		if got := w.followed(other); len(got) != 0 {
			t.Errorf("another app's followers heard %q; want nothing", got)
		}
		watch.Stop()
		watch.Stop()
	})
}

func TestAFollowerThatDoesNotReadIsToldHowMuchItMissed(t *testing.T) {
	t.Parallel()
	w := newWorldOnSQLite(t)
	watch := w.WatchApp("notes")
	defer watch.Stop()
	const pushes, users = 3, 10_000
	for range pushes {
		var names []string
		for i := range users {
			names = append(names, fmt.Sprint("u", i))
		}
		p := pushTo(toUsers(names...), "x")
		p.DeliverAt = time.Now().Add(time.Hour)
		w.accept(p)
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

func TestAnAppThatNobodyFollowsKeepsNoEvents(t *testing.T) {
	t.Parallel()
	w := newWorldOnSQLite(t)
	before := w.WatchApp("notes")
	w.accept(pushTo(toUsers("bob"), "x"))
	before.Stop()
	w.accept(pushTo(toUsers("bob"), "x"))
	after := w.WatchApp("notes")
	defer after.Stop()
	if got := w.followed(after); len(got) != 0 {
		t.Errorf("heard %q of what was before; want nothing", got)
	}
}
