package store_test

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

func TestAppsArePagedByName(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		for _, name := range []string{"b", "a", "c"} {
			if app, created, err := w.PutApp(ctx(t), name); err != nil || !created || app.Name != name || app.CreatedAt.IsZero() {
				t.Fatalf("put %s: %+v %v %v", name, app, created, err)
			}
		}
		if _, created, err := w.PutApp(ctx(t), "a"); created || err != nil {
			t.Errorf("put again: created %v, %v", created, err)
		}
		var names []string
		for cursor := ""; ; {
			page, next, err := w.Apps(ctx(t), cursor, 3)
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
		if _, err := w.App(ctx(t), "none"); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("unknown app: %v, want not found", err)
		}
		if err := w.DeleteApp(ctx(t), "none", func() {}); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("delete an unknown app: %v, want not found", err)
		}
	})
}

func TestADeletedAppLeavesNothingToItsSuccessor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		hash := w.device("notes", "alice", "d1", push.IOS)
		for range 3 {
			w.accept(pushTo(toUsers("alice", "bob"), "x"))
		}
		many := make([]string, 700)
		for i := range many {
			many[i] = fmt.Sprint("user", i)
		}
		old := pushTo(toUsers(many...), "x")
		w.accept(old)
		keyHash := secret()
		if err := w.CreateServerKey(ctx(t), push.ServerKey{ID: "k", App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}, keyHash); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.PutApp(ctx(t), "other"); err != nil {
			t.Fatal(err)
		}
		w.device("other", "alice", "d1", push.IOS)
		marked := func() { // its rows are still there
			if _, err := w.DeviceByCredential(ctx(t), hash); !errors.Is(err, push.ErrNotFound) {
				t.Errorf("a credential while its app is being deleted: %v, want not found", err)
			}
		}
		if err := w.DeleteApp(ctx(t), "notes", marked); err != nil {
			t.Fatal(err)
		}
		_, err1 := w.App(ctx(t), "notes")
		_, err2 := w.ServerKeyByHash(ctx(t), keyHash)
		_, err3 := w.DeviceByCredential(ctx(t), hash)
		r := w.Accept(ctx(t), []push.AcceptRequest{{Push: pushTo(toUsers("alice"), "x")}}, 0, nil)
		for i, err := range []error{err1, err2, err3, r[0].Err} {
			if !errors.Is(err, push.ErrNotFound) {
				t.Errorf("question %d after the app was deleted: %v, want not found", i+1, err)
			}
		}
		if _, created, err := w.PutApp(ctx(t), "notes"); !created || err != nil {
			t.Fatalf("made again: %v %v", created, err)
		}
		w.putResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{}})
		if _, _, err := w.Push(ctx(t), "notes", old.ID); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("an old push: %v, want not found", err)
		}
		if a := w.accept(pushTo(toUsers("alice"), "x")); len(a.Warnings) != 1 || len(a.Devices) != 0 {
			t.Errorf("accepted %+v; want alice never seen", a)
		}
		if d, err := w.Device(ctx(t), push.DeviceKey{App: "other", Device: "d1"}); err != nil || d.User != "alice" {
			t.Errorf("the other app's device: %v", err)
		}
	})
}

func TestADeletedAppsBroadcastIsNotCountedInAnotherOne(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		counts := func() (push.ID, map[push.State]int) {
			for _, id := range []string{"d1", "d2"} {
				w.device("notes", "alice", id, push.IOS)
			}
			p := pushTo(push.Audience{All: true}, "x")
			w.accept(p)
			w.expandAll(time.Now(), 10)
			counts, err := w.Counts(ctx(t), "notes", p.ID)
			if err != nil {
				t.Fatal(err)
			}
			return p.ID, counts
		}
		counts()
		if err := w.DeleteApp(ctx(t), "notes", func() {}); err != nil {
			t.Fatal(err)
		}
		w.reopen() // SQLite gives the numbers of pushes that are gone to others
		if _, _, err := w.PutApp(ctx(t), "notes"); err != nil {
			t.Fatal(err)
		}
		w.putResource(push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{}})
		id, got := counts()
		if want := map[push.State]int{push.Waiting: 2}; !maps.Equal(got, want) {
			t.Errorf("the broadcast counts %v, want %v", got, want)
		}
		for _, device := range []string{"d1", "d2"} {
			w.handle(device, id)
		}
		if final, err := w.Final(ctx(t), "notes", id); !final || err != nil {
			t.Errorf("handled by all: final %v, %v; want it final", final, err)
		}
	})
}

func TestKeysAreStoredAndVoided(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		hash := secret()
		k := push.ServerKey{ID: "k1", App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}
		if err := w.CreateServerKey(ctx(t), k, hash); err != nil {
			t.Fatal(err)
		}
		if err := w.CreateServerKey(ctx(t), push.ServerKey{ID: "k2", App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}, hash); !errors.Is(err, push.ErrConflict) {
			t.Errorf("the same hash: %v, want a conflict", err)
		}
		if err := w.CreateServerKey(ctx(t), push.ServerKey{ID: "k1", App: "none", CreatedAt: time.Now()}, secret()); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("an app that is not there: %v, want not found", err)
		}
		if got, err := w.ServerKeyByHash(ctx(t), hash); err != nil || got.ID != "k1" || got.App != "notes" || got.Role != push.RoleSend {
			t.Errorf("by hash: %+v, %v", got, err)
		}
		if list, _, err := w.ServerKeys(ctx(t), "notes", "", 10); err != nil || len(list) != 1 {
			t.Errorf("keys %v, %v", list, err)
		}
		if err := errors.Join(w.DeleteServerKey(ctx(t), "notes", "k1")); err != nil {
			t.Error(err)
		}
		if err := w.DeleteServerKey(ctx(t), "notes", "k1"); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("deleted again: %v, want not found", err)
		}
		sk := push.SigningKey{App: "notes", KID: "s1", Alg: "HS256", Secret: "key\x00bytes", CreatedAt: time.Now()}
		if created, err := w.PutSigningKey(ctx(t), sk); !created || err != nil {
			t.Fatalf("signing key: %v %v", created, err)
		}
		if created, err := w.PutSigningKey(ctx(t), push.SigningKey{App: "notes", KID: "s2", Alg: "ES256", PublicKey: "PEM", CreatedAt: time.Now()}); !created || err != nil {
			t.Fatalf("signing key: %v %v", created, err)
		}
		if got, err := w.SigningKey(ctx(t), "notes", "s1"); err != nil || got.Secret != sk.Secret || got.Alg != "HS256" {
			t.Errorf("signing key: %v, %v", got, err)
		}
		if list, err := w.SigningKeysFrom(ctx(t), "notes", ""); err != nil || len(list) != 2 || list[1].PublicKey != "PEM" {
			t.Errorf("signing keys %v, %v", list, err)
		}
		if err := w.DeleteSigningKey(ctx(t), "notes", "s1"); err != nil {
			t.Error(err)
		}
	})
}

func TestResourcesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ttl := time.Duration(0)
		want := push.Resource{App: "notes", ID: "r", ClientSend: true,
			APNs: &push.Strategy{TTL: &ttl, Budget: push.Budget{Wakes: 3, Per: time.Hour, Burst: 2}, Rewake: push.Rewake{Times: 1, After: time.Minute}},
			FCM:  &push.Strategy{Priority: push.High, CollapseKey: "k\x00"}}
		if created, err := w.PutResource(ctx(t), want); !created || err != nil {
			t.Fatalf("put: %v %v", created, err)
		}
		if created, err := w.PutResource(ctx(t), want); created || err != nil {
			t.Errorf("put again: created %v, %v", created, err)
		}
		got, err := w.Resource(ctx(t), "notes", "r")
		if err != nil || *got.APNs.TTL != 0 || got.APNs.Budget != want.APNs.Budget || got.APNs.Rewake != want.APNs.Rewake || *got.FCM != *want.FCM || !got.ClientSend {
			t.Errorf("resource %+v, %v", got, err)
		}
		if list, next, err := w.Resources(ctx(t), "notes", "", 1); err != nil || len(list) != 1 || list[0].ID != "both" || next == "" {
			t.Errorf("resources %v %q %v", list, next, err)
		}
		if err := w.DeleteResource(ctx(t), "notes", "r"); err != nil {
			t.Error(err)
		}
		if _, err := w.Resource(ctx(t), "notes", "r"); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("deleted: %v, want not found", err)
		}
	})
}

func TestCredentialsAreEncryptedAtRest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		info := push.CredentialInfo{Provider: push.APNs, Kind: "token", KeyID: "K1", Topics: []string{"com.example.notes"}}
		c := push.Credential{APNs: &push.APNsCredential{Key: "very secret key", KeyID: "K1"}}
		if created, err := w.PutCredential(ctx(t), "notes", info, c); !created || err != nil {
			t.Fatalf("put: %v %v", created, err)
		}
		if _, err := w.PutSigningKey(ctx(t), push.SigningKey{App: "notes", KID: "s1", Alg: "HS256", Secret: "another secret", CreatedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
		got, gotInfo, err := w.Credential(ctx(t), "notes", push.APNs)
		if err != nil || got.APNs.Key != c.APNs.Key || gotInfo.KeyID != "K1" {
			t.Errorf("credential: %v, %v", gotInfo, err)
		}
		if infos, err := w.Credentials(ctx(t), "notes"); err != nil || len(infos) != 1 || infos[0].Topics[0] != "com.example.notes" {
			t.Errorf("infos %v, %v", infos, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if w.cfg.DataDir != "" {
			for _, secret := range []string{"very secret key", "another secret"} {
				files, _ := filepath.Glob(filepath.Join(w.cfg.DataDir, "*"))
				for _, f := range files {
					if b, _ := os.ReadFile(f); bytes.Contains(b, []byte(secret)) {
						t.Errorf("%s is in %s", secret, f)
					}
				}
			}
		}
		other := w.cfg
		other.Keys = sealedBy("k2")
		_, err = store.Open(ctx(t), other)
		if err == nil || !strings.Contains(err.Error(), "k1") || !strings.Contains(err.Error(), "k2") {
			t.Errorf("another key: %v; want an error that names both", err)
		}
		w.Store = open(t, w.cfg)
		if err := errors.Join(w.DeleteCredential(ctx(t), "notes", push.APNs), w.DeleteSigningKey(ctx(t), "notes", "s1"), w.Close()); err != nil {
			t.Fatal(err)
		}
		// Nothing of an app is sealed any more; the key is the database's all the same.
		if _, err := store.Open(ctx(t), other); err == nil || !strings.Contains(err.Error(), "k1") || !strings.Contains(err.Error(), "k2") {
			t.Errorf("another key for a database without credentials: %v; want an error that names both", err)
		}
		w.Store = open(t, w.cfg)
	})
}

func TestADataDirectoryHasOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Config{DataDir: t.TempDir()})
	second := w.cfg
	second.TurnWait = -1
	_, err := store.Open(ctx(t), second)
	if err == nil || !strings.Contains(err.Error(), w.cfg.DataDir) {
		t.Errorf("a second one: %v; want an error that names the directory", err)
	}
	w.reopen()
}

func TestOpenSaysWhatIsWrongWithItsConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg  store.Config
		want string
	}{
		{store.Config{DataDir: "x"}, "Keys"},
		{store.Config{Keys: sealedBy("k")}, "DataDir"},
		{store.Config{Keys: sealedBy("k"), DataDir: "x", Accepting: push.Accepting{AckWait: -1}}, "AckWait"},
		{store.Config{Keys: sealedBy("k"), DatabaseURL: "postgres://hush:hunter2@[::1/x"}, "database URL"},
		{store.Config{Keys: sealedBy("k"), DatabaseURL: "postgres://hush:hunter2@127.0.0.1:1/x"}, "connect"},
	} {
		_, err := store.Open(ctx(t), c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v; want an error about %s, without the password", c.cfg, err, c.want)
		}
	}
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		if err := w.Ping(ctx(t)); err != nil {
			t.Errorf("ping: %v", err)
		}
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.PutApp(ctx(t), "x"); !errors.Is(err, push.ErrUnavailable) {
			t.Errorf("after Close: %v, want unavailable", err)
		}
	})
}

func TestACallerThatHasGoneWritesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		gone, cancel := context.WithCancel(ctx(t))
		cancel()
		p := pushTo(toUsers("alice"), "x")
		r := w.Accept(gone, []push.AcceptRequest{{Push: p}}, 0, nil)[0]
		_, _, err := w.Push(ctx(t), "notes", p.ID)
		if (r.Err == nil) != (err == nil) {
			t.Errorf("accept says %v, the store %v; want the same", r.Err, err)
		}
	})
}
