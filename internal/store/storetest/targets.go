package storetest

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// crowd returns so many users, without devices, that their deliveries are not made in one transaction.
func crowd(more ...string) push.Audience {
	users := more
	for i := range 1_200 {
		users = append(users, fmt.Sprintf("nobody %04d", i))
	}
	return ToUsers(users...)
}

// large accepts a push for so many users that its deliveries are made in pieces.
func (w *World) large(p push.Push, deliveries int) push.Accepted {
	w.T.Helper()
	a := w.MustAccept(p)
	if !a.InPieces || a.Deliveries != deliveries || len(a.Devices) != 0 {
		w.T.Fatalf("accepted %d deliveries, in pieces: %v; want %d, in pieces", a.Deliveries, a.InPieces, deliveries)
	}
	return a
}

// piece makes the next piece of a push's deliveries.
func (w *World) piece(p push.Push, now time.Time) (done bool) {
	w.T.Helper()
	_, done, err := w.Expand(Context(w.T), push.PushRef{App: "notes", ID: p.ID}, now, 500, 0)
	if err != nil {
		w.T.Fatal(err)
	}
	return done
}

func (w *World) wantCounts(p push.Push, expanded bool, want map[push.State]int) {
	w.T.Helper()
	counts, err := w.Counts(Context(w.T), "notes", p.ID)
	if err != nil || !maps.Equal(counts, want) {
		w.T.Errorf("counts %v, %v; want %v", counts, err, want)
	}
	if _, st, err := w.Push(Context(w.T), "notes", p.ID); err != nil || st.Expanded != expanded {
		w.T.Errorf("expanded %v, %v; want %v", st.Expanded, err, expanded)
	}
}

// onDevices returns those of a push's deliveries that are for a device, as States writes them.
func (w *World) onDevices(p push.Push) []string {
	w.T.Helper()
	var list []push.Delivery
	for cursor, first := "", true; first || cursor != ""; first = false {
		page, next, err := w.Deliveries(Context(w.T), "notes", p.ID, cursor, 1000)
		if err != nil {
			w.T.Fatal(err)
		}
		for _, d := range page {
			if d.DeviceID != "" {
				list = append(list, d)
			}
		}
		cursor = next
	}
	return States(list)
}

func (suite) ALargePushIsMadeInPiecesForThoseItWasMeantFor(t *testing.T, w *World) {
	sold := w.AddDevice("notes", "alice", "sold", push.IOS)
	for _, id := range []string{"gone", "back", "kept"} {
		w.AddDevice("notes", "alice", id, push.IOS)
	}
	p := PushTo(crowd("alice", "newcomer"), "x")
	a := w.large(p, 4+1+1_200)
	if len(a.Warnings) != 1_201 {
		t.Errorf("%d warnings; want one for each of the 1 201 never seen", len(a.Warnings))
	}
	w.wantCounts(p, false, map[push.State]int{})

	r := push.Registration{DeviceID: "sold", Platform: push.IOS}
	if _, _, err := w.Register(Context(t), r, "notes", push.Caller{User: "bob"}, sold, NewHash()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"gone", "back"} {
		if err := w.Unregister(Context(t), Key(id)); err != nil {
			t.Fatal(err)
		}
	}
	w.AddDevice("notes", "alice", "back", push.IOS)
	w.AddDevice("notes", "alice", "too-late", push.IOS)
	w.AddDevice("notes", "newcomer", "first", push.IOS)
	w.AddDevice("notes", "newcomer", "second", push.IOS)
	if w.piece(p, time.Now()) {
		t.Fatal("done with the first piece")
	}
	w.wantCounts(p, false, map[push.State]int{push.Waiting: 497, push.Undeliverable: 3})
	w.Reopen()
	w.ExpandAll(time.Now(), 500)
	w.wantCounts(p, true, map[push.State]int{push.Waiting: 1_202, push.Undeliverable: 3})
	want := []string{"back alice undeliverable unregistered", "first newcomer waiting ", "gone alice undeliverable unregistered",
		"kept alice waiting ", "sold alice undeliverable owner_changed"}
	if got := w.onDevices(p); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("on devices: %q; want %q", got, want)
	}
	if _, open, err := w.Inbox(Context(t), Key("too-late"), 10); open != 0 || err != nil {
		t.Errorf("%d open, %v, on a device registered after the push; want none", open, err)
	}
}

func (suite) ALargePushThatIsCancelledHalfWayIsCancelledForAll(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	p := PushTo(crowd("alice"), "x")
	w.large(p, 1_201)
	w.piece(p, time.Now())
	w.Handle("d1", p.ID)
	if n, final, err := w.Cancel(Context(t), "notes", p.ID); n != 1_200 || len(final) != 1 || err != nil {
		t.Errorf("cancelled %d, final %v, %v; want 1 200, d1 handled", n, States(final), err)
	}
	if n, _, err := w.Cancel(Context(t), "notes", p.ID); n != 0 || err != nil {
		t.Errorf("again: %d, %v; want 0", n, err)
	}
	w.AddDevice("notes", "nobody 1199", "late", push.IOS)
	w.ExpandAll(time.Now(), 500)
	w.wantCounts(p, true, map[push.State]int{push.Cancelled: 1_200, push.Handled: 1})
	if _, st, err := w.Push(Context(t), "notes", p.ID); !st.Final || err != nil {
		t.Errorf("standing %+v, %v; want final", st, err)
	}
	if _, open, err := w.Inbox(Context(t), Key("late"), 10); open != 0 || err != nil {
		t.Errorf("%d open, %v; want nothing of a cancelled push", open, err)
	}
}

func (suite) ANewerPushSupersedesALargeOneThatIsMadeLater(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	keyed := func(to push.Audience) push.Push {
		p := PushTo(to, "x")
		p.CollapseKey = "k"
		return p
	}
	before := keyed(ToUsers("alice"))
	w.MustAccept(before)
	large, all := keyed(crowd("alice")), keyed(push.Audience{All: true})
	w.large(large, 1_201)
	w.MustAccept(all)
	newest := keyed(ToUsers("alice"))
	w.MustAccept(newest)
	w.WantStates(before.ID, "d1 alice superseded ")
	w.ExpandAll(time.Now(), 500)
	if got := w.onDevices(large); len(got) != 1 || got[0] != "d1 alice superseded " {
		t.Errorf("the large one: %q; want superseded", got)
	}
	w.WantStates(all.ID, "d1 alice superseded ")
	w.WantStates(newest.ID, "d1 alice waiting ")
}

func (suite) ALargePushForLaterIsFixedWhenItsTimeComes(t *testing.T, w *World) {
	p := PushTo(crowd("alice"), "x")
	p.DeliverAt = time.Now().Add(time.Hour)
	if a := w.MustAccept(p); a.InPieces || a.Deliveries != 0 {
		t.Errorf("accepted %+v; want nothing yet", a)
	}
	w.wantCounts(p, false, map[push.State]int{push.Scheduled: 1_201})
	w.AddDevice("notes", "alice", "d1", push.IOS)
	w.AddDevice("notes", "alice", "d2", push.IOS)
	at := p.DeliverAt.Add(time.Second)
	if w.piece(p, at) {
		t.Error("done with the first piece")
	}
	w.wantCounts(p, false, map[push.State]int{push.Waiting: 500})
	w.ExpandAll(at, 500)
	w.wantCounts(p, true, map[push.State]int{push.Waiting: 1_202})
}

func (suite) AListWhosePushNeverCameIsRemoved(t *testing.T, w *World) {
	c := w.limited(0)
	p := PushTo(crowd(), "x")
	w.large(p, 1_200)
	orphan := PushTo(crowd(), "x")
	orphan.ResourceID = "none"
	if r := w.Accept(Context(t), []push.AcceptRequest{{Push: orphan}}, 0, nil)[0]; r.Err == nil {
		t.Fatal("accepted under a resource that is not there")
	}
	remove := func() (total int) {
		for {
			n, err := w.Remove(Context(t), p.AcceptedAt.Add(-time.Hour), 1000)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				return total
			}
			total += n
		}
	}
	if n := remove(); n != 0 {
		t.Errorf("%d rows removed at once; want none: the push may be on its way", n)
	}
	c.Advance(2 * time.Hour)
	if n := remove(); n != 3 {
		t.Errorf("%d rows removed; want the 3 pieces of the list without a push", n)
	}
	w.ExpandAll(c.Now(), 500)
	w.wantCounts(p, true, map[push.State]int{push.Waiting: 1_200})
}

func (suite) ALargePushIsRepeatedByItsIdempotencyKey(t *testing.T, w *World) {
	request := func() push.AcceptRequest {
		return push.AcceptRequest{Push: PushTo(crowd(), "x"), Idempotency: &push.Idempotency{Key: "k", BodyHash: []byte("h")}}
	}
	first := w.Accept(Context(t), []push.AcceptRequest{request()}, 0, nil)[0]
	again := w.Accept(Context(t), []push.AcceptRequest{request()}, 0, nil)[0]
	if first.Err != nil || again.Err != nil || again.Accepted.ID != first.Accepted.ID || again.Accepted.Deliveries != 1_200 || !again.Accepted.Repeated {
		t.Errorf("%+v, then %+v; want the same answer", first.Err, again)
	}
}
