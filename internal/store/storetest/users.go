package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/hushpush/hush/push"
)

func (suite) UsersNeverSeenLeaveNoRowsAndLoseNoPush(t *testing.T, w *World) {
	const users = 20
	pushes := make([]push.Push, users)
	stop := make(chan struct{})
	var removing, working sync.WaitGroup
	removing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := w.RemoveUsers(Context(t), 100); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range users {
		user := fmt.Sprint("u", i)
		pushes[i] = PushTo(ToUsers(user, fmt.Sprint("nobody ", i)), "x")
		working.Go(func() { w.MustAccept(pushes[i]) })
		working.Go(func() { w.AddDevice("notes", user, "device of "+user, push.IOS) })
	}
	working.Wait()
	close(stop)
	removing.Wait()
	for i, p := range pushes {
		w.WantStates(p.ID, fmt.Sprintf(" nobody %d waiting no_device", i), fmt.Sprintf("device of u%d u%d waiting ", i, i))
	}
	for n := 1; n > 0; {
		var err error
		if n, err = w.RemoveUsers(Context(t), 5); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.PutTags(Context(t), "notes", "tagged", []string{"beta"}); err != nil {
		t.Fatal(err)
	}
	if n, err := w.RemoveUsers(Context(t), 5); n != 0 || err != nil {
		t.Errorf("%d removed, %v; want none: one has tags, the others were seen", n, err)
	}
	if a := w.MustAccept(PushTo(ToUsers("u1"), "y")); len(a.Devices) != 1 || len(a.Warnings) != 0 {
		t.Errorf("%+v; want u1's device, and no warning", a)
	}
}
