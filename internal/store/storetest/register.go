package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func (suite) ADeviceIsFoundByEverythingItIsAskedFor(t *testing.T, w *World) {
	token := push.Secret("abcd")
	hash := NewHash()
	r := push.Registration{DeviceID: "d1", Platform: push.IOS, BundleID: "com.example.notes", Environment: push.Production, ProviderToken: &token,
		AppState: push.AppForeground, Facts: map[string]any{"os_version": "18.1", "low_power": false}}
	reg, _, err := w.Register(Context(t), r, "notes", push.Caller{User: "alice"}, nil, hash)
	if err != nil || !reg.New || !reg.NewCredential {
		t.Fatalf("registered %+v, %v; want a new device with a new credential", reg, err)
	}
	byHash, err := w.DeviceByCredential(Context(t), hash)
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.Device(Context(t), Key("d1"))
	if err != nil || d.ID != byHash.ID || d.ProviderToken != token || d.Token != push.TokenOK || d.BundleID != "com.example.notes" ||
		d.Facts["os_version"] != "18.1" || d.Facts["low_power"] != false || d.OwnerGeneration != 1 || d.TokenGeneration != 1 || d.User != "alice" {
		t.Errorf("device %+v, %v", d, err)
	}
	if err := w.ReportState(Context(t), Key("d1"), push.AppBackground, map[string]any{"low_power": true}); err != nil {
		t.Fatal(err)
	}
	if d, _ := w.Device(Context(t), Key("d1")); d.AppState != push.AppBackground || d.Facts["low_power"] != true || d.BundleID == "" {
		t.Errorf("after a report: %+v", d)
	}
	missing, err := w.MissingDevices(Context(t), "notes", []string{"d1", "d2"})
	if err != nil || len(missing) != 1 || missing[0] != "d2" {
		t.Errorf("missing %q, %v; want d2", missing, err)
	}
	w.AddDevice("notes", "alice", "d0", push.Android)
	first, next, err := w.DevicesOf(Context(t), "notes", "alice", "", 1)
	if err != nil || len(first) != 1 || first[0].ID != "d0" || next == "" {
		t.Fatalf("first page: %v %q %v", first, next, err)
	}
	second, next, err := w.DevicesOf(Context(t), "notes", "alice", next, 1)
	if err != nil || len(second) != 1 || second[0].ID != "d1" || next != "" {
		t.Errorf("second page: %v %q %v", second, next, err)
	}
	if _, _, err := w.DevicesOf(Context(t), "notes", "alice", "nonsense", 1); err == nil {
		t.Error("a cursor that no page gave was taken")
	}
	if _, _, err := w.Register(Context(t), r, "no-app", push.Caller{User: "alice"}, nil, NewHash()); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("an app that is not there: %v, want not found", err)
	}
}

func (suite) TakingADeviceOverNeedsItsCredential(t *testing.T, w *World) {
	hash := w.AddDevice("notes", "alice", "d1", push.IOS)
	p := PushTo(ToUsers("alice"), "for alice")
	w.MustAccept(p)
	r := push.Registration{DeviceID: "d1", Platform: push.IOS}
	for _, presented := range [][]byte{nil, NewHash()} {
		if _, _, err := w.Register(Context(t), r, "notes", push.Caller{User: "mallory", Credential: true}, presented, NewHash()); !errors.Is(err, push.ErrDeviceTaken) {
			t.Errorf("a stranger: %v, want device taken", err)
		}
	}
	bobs := NewHash()
	reg, _, err := w.Register(Context(t), r, "notes", push.Caller{User: "bob"}, hash, bobs)
	if err != nil || !reg.OwnerChanged || reg.Device.OwnerGeneration != 2 {
		t.Fatalf("bob: %+v, %v; want the owner changed, generation 2", reg, err)
	}
	w.WantStates(p.ID, "d1 alice undeliverable owner_changed")
	if _, err := w.DeviceByCredential(Context(t), hash); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("alice's credential: %v, want not found", err)
	}
	if _, open, err := w.Inbox(Context(t), Key("d1"), 10); open != 0 || err != nil {
		t.Errorf("bob's inbox: %d open, %v; want none", open, err)
	}
	if _, _, err := w.Register(Context(t), r, "notes", push.Caller{}, bobs, nil); err != nil {
		t.Errorf("renewal by credential alone: %v", err)
	}
}

func (suite) AnUnregisteredDeviceLeavesATombstone(t *testing.T, w *World) {
	hash := w.AddDevice("notes", "alice", "d1", push.IOS)
	p := PushTo(ToUsers("alice"), "x")
	w.MustAccept(p)
	if err := w.Unregister(Context(t), Key("d1")); err != nil {
		t.Fatal(err)
	}
	w.WantStates(p.ID, "d1 alice undeliverable unregistered")
	_, err1 := w.Device(Context(t), Key("d1"))
	_, err2 := w.DeviceByCredential(Context(t), hash)
	err3 := w.Unregister(Context(t), Key("d1"))
	for i, err := range []error{err1, err2, err3} {
		if !errors.Is(err, push.ErrNotFound) {
			t.Errorf("question %d: %v, want not found", i+1, err)
		}
	}
	later := PushTo(ToUsers("alice"), "x")
	if a := w.MustAccept(later); len(a.Warnings) != 0 {
		t.Errorf("warnings %v; want none: alice has been seen", a.Warnings)
	}
	w.AddDevice("notes", "bob", "d1", push.IOS)
	if d, err := w.Device(Context(t), Key("d1")); err != nil || d.OwnerGeneration != 2 {
		t.Errorf("registered again: generation %d, %v; want 2", d.OwnerGeneration, err)
	}
	w.WantStates(later.ID, " alice waiting no_device")
}

func (suite) AProviderTokenThatTurnsUpElsewhereLeavesTheOldDevice(t *testing.T, w *World) {
	token := push.Secret("ffee")
	register := func(app, user, id string) []push.DeviceKey {
		t.Helper()
		r := push.Registration{DeviceID: id, Platform: push.IOS, BundleID: "b", Environment: push.Production, ProviderToken: &token}
		_, moved, err := w.Register(Context(t), r, app, push.Caller{User: user}, nil, NewHash())
		if err != nil {
			t.Fatal(err)
		}
		return moved
	}
	if _, _, err := w.PutApp(Context(t), "other"); err != nil {
		t.Fatal(err)
	}
	register("other", "alice", "d0")
	register("notes", "alice", "d1")
	p := PushTo(ToUsers("alice"), "x")
	w.MustAccept(p)
	if moved := register("notes", "bob", "d2"); len(moved) != 1 || moved[0] != Key("d1") {
		t.Errorf("moved %v, want d1", moved)
	}
	d, err := w.Device(Context(t), Key("d1"))
	if err != nil || d.Token != push.TokenMissing || d.ProviderToken != "" || d.TokenGeneration != 2 {
		t.Errorf("the old device: token %s, generation %d, %v; want missing, 2", d.Token, d.TokenGeneration, err)
	}
	if d, _ := w.Device(Context(t), push.DeviceKey{App: "other", Device: "d0"}); d.Token != push.TokenOK {
		t.Errorf("the other app's device: token %s, want ok", d.Token)
	}
	last := w.AllDeliveries(p.ID)[0]
	if e := last.Events[len(last.Events)-1]; e.Event != push.EventTokenDropped || e.Reason != push.ReasonTokenMoved || last.State != push.Waiting {
		t.Errorf("last event %+v in state %s; want token_dropped, token_moved, waiting", e, last.State)
	}
}

func (suite) TheFirstDeviceTakesWhatWaitsForItsUser(t *testing.T, w *World) {
	ttl := time.Hour
	w.MustPutResource(push.Resource{App: "notes", ID: "collapsing", APNs: &push.Strategy{CollapseKey: "k", TTL: &ttl}})
	plain := PushTo(ToUsers("alice", "bob"), "x")
	w.MustAccept(plain)
	var collapsing []push.Push
	for range 3 {
		p := PushTo(ToUsers("alice"), "x")
		p.ResourceID = "collapsing"
		collapsing = append(collapsing, p)
		w.MustAccept(p)
	}
	w.AddDevice("notes", "alice", "d1", push.IOS)
	w.WantStates(plain.ID, " bob waiting no_device", "d1 alice waiting ")
	w.WantStates(collapsing[0].ID, "d1 alice superseded ")
	w.WantStates(collapsing[1].ID, "d1 alice superseded ")
	w.WantStates(collapsing[2].ID, "d1 alice waiting ")
	d := w.AllDeliveries(collapsing[2].ID)[0]
	if got := d.ExpiresAt.Sub(d.AcceptedAt); got != ttl || d.Generation != 1 {
		t.Errorf("TTL %s, generation %d; want those of the device: %s, 1", got, d.Generation, ttl)
	}
	if keys, err := w.ClaimDevices(Context(t), time.Now(), time.Second, 10); err != nil || len(keys) != 1 || keys[0] != Key("d1") {
		t.Errorf("due: %v, %v; want the new device", keys, err)
	}
	w.AddDevice("notes", "alice", "d2", push.IOS)
	if n, _ := w.OpenCount(Context(t), Key("d2")); n != 0 {
		t.Errorf("%d open on the second device, want 0: it gets no older pushes", n)
	}
	next := PushTo(ToUsers("alice"), "x")
	next.CollapseKey = "k"
	w.MustAccept(next)
	w.WantStates(collapsing[2].ID, "d1 alice superseded ")
}
