package store_test

import (
	"testing"

	"github.com/hushpush/hush/push"
)

// What a user was sent is found by the user also when the device has another owner, or none.
func TestAFormerOwnersPushesAreFoundByThem(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		hash := w.device("notes", "alice", "d1", push.Android)
		w.putResource(push.Resource{App: "notes", ID: "both"})
		send := func(user string) push.ID {
			return w.accept(pushTo(toUsers(user), "{}")).ID
		}
		found := func(when, user string, state push.State, want push.ID) {
			t.Helper()
			list, _, err := w.Pushes(ctx(t), "notes", push.PushFilter{User: user, State: state}, "", 10)
			if err != nil || len(list) != 1 || list[0].ID != want {
				t.Errorf("%s, pushes of %s: %+v, %v; want %s", when, user, list, err, want)
			}
		}
		alices := send("alice")
		found("while it is hers", "alice", "", alices)
		if _, _, err := w.Register(ctx(t), push.Registration{DeviceID: "d1", Platform: push.Android}, "notes", push.Caller{User: "bob"}, hash, secret()); err != nil {
			t.Fatal(err)
		}
		bobs := send("bob")
		found("once it is bob's", "alice", push.Undeliverable, alices)
		if err := w.Unregister(ctx(t), key("d1")); err != nil {
			t.Fatal(err)
		}
		found("once it is nobody's", "bob", push.Undeliverable, bobs)
		found("once it is nobody's", "alice", "", alices)
	})
}
