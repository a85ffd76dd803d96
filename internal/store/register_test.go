package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestADeviceIsFoundByEverythingItIsAskedFor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		token := push.Secret("abcd")
		hash := secret()
		r := push.Registration{DeviceID: "d1", Platform: push.IOS, BundleID: "com.example.notes", Environment: push.Production, ProviderToken: &token,
			AppState: push.AppForeground, Facts: map[string]any{"os_version": "18.1", "low_power": false}}
		reg, _, err := w.Register(ctx(t), r, "notes", push.Caller{User: "alice"}, nil, hash)
		if err != nil || !reg.New || !reg.NewCredential {
			t.Fatalf("registered %+v, %v; want a new device with a new credential", reg, err)
		}
		byHash, err := w.DeviceByCredential(ctx(t), hash)
		if err != nil {
			t.Fatal(err)
		}
		d, err := w.Device(ctx(t), key("d1"))
		if err != nil || d.ID != byHash.ID || d.ProviderToken != token || d.Token != push.TokenOK || d.BundleID != "com.example.notes" ||
			d.Facts["os_version"] != "18.1" || d.Facts["low_power"] != false || d.OwnerGeneration != 1 || d.TokenGeneration != 1 || d.User != "alice" {
			t.Errorf("device %+v, %v", d, err)
		}
		if err := w.ReportState(ctx(t), key("d1"), push.AppBackground, map[string]any{"low_power": true}); err != nil {
			t.Fatal(err)
		}
		if d, _ := w.Device(ctx(t), key("d1")); d.AppState != push.AppBackground || d.Facts["low_power"] != true || d.BundleID == "" {
			t.Errorf("after a report: %+v", d)
		}
		missing, err := w.MissingDevices(ctx(t), "notes", []string{"d1", "d2"})
		if err != nil || len(missing) != 1 || missing[0] != "d2" {
			t.Errorf("missing %q, %v; want d2", missing, err)
		}
		w.device("notes", "alice", "d0", push.Android)
		first, next, err := w.DevicesOf(ctx(t), "notes", "alice", "", 1)
		if err != nil || len(first) != 1 || first[0].ID != "d0" || next == "" {
			t.Fatalf("first page: %v %q %v", first, next, err)
		}
		second, next, err := w.DevicesOf(ctx(t), "notes", "alice", next, 1)
		if err != nil || len(second) != 1 || second[0].ID != "d1" || next != "" {
			t.Errorf("second page: %v %q %v", second, next, err)
		}
		if _, _, err := w.DevicesOf(ctx(t), "notes", "alice", "nonsense", 1); err == nil {
			t.Error("a cursor that no page gave was taken")
		}
		if _, _, err := w.Register(ctx(t), r, "no-app", push.Caller{User: "alice"}, nil, secret()); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("an app that is not there: %v, want not found", err)
		}
	})
}

func TestTakingADeviceOverNeedsItsCredential(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		hash := w.device("notes", "alice", "d1", push.IOS)
		p := pushTo(toUsers("alice"), "for alice")
		w.accept(p)
		r := push.Registration{DeviceID: "d1", Platform: push.IOS}
		for _, presented := range [][]byte{nil, secret()} {
			if _, _, err := w.Register(ctx(t), r, "notes", push.Caller{User: "mallory", Credential: true}, presented, secret()); !errors.Is(err, push.ErrDeviceTaken) {
				t.Errorf("a stranger: %v, want device taken", err)
			}
		}
		bobs := secret()
		reg, _, err := w.Register(ctx(t), r, "notes", push.Caller{User: "bob"}, hash, bobs)
		if err != nil || !reg.OwnerChanged || reg.Device.OwnerGeneration != 2 {
			t.Fatalf("bob: %+v, %v; want the owner changed, generation 2", reg, err)
		}
		w.wantStates(p.ID, "d1 alice undeliverable owner_changed")
		if _, err := w.DeviceByCredential(ctx(t), hash); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("alice's credential: %v, want not found", err)
		}
		if _, open, err := w.Inbox(ctx(t), key("d1"), 10); open != 0 || err != nil {
			t.Errorf("bob's inbox: %d open, %v; want none", open, err)
		}
		if _, _, err := w.Register(ctx(t), r, "notes", push.Caller{}, bobs, nil); err != nil {
			t.Errorf("renewal by credential alone: %v", err)
		}
	})
}

func TestAnUnregisteredDeviceLeavesATombstone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		hash := w.device("notes", "alice", "d1", push.IOS)
		p := pushTo(toUsers("alice"), "x")
		w.accept(p)
		if err := w.Unregister(ctx(t), key("d1")); err != nil {
			t.Fatal(err)
		}
		w.wantStates(p.ID, "d1 alice undeliverable unregistered")
		_, err1 := w.Device(ctx(t), key("d1"))
		_, err2 := w.DeviceByCredential(ctx(t), hash)
		err3 := w.Unregister(ctx(t), key("d1"))
		for i, err := range []error{err1, err2, err3} {
			if !errors.Is(err, push.ErrNotFound) {
				t.Errorf("question %d: %v, want not found", i+1, err)
			}
		}
		later := pushTo(toUsers("alice"), "x")
		if a := w.accept(later); len(a.Warnings) != 0 {
			t.Errorf("warnings %v; want none: alice has been seen", a.Warnings)
		}
		w.device("notes", "bob", "d1", push.IOS)
		if d, err := w.Device(ctx(t), key("d1")); err != nil || d.OwnerGeneration != 2 {
			t.Errorf("registered again: generation %d, %v; want 2", d.OwnerGeneration, err)
		}
		w.wantStates(later.ID, " alice waiting no_device")
	})
}

func TestAProviderTokenThatTurnsUpElsewhereLeavesTheOldDevice(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		token := push.Secret("ffee")
		register := func(app, user, id string) []push.DeviceKey {
			t.Helper()
			r := push.Registration{DeviceID: id, Platform: push.IOS, BundleID: "b", Environment: push.Production, ProviderToken: &token}
			_, moved, err := w.Register(ctx(t), r, app, push.Caller{User: user}, nil, secret())
			if err != nil {
				t.Fatal(err)
			}
			return moved
		}
		if _, _, err := w.PutApp(ctx(t), "other"); err != nil {
			t.Fatal(err)
		}
		register("other", "alice", "d0")
		register("notes", "alice", "d1")
		p := pushTo(toUsers("alice"), "x")
		w.accept(p)
		if moved := register("notes", "bob", "d2"); len(moved) != 1 || moved[0] != key("d1") {
			t.Errorf("moved %v, want d1", moved)
		}
		d, err := w.Device(ctx(t), key("d1"))
		if err != nil || d.Token != push.TokenMissing || d.ProviderToken != "" || d.TokenGeneration != 2 {
			t.Errorf("the old device: token %s, generation %d, %v; want missing, 2", d.Token, d.TokenGeneration, err)
		}
		if d, _ := w.Device(ctx(t), push.DeviceKey{App: "other", Device: "d0"}); d.Token != push.TokenOK {
			t.Errorf("the other app's device: token %s, want ok", d.Token)
		}
		last := w.deliveries(p.ID)[0]
		if e := last.Events[len(last.Events)-1]; e.Event != push.EventTokenDropped || e.Reason != push.ReasonTokenMoved || last.State != push.Waiting {
			t.Errorf("last event %+v in state %s; want token_dropped, token_moved, waiting", e, last.State)
		}
	})
}

func TestTheFirstDeviceTakesWhatWaitsForItsUser(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ttl := time.Hour
		w.putResource(push.Resource{App: "notes", ID: "collapsing", APNs: &push.Strategy{CollapseKey: "k", TTL: &ttl}})
		plain := pushTo(toUsers("alice", "bob"), "x")
		w.accept(plain)
		var collapsing []push.Push
		for range 3 {
			p := pushTo(toUsers("alice"), "x")
			p.ResourceID = "collapsing"
			collapsing = append(collapsing, p)
			w.accept(p)
		}
		w.device("notes", "alice", "d1", push.IOS)
		w.wantStates(plain.ID, " bob waiting no_device", "d1 alice waiting ")
		w.wantStates(collapsing[0].ID, "d1 alice superseded ")
		w.wantStates(collapsing[1].ID, "d1 alice superseded ")
		w.wantStates(collapsing[2].ID, "d1 alice waiting ")
		d := w.deliveries(collapsing[2].ID)[0]
		if got := d.ExpiresAt.Sub(d.AcceptedAt); got != ttl || d.Generation != 1 {
			t.Errorf("TTL %s, generation %d; want those of the device: %s, 1", got, d.Generation, ttl)
		}
		if keys, err := w.ClaimDevices(ctx(t), time.Now(), time.Second, 10); err != nil || len(keys) != 1 || keys[0] != key("d1") {
			t.Errorf("due: %v, %v; want the new device", keys, err)
		}
		w.device("notes", "alice", "d2", push.IOS)
		if n, _ := w.OpenCount(ctx(t), key("d2")); n != 0 {
			t.Errorf("%d open on the second device, want 0: it gets no older pushes", n)
		}
		next := pushTo(toUsers("alice"), "x")
		next.CollapseKey = "k"
		w.accept(next)
		w.wantStates(collapsing[2].ID, "d1 alice superseded ")
	})
}

func TestOneOfManyWhoRegisterADeviceAtOnceGetsIt(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, nodes []*world) {
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				node := nodes[i%2]
				_, _, err := node.Register(ctx(t), push.Registration{DeviceID: "d1", Platform: push.IOS}, "notes", push.Caller{User: fmt.Sprint("user", i)}, nil, secret())
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, push.ErrDeviceTaken):
					t.Errorf("user%d: %v, want device taken", i, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d got the device, want 1", won.Load())
		}
	})
}

func TestNodesThatWriteAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, nodes []*world) {
		const rounds = 20
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				n := nodes[i%2]
				for j := range rounds {
					to := toUsers("u1", "u2", "u3")
					if j%2 == 0 {
						to = toUsers("u3", "u1", "u2")
					}
					n.accept(pushTo(to, "x"))
				}
			})
		}
		for i := range 3 {
			wg.Go(func() { nodes[i%2].device("notes", fmt.Sprint("u", i+1), fmt.Sprint("d", i+1), push.Android) })
		}
		wg.Wait()
		for i := range 3 {
			if n, err := nodes[0].OpenCount(ctx(t), key(fmt.Sprint("d", i+1))); n != 8*rounds || err != nil {
				t.Errorf("open on d%d: %d, %v; want %d: each push once", i+1, n, err, 8*rounds)
			}
		}
	})
}
