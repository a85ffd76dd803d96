package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/push"
)

func (suite) AppsArePagedByName(t *testing.T, w *World) {
	for _, name := range []string{"b", "a", "c"} {
		if app, created, err := w.PutApp(Context(t), name); err != nil || !created || app.Name != name || app.CreatedAt.IsZero() {
			t.Fatalf("put %s: %+v %v %v", name, app, created, err)
		}
	}
	if _, created, err := w.PutApp(Context(t), "a"); created || err != nil {
		t.Errorf("put again: created %v, %v", created, err)
	}
	var names []string
	for cursor := ""; ; {
		page, next, err := w.Apps(Context(t), cursor, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			names = append(names, a.Name)
		}
		if next == "" {
			break
		}
		cursor = next
	}
	if got := strings.Join(names, " "); got != "a b c notes" {
		t.Errorf("apps %q", got)
	}
	if _, err := w.App(Context(t), "none"); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("unknown app: %v, want not found", err)
	}
	if err := w.DeleteApp(Context(t), "none", func() {}); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("delete an unknown app: %v, want not found", err)
	}
}

func (suite) ADeletedAppLeavesNothingToItsSuccessor(t *testing.T, w *World) {
	hash := w.AddDevice("notes", "alice", "d1", push.IOS)
	for range 3 {
		w.MustAccept(PushTo(ToUsers("alice", "bob"), "x"))
	}
	many := make([]string, 700)
	for i := range many {
		many[i] = fmt.Sprint("user", i)
	}
	old := PushTo(ToUsers(many...), "x")
	w.MustAccept(old)
	keyHash := NewHash()
	if err := w.CreateServerKey(Context(t), push.ServerKey{ID: "k", App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}, keyHash); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.PutApp(Context(t), "other"); err != nil {
		t.Fatal(err)
	}
	w.AddDevice("other", "alice", "d1", push.IOS)
	marked := func() { // its rows are still there
		if _, err := w.DeviceByCredential(Context(t), hash); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("a credential while its app is being deleted: %v, want not found", err)
		}
	}
	if err := w.DeleteApp(Context(t), "notes", marked); err != nil {
		t.Fatal(err)
	}
	_, err1 := w.App(Context(t), "notes")
	_, err2 := w.ServerKeyByHash(Context(t), keyHash)
	_, err3 := w.DeviceByCredential(Context(t), hash)
	r := w.Accept(Context(t), []push.AcceptRequest{{Push: PushTo(ToUsers("alice"), "x")}}, 0, nil)
	for i, err := range []error{err1, err2, err3, r[0].Err} {
		if !errors.Is(err, push.ErrNotFound) {
			t.Errorf("question %d after the app was deleted: %v, want not found", i+1, err)
		}
	}
	if _, created, err := w.PutApp(Context(t), "notes"); !created || err != nil {
		t.Fatalf("made again: %v %v", created, err)
	}
	w.MustPutResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{}})
	if _, _, err := w.Push(Context(t), "notes", old.ID); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("an old push: %v, want not found", err)
	}
	if a := w.MustAccept(PushTo(ToUsers("alice"), "x")); len(a.Warnings) != 1 || len(a.Devices) != 0 {
		t.Errorf("accepted %+v; want alice never seen", a)
	}
	if d, err := w.Device(Context(t), push.DeviceKey{App: "other", Device: "d1"}); err != nil || d.User != "alice" {
		t.Errorf("the other app's device: %v", err)
	}
}

func (suite) ADeletedAppsBroadcastIsNotCountedInAnotherOne(t *testing.T, w *World) {
	counts := func() (push.ID, map[push.State]int) {
		for _, id := range []string{"d1", "d2"} {
			w.AddDevice("notes", "alice", id, push.IOS)
		}
		p := PushTo(push.Audience{All: true}, "x")
		w.MustAccept(p)
		w.ExpandAll(time.Now(), 10)
		counts, err := w.Counts(Context(t), "notes", p.ID)
		if err != nil {
			t.Fatal(err)
		}
		return p.ID, counts
	}
	counts()
	if err := w.DeleteApp(Context(t), "notes", func() {}); err != nil {
		t.Fatal(err)
	}
	w.Reopen() // SQLite gives the numbers of pushes that are gone to others
	if _, _, err := w.PutApp(Context(t), "notes"); err != nil {
		t.Fatal(err)
	}
	w.MustPutResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{}})
	id, got := counts()
	if want := map[push.State]int{push.Waiting: 2}; !maps.Equal(got, want) {
		t.Errorf("the broadcast counts %v, want %v", got, want)
	}
	for _, device := range []string{"d1", "d2"} {
		w.Handle(device, id)
	}
	if final, err := w.Final(Context(t), "notes", id); !final || err != nil {
		t.Errorf("handled by all: final %v, %v; want it final", final, err)
	}
}

func (suite) KeysAreStoredAndVoided(t *testing.T, w *World) {
	hash := NewHash()
	k := push.ServerKey{ID: "k1", App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}
	if err := w.CreateServerKey(Context(t), k, hash); err != nil {
		t.Fatal(err)
	}
	if err := w.CreateServerKey(Context(t), push.ServerKey{ID: "k2", App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}, hash); !errors.Is(err, push.ErrConflict) {
		t.Errorf("the same hash: %v, want a conflict", err)
	}
	if err := w.CreateServerKey(Context(t), push.ServerKey{ID: "k1", App: "none", CreatedAt: time.Now()}, NewHash()); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("an app that is not there: %v, want not found", err)
	}
	if got, err := w.ServerKeyByHash(Context(t), hash); err != nil || got.ID != "k1" || got.App != "notes" || got.Role != push.RoleSend {
		t.Errorf("by hash: %+v, %v", got, err)
	}
	if list, _, err := w.ServerKeys(Context(t), "notes", "", 10); err != nil || len(list) != 1 {
		t.Errorf("keys %v, %v", list, err)
	}
	if err := errors.Join(w.DeleteServerKey(Context(t), "notes", "k1")); err != nil {
		t.Error(err)
	}
	if err := w.DeleteServerKey(Context(t), "notes", "k1"); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("deleted again: %v, want not found", err)
	}
	sk := push.SigningKey{App: "notes", KID: "s1", Alg: "HS256", Secret: "key\x00bytes", CreatedAt: time.Now()}
	if created, err := w.PutSigningKey(Context(t), sk); !created || err != nil {
		t.Fatalf("signing key: %v %v", created, err)
	}
	if created, err := w.PutSigningKey(Context(t), push.SigningKey{App: "notes", KID: "s2", Alg: "ES256", PublicKey: "PEM", CreatedAt: time.Now()}); !created || err != nil {
		t.Fatalf("signing key: %v %v", created, err)
	}
	if got, err := w.SigningKey(Context(t), "notes", "s1"); err != nil || got.Secret != sk.Secret || got.Alg != "HS256" {
		t.Errorf("signing key: %v, %v", got, err)
	}
	if list, err := w.SigningKeysFrom(Context(t), "notes", ""); err != nil || len(list) != 2 || list[1].PublicKey != "PEM" {
		t.Errorf("signing keys %v, %v", list, err)
	}
	if err := w.DeleteSigningKey(Context(t), "notes", "s1"); err != nil {
		t.Error(err)
	}
}

func (suite) ResourcesComeBackAsTheyWere(t *testing.T, w *World) {
	ttl := time.Duration(0)
	want := push.Resource{App: "notes", ID: "r", ClientSend: true,
		APNs: &push.Strategy{TTL: &ttl, Budget: push.Budget{Wakes: 3, Per: time.Hour, Burst: 2}, Rewake: push.Rewake{Times: 1, After: time.Minute}},
		FCM:  &push.Strategy{Priority: push.High, CollapseKey: "k\x00"}}
	if created, err := w.PutResource(Context(t), want); !created || err != nil {
		t.Fatalf("put: %v %v", created, err)
	}
	if created, err := w.PutResource(Context(t), want); created || err != nil {
		t.Errorf("put again: created %v, %v", created, err)
	}
	got, err := w.Resource(Context(t), "notes", "r")
	if err != nil || *got.APNs.TTL != 0 || got.APNs.Budget != want.APNs.Budget || got.APNs.Rewake != want.APNs.Rewake || *got.FCM != *want.FCM || !got.ClientSend {
		t.Errorf("resource %+v, %v", got, err)
	}
	if list, next, err := w.Resources(Context(t), "notes", "", 1); err != nil || len(list) != 1 || list[0].ID != "both" || next == "" {
		t.Errorf("resources %v %q %v", list, next, err)
	}
	if err := w.DeleteResource(Context(t), "notes", "r"); err != nil {
		t.Error(err)
	}
	if _, err := w.Resource(Context(t), "notes", "r"); !errors.Is(err, push.ErrNotFound) {
		t.Errorf("deleted: %v, want not found", err)
	}
}

func (suite) CredentialsAreEncryptedAtRest(t *testing.T, w *World) {
	info := push.CredentialInfo{Provider: push.APNs, Kind: "token", KeyID: "K1", Topics: []string{"com.example.notes"}}
	c := push.Credential{APNs: &push.APNsCredential{Key: "very secret key", KeyID: "K1"}}
	if created, err := w.PutCredential(Context(t), "notes", info, c); !created || err != nil {
		t.Fatalf("put: %v %v", created, err)
	}
	if _, err := w.PutSigningKey(Context(t), push.SigningKey{App: "notes", KID: "s1", Alg: "HS256", Secret: "another secret", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	got, gotInfo, err := w.Credential(Context(t), "notes", push.APNs)
	if err != nil || got.APNs.Key != c.APNs.Key || gotInfo.KeyID != "K1" {
		t.Errorf("credential: %v, %v", gotInfo, err)
	}
	if infos, err := w.Credentials(Context(t), "notes"); err != nil || len(infos) != 1 || infos[0].Topics[0] != "com.example.notes" {
		t.Errorf("infos %v, %v", infos, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Config.DataDir != "" {
		for _, secret := range []string{"very secret key", "another secret"} {
			files, _ := filepath.Glob(filepath.Join(w.Config.DataDir, "*"))
			for _, f := range files {
				if b, _ := os.ReadFile(f); bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s is in %s", secret, f)
				}
			}
		}
	}
	other := w.Config
	other.Keys = SealedBy("k2")
	_, err = store.Open(Context(t), other)
	if err == nil || !strings.Contains(err.Error(), "k1") || !strings.Contains(err.Error(), "k2") {
		t.Errorf("another key: %v; want an error that names both", err)
	}
	w.Store = Open(t, w.Config)
	if err := errors.Join(w.DeleteCredential(Context(t), "notes", push.APNs), w.DeleteSigningKey(Context(t), "notes", "s1"), w.Close()); err != nil {
		t.Fatal(err)
	}
	// No value of an app is sealed any more, but the database still belongs to the key.
	if _, err := store.Open(Context(t), other); err == nil || !strings.Contains(err.Error(), "k1") || !strings.Contains(err.Error(), "k2") {
		t.Errorf("another key for a database without credentials: %v; want an error that names both", err)
	}
	w.Store = Open(t, w.Config)
}

func (suite) AClosedStoreIsUnavailable(t *testing.T, w *World) {
	if err := w.Ping(Context(t)); err != nil {
		t.Errorf("ping: %v", err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.PutApp(Context(t), "x"); !errors.Is(err, push.ErrUnavailable) {
		t.Errorf("after Close: %v, want unavailable", err)
	}
}

func (suite) ACallerThatHasGoneWritesNothing(t *testing.T, w *World) {
	gone, cancel := context.WithCancel(Context(t))
	cancel()
	p := PushTo(ToUsers("alice"), "x")
	r := w.Accept(gone, []push.AcceptRequest{{Push: p}}, 0, nil)[0]
	_, _, err := w.Push(Context(t), "notes", p.ID)
	if (r.Err == nil) != (err == nil) {
		t.Errorf("accept says %v, the store %v; want the same", r.Err, err)
	}
}
