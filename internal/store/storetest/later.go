package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// ExpandAll makes all deliveries of the pushes that are due, and returns how many devices got one.
func (w *World) ExpandAll(now time.Time, limit int) int {
	w.T.Helper()
	n := 0
	for {
		due, err := w.DuePushes(Context(w.T), now, 10)
		if err != nil {
			w.T.Fatal(err)
		}
		if len(due) == 0 {
			return n
		}
		for _, ref := range due {
			keys, _, err := w.Expand(Context(w.T), ref, now, limit, 0)
			if err != nil {
				w.T.Fatal(err)
			}
			n += len(keys)
		}
	}
}

func (suite) ABroadcastIsMadeInChunksThatGoOnAfterARestart(t *testing.T, w *World) {
	const devices = 25
	for i := range devices {
		w.AddDevice("notes", fmt.Sprint("u", i), fmt.Sprintf("d%02d", i), push.IOS)
	}
	p := PushTo(push.Audience{All: true}, "x")
	if a := w.MustAccept(p); a.Deliveries != 0 || len(a.Devices) != 0 {
		t.Errorf("accepted %+v; want no deliveries yet", a)
	}
	if _, st, err := w.Push(Context(t), "notes", p.ID); st.Final || err != nil {
		t.Errorf("standing %+v, %v; want not final", st, err)
	}
	w.AddDevice("notes", "late", "d05b", push.IOS)
	now := time.Now()
	ref := push.PushRef{App: "notes", ID: p.ID}
	keys, done, err := w.Expand(Context(t), ref, now, 10, 0)
	if err != nil || done || len(keys) != 10 {
		t.Fatalf("first chunk: %d, done %v, %v", len(keys), done, err)
	}
	w.Reopen()
	if n := w.ExpandAll(time.Now(), 10); n != devices-10 {
		t.Errorf("%d made after the restart, want %d", n, devices-10)
	}
	if got := len(w.AllDeliveries(p.ID)); got != devices {
		t.Errorf("%d deliveries, want %d: one per device of that time", got, devices)
	}
	if _, done, err := w.Expand(Context(t), ref, time.Now(), 10, 0); !done || err != nil {
		t.Errorf("expanded again: done %v, %v", done, err)
	}
}

func (suite) TagsChooseUsers(t *testing.T, w *World) {
	if err := w.PutTags(Context(t), "notes", "alice", []string{"beta", "nul\x00"}); err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{"alice", "bob"} {
		w.AddDevice("notes", u, u+"'s", push.IOS)
	}
	if tags, err := w.Tags(Context(t), "notes", "alice"); err != nil || len(tags) != 2 || tags[1] != "nul\x00" {
		t.Errorf("tags %q, %v", tags, err)
	}
	if err := w.PutTags(Context(t), "none", "alice", nil); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("tags in an app that is not there: %v, want not found", err)
	}
	p := PushTo(push.Audience{Tags: &push.TagRule{Any: []string{"beta"}}}, "x")
	targets, _, err := w.Audience(Context(t), p)
	if err != nil || len(targets) != 1 || targets[0].User != "alice" || targets[0].Device.ID != "alice's" {
		t.Errorf("audience %+v, %v; want alice", targets, err)
	}
	w.MustAccept(p)
	w.ExpandAll(time.Now(), 10)
	w.WantStates(p.ID, "alice's alice waiting ")
}

func (suite) AudienceOfUsersNamesThoseWithoutADevice(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	targets, warnings, err := w.Audience(Context(t), PushTo(ToUsers("alice", "bob"), "x"))
	if err != nil || len(targets) != 2 || targets[0].Device.ID != "d1" || targets[1].User != "bob" || len(warnings) != 1 {
		t.Errorf("targets %+v, warnings %v, %v; want d1, bob without a device, a warning", targets, warnings, err)
	}
	if _, _, err := w.Audience(Context(t), PushTo(ToDevices("none"), "x")); err == nil {
		t.Error("an unknown device was taken")
	}
}

func (suite) APushForLaterIsShownScheduledUntilItsTime(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	p := PushTo(ToUsers("alice", "bob", "carol"), "x")
	p.DeliverAt = time.Now().Add(time.Hour)
	if a := w.MustAccept(p); a.Deliveries != 0 || len(a.Warnings) != 2 {
		t.Errorf("accepted %+v; want no deliveries yet, 2 warnings", a)
	}
	w.WantStates(p.ID, " alice scheduled ", " bob scheduled ", " carol scheduled ")
	page, next, err := w.Deliveries(Context(t), "notes", p.ID, "", 2)
	if err != nil || len(page) != 2 || next == "" || page[0].Events[0].Event != "scheduled" {
		t.Fatalf("first page: %+v %q %v", page, next, err)
	}
	if page, next, err = w.Deliveries(Context(t), "notes", p.ID, next, 2); err != nil || len(page) != 1 || next != "" {
		t.Errorf("second page: %d, %q, %v", len(page), next, err)
	}
	if n := w.ExpandAll(time.Now(), 10); n != 0 {
		t.Errorf("%d made before its time", n)
	}
	if due, err := w.NextDuePush(Context(t)); err != nil || due.Sub(p.DeliverAt).Abs() > time.Millisecond {
		t.Errorf("next due %s, %v; want %s", due, err, p.DeliverAt)
	}
	w.AddDevice("notes", "bob", "d2", push.IOS)
	if n := w.ExpandAll(p.DeliverAt.Add(time.Second), 10); n != 2 {
		t.Errorf("%d devices at its time, want 2", n)
	}
	w.WantStates(p.ID, " carol waiting no_device", "d1 alice waiting ", "d2 bob waiting ")
	d := w.AllDeliveries(p.ID)[1]
	if len(d.Events) != 2 || d.Events[0].Event != "scheduled" || d.Events[1].Event != "waiting" || d.Events[1].At.Before(p.DeliverAt.Truncate(time.Second)) {
		t.Errorf("timeline %+v; want scheduled when accepted, waiting when its time came", d.Events)
	}
	if want := p.DeliverAt.Add(time.Hour).Truncate(time.Microsecond); !d.ExpiresAt.Equal(want) || !d.Since.Equal(p.DeliverAt.Truncate(time.Microsecond)) {
		t.Errorf("expires %s, want %s: the TTL counts from deliver_at", d.ExpiresAt, want)
	}
}

func (suite) CancelEndsWhatIsOpenAndNamesTheRest(t *testing.T, w *World) {
	for i := range 3 {
		w.AddDevice("notes", "alice", fmt.Sprint("d", i), push.IOS)
	}
	p := PushTo(ToUsers("alice", "bob"), "x")
	w.MustAccept(p)
	w.Handle("d1", p.ID)
	n, final, err := w.Cancel(Context(t), "notes", p.ID)
	if err != nil || n != 3 || len(final) != 1 || final[0].DeviceID != "d1" || final[0].State != push.Handled {
		t.Errorf("cancelled %d, final %v, %v; want 3, d1 handled", n, States(final), err)
	}
	w.WantStates(p.ID, " bob cancelled ", "d0 alice cancelled ", "d1 alice handled ", "d2 alice cancelled ")
	if _, st, err := w.Push(Context(t), "notes", p.ID); !st.Final || err != nil {
		t.Errorf("standing %+v, %v; want final", st, err)
	}
	if n, final, err := w.Cancel(Context(t), "notes", p.ID); err != nil || n != 0 || len(final) != 4 {
		t.Errorf("again: %d, %d final, %v; want 0, 4", n, len(final), err)
	}
	if _, _, err := w.Cancel(Context(t), "other", p.ID); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("another app's: %v, want not found", err)
	}
}

func (suite) ACancelledPushIsNotMadeLater(t *testing.T, w *World) {
	for i := range 1200 / 100 {
		w.AddDevice("notes", "alice", fmt.Sprint("d", i), push.IOS)
	}
	later := PushTo(ToUsers("alice", "bob"), "x")
	later.DeliverAt = time.Now().Add(time.Minute)
	w.MustAccept(later)
	if n, final, err := w.Cancel(Context(t), "notes", later.ID); n != 2 || len(final) != 0 || err != nil {
		t.Errorf("cancelled %d, final %v, %v; want 2", n, final, err)
	}
	all := PushTo(push.Audience{All: true}, "x")
	w.MustAccept(all)
	if _, _, err := w.Expand(Context(t), push.PushRef{App: "notes", ID: all.ID}, time.Now(), 5, 0); err != nil {
		t.Fatal(err)
	}
	if n, _, err := w.Cancel(Context(t), "notes", all.ID); n != 5 || err != nil {
		t.Errorf("cancelled %d of a broadcast, %v; want the 5 that were made", n, err)
	}
	if n := w.ExpandAll(time.Now().Add(time.Hour), 10); n != 0 {
		t.Errorf("%d made after the cancel, want 0", n)
	}
	w.WantStates(later.ID, " alice cancelled ", " bob cancelled ")
	if got := w.AllDeliveries(later.ID)[0].Events; len(got) != 2 || got[1].Event != "cancelled" {
		t.Errorf("timeline %+v; want scheduled, cancelled", got)
	}
	if _, st, err := w.Push(Context(t), "notes", later.ID); !st.Final || err != nil {
		t.Errorf("standing %+v, %v; want final", st, err)
	}
	if n, final, err := w.Cancel(Context(t), "notes", later.ID); n != 0 || len(final) != 2 || err != nil {
		t.Errorf("again: %d, %d final, %v; want 0, 2", n, len(final), err)
	}
}

func (suite) UsersWithoutADeviceExpire(t *testing.T, w *World) {
	p := PushTo(ToUsers("bob"), "x")
	ttl := time.Minute
	p.TTL = &ttl
	w.MustAccept(p)
	if due, err := w.NextUserlessExpiry(Context(t)); err != nil || due.Sub(p.AcceptedAt.Add(ttl)).Abs() > time.Millisecond {
		t.Errorf("next due %s, %v; want the expiry", due, err)
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{59 * time.Second, 0}, {61 * time.Second, 1}, {62 * time.Second, 0}} {
		if n, err := w.ExpireUserless(Context(t), p.AcceptedAt.Add(c.after), 10); n != c.want || err != nil {
			t.Errorf("after %s: %d expired, %v; want %d", c.after, n, err, c.want)
		}
	}
	w.WantStates(p.ID, " bob expired ttl")
	if due, err := w.NextUserlessExpiry(Context(t)); !due.IsZero() || err != nil {
		t.Errorf("next due %s, %v; want never", due, err)
	}
}

func (suite) ClaimsGiveAppsTheirTurns(t *testing.T, w *World) {
	for i := range 40 {
		w.AddDevice("notes", "alice", fmt.Sprint("d", i), push.IOS)
	}
	w.MustAccept(PushTo(ToUsers("alice"), "x"))
	for _, app := range []string{"a", "z"} {
		if _, _, err := w.PutApp(Context(t), app); err != nil {
			t.Fatal(err)
		}
		w.MustPutResource(push.Resource{App: app, ID: "both", APNs: &push.Strategy{}})
		w.AddDevice(app, "bob", "b1", push.IOS)
		p := PushTo(ToUsers("bob"), "x")
		p.App = app
		w.MustAccept(p)
	}
	now := time.Now()
	keys, err := w.ClaimDevices(Context(t), now, time.Minute, 8)
	if err != nil || len(keys) != 8 {
		t.Fatalf("claimed %d, %v; want 8", len(keys), err)
	}
	byApp := map[string]int{}
	seen := map[push.DeviceKey]bool{}
	for _, k := range keys {
		byApp[k.App]++
		seen[k] = true
	}
	if byApp["a"] != 1 || byApp["z"] != 1 || len(seen) != 8 {
		t.Errorf("claimed by app: %v; want the small ones among the first", byApp)
	}
	for n := 8; n < 42; {
		keys, err := w.ClaimDevices(Context(t), now, time.Minute, 8)
		if err != nil || len(keys) == 0 {
			t.Fatalf("after %d: %d, %v", n, len(keys), err)
		}
		for _, k := range keys {
			if seen[k] {
				t.Fatalf("claimed twice: %v", k)
			}
			seen[k] = true
		}
		n += len(keys)
	}
	if keys, err := w.ClaimDevices(Context(t), now, time.Minute, 8); len(keys) != 0 || err != nil {
		t.Errorf("claimed %d more, %v; want none", len(keys), err)
	}
}

func (suite) OfSomeDevicesThoseThatAreDueAreNamed(t *testing.T, w *World) {
	for i, user := range []string{"alice", "bob", "carol"} {
		w.AddDevice("notes", user, fmt.Sprint("d", i), push.IOS)
	}
	w.MustAccept(PushTo(ToUsers("alice", "carol"), "x")) // due now, without a lease
	now := time.Now().Add(time.Second)
	for _, c := range []struct {
		app  string
		at   time.Time
		want []string
	}{{"notes", now, []string{"d0"}}, {"notes", now.Add(-time.Hour), nil}, {"other", now, nil}} {
		if got, err := w.DueOf(Context(t), c.app, []string{"d0", "d1", "none"}, c.at); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("due of app %s at %v: %v, %v; want %v", c.app, c.at, got, err, c.want)
		}
	}
}

func (suite) AppsThatAreLeftOutOfAClaimKeepWhatIsDue(t *testing.T, w *World) {
	if _, _, err := w.PutApp(Context(t), "z"); err != nil {
		t.Fatal(err)
	}
	w.MustPutResource(push.Resource{App: "z", ID: "both", APNs: &push.Strategy{}})
	w.AddDevice("notes", "alice", "d1", push.IOS)
	w.AddDevice("z", "bob", "d2", push.IOS)
	w.MustAccept(PushTo(ToUsers("alice"), "x"))
	p := PushTo(ToUsers("bob"), "x")
	p.App = "z"
	w.MustAccept(p)
	now := time.Now()
	if keys, err := w.ClaimDevices(Context(t), now, time.Minute, 8, "notes"); err != nil || len(keys) != 1 || keys[0].App != "z" {
		t.Errorf("claimed %v, %v; want the other app's", keys, err)
	}
	if keys, err := w.ClaimDevices(Context(t), now, time.Minute, 8); err != nil || len(keys) != 1 || keys[0].App != "notes" {
		t.Errorf("then claimed %v, %v; want what was left", keys, err)
	}
}

func (suite) LeasesAreRenewedAndGivenBack(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	w.MustAccept(PushTo(ToUsers("alice"), "x"))
	now := time.Now()
	if keys, err := w.ClaimDevices(Context(t), now, 10*time.Second, 10); len(keys) != 1 || err != nil {
		t.Fatalf("claimed %d, %v", len(keys), err)
	}
	if err := w.RenewLeases(Context(t), []push.DeviceKey{Key("d1")}, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if keys, _ := w.ClaimDevices(Context(t), now.Add(time.Minute), 10*time.Second, 10); len(keys) != 0 {
		t.Error("claimed within a renewed lease")
	}
	if err := w.LookAgain(Context(t), "notes", now); err != nil {
		t.Fatal(err)
	}
	if keys, _ := w.ClaimDevices(Context(t), now, 10*time.Second, 10); len(keys) != 0 {
		t.Error("LookAgain took a device from the node that owns it")
	}
	if err := w.RenewLeases(Context(t), []push.DeviceKey{Key("d1")}, now.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if keys, _ := w.ClaimDevices(Context(t), now, time.Hour, 10); len(keys) != 1 {
		t.Error("not due after it was given back")
	}
	if w.Config.DatabaseURL == "" {
		w.Reopen()
		if keys, _ := w.ClaimDevices(Context(t), time.Now(), time.Hour, 10); len(keys) != 1 {
			t.Error("a device that the last process owned is not due after a start")
		}
	}
}

func (suite) LookAgainMakesWaitingDevicesDue(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	wait := func() {
		_, err := w.Step(Context(t), push.StepRequest{Key: Key("d1")}, func(s push.Snapshot) push.Changes {
			d := s.Device
			d.DueAt = time.Now().Add(time.Hour)
			return push.Changes{Device: &d}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	due := func(after string) {
		t.Helper()
		keys, err := w.ClaimDevices(Context(t), time.Now(), time.Minute, 10)
		if len(keys) != 1 || err != nil {
			t.Errorf("after %s: %d due, %v; want 1", after, len(keys), err)
		}
	}
	wait()
	w.MustPutResource(push.Resource{App: "notes", ID: "new", FCM: &push.Strategy{}})
	due("PutResource")
	wait()
	if _, err := w.PutCredential(Context(t), "notes", push.CredentialInfo{Provider: push.APNs}, push.Credential{APNs: &push.APNsCredential{KeyID: "k"}}); err != nil {
		t.Fatal(err)
	}
	due("PutCredential")
}

func (suite) OldPushesGoWhenTheirLastDeliveryIsOldEnough(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	w.AddDevice("notes", "alice", "d2", push.IOS)
	half, done := PushTo(ToUsers("alice"), "x"), PushTo(ToUsers("alice"), "x")
	w.MustAccept(half)
	r := w.Accept(Context(t), []push.AcceptRequest{{Push: done, Idempotency: &push.Idempotency{Key: "k", BodyHash: []byte("h")}}}, 0, nil)[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	w.Handle("d1", half.ID, done.ID)
	w.Handle("d2", done.ID)
	remove := func(before time.Time, want int) {
		t.Helper()
		total := 0
		for {
			n, err := w.Remove(Context(t), before, 2)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			total += n
		}
		if total != want {
			t.Errorf("removed %d rows, want %d", total, want)
		}
	}
	remove(done.AcceptedAt.Add(-time.Second), 0)
	after := time.Now().Add(time.Millisecond)
	remove(after, 4) // the push, two deliveries, the idempotency key
	if _, _, err := w.Push(Context(t), "notes", done.ID); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("the old push: %v, want not found", err)
	}
	w.WantStates(half.ID, "d1 alice handled ", "d2 alice waiting ")
	w.Handle("d2", half.ID)
	remove(time.Now().Add(time.Hour), 3)
	if _, _, found, _ := w.Idempotent(Context(t), "notes", "k"); found {
		t.Error("the idempotency key is still there")
	}
}

func (suite) TheNumberOfAPushIsNotGivenAgain(t *testing.T, w *World) {
	number := func() int64 {
		p := PushTo(ToUsers("alice"), "x")
		w.MustAccept(p)
		n := w.AllDeliveries(p.ID)[0].Row.Push
		if _, _, err := w.Cancel(Context(t), "notes", p.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Remove(Context(t), time.Now().Add(time.Hour), 100); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if first, second := number(), number(); second <= first {
		t.Errorf("the number of a push that is gone was %d, and the next one has %d: who still names the old one would meet it", first, second)
	}
}

func (suite) ACursorOfWhatIsNotMadeIsNoneOfWhatIs(t *testing.T, w *World) {
	for _, user := range []string{"alice", "bob", "carol"} {
		w.AddDevice("notes", user, "d-"+user, push.IOS)
	}
	p := PushTo(ToUsers("alice", "bob", "carol"), "x")
	p.DeliverAt = p.AcceptedAt.Add(time.Hour)
	w.MustAccept(p)
	first, cursor, err := w.Deliveries(Context(t), "notes", p.ID, "", 1)
	if err != nil || len(first) != 1 || cursor == "" {
		t.Fatalf("scheduled: %+v, %q, %v; want the first of three", first, cursor, err)
	}
	if rest, more, err := w.Deliveries(Context(t), "notes", p.ID, cursor, 10); err != nil || len(rest) != 2 || more != "" {
		t.Errorf("the rest: %+v, %q, %v; want two", rest, more, err)
	}
	w.ExpandAll(p.DeliverAt, 10)
	if list, _, err := w.Deliveries(Context(t), "notes", p.ID, cursor, 10); !errors.As(err, new(push.FieldErrors)) {
		t.Errorf("once they are made: %+v, %v; want the cursor refused", list, err)
	}
}
