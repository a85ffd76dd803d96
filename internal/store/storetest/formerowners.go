package storetest

import (
	"testing"

	"github.com/hushpush/hush/push"
)

// A user's deliveries are found by the user even after the device has got another owner, or none.
func (suite) AFormerOwnersPushesAreFoundByThem(t *testing.T, w *World) {
	hash := w.AddDevice("notes", "alice", "d1", push.Android)
	w.MustPutResource(push.Resource{App: "notes", ID: "both"})
	send := func(user string) push.ID {
		return w.MustAccept(PushTo(ToUsers(user), "{}")).ID
	}
	found := func(when, user string, state push.State, want push.ID) {
		t.Helper()
		list, _, err := w.Pushes(Context(t), "notes", push.PushFilter{User: user, State: state}, "", 10)
		if err != nil || len(list) != 1 || list[0].ID != want {
			t.Errorf("%s, pushes of %s: %+v, %v; want %s", when, user, list, err, want)
		}
	}
	alices := send("alice")
	found("while it is hers", "alice", "", alices)
	if _, _, err := w.Register(Context(t), push.Registration{DeviceID: "d1", Platform: push.Android}, "notes", push.Caller{User: "bob"}, hash, NewHash()); err != nil {
		t.Fatal(err)
	}
	bobs := send("bob")
	found("once it is bob's", "alice", push.Undeliverable, alices)
	if err := w.Unregister(Context(t), Key("d1")); err != nil {
		t.Fatal(err)
	}
	found("once it is nobody's", "bob", push.Undeliverable, bobs)
	found("once it is nobody's", "alice", "", alices)
}
