package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store/storetest"
	"github.com/hushpush/hush/push"
)

// serverKey creates the key "k" of the app "notes".
func (w *world) serverKey() (hash []byte) {
	w.T.Helper()
	hash = storetest.NewHash()
	key := push.ServerKey{ID: "k", App: "notes", Role: push.RoleSend, CreatedAt: time.Now()}
	if err := w.CreateServerKey(storetest.Context(w.T), key, hash); err != nil {
		w.T.Fatal(err)
	}
	return hash
}

// The changes of cached rows, and what is left after each.
var endings = []struct {
	name string
	end  func(w *world) error
	key  bool // the key is deleted
	left bool // the resource exists, with other strategies
}{
	{"the key is deleted", func(w *world) error { return w.DeleteServerKey(storetest.Context(w.T), "notes", "k") }, true, true},
	{"the resource is changed", func(w *world) error {
		_, err := w.PutResource(storetest.Context(w.T), push.Resource{App: "notes", ID: "both", FCM: &push.Strategy{}})
		return err
	}, false, true},
	{"the resource is deleted", func(w *world) error { return w.DeleteResource(storetest.Context(w.T), "notes", "both") }, false, false},
	{"the app is deleted", func(w *world) error { return w.DeleteApp(storetest.Context(w.T), "notes", func() {}) }, true, false},
}

func TestAnAnsweredChangeEndsWhatWasReadBefore(t *testing.T) {
	t.Parallel()
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, w *world) {
				hash := w.serverKey()
				before := w.readBoth(hash)
				if before.keyErr != nil || before.resourceErr != nil {
					t.Fatalf("before: %+v", before)
				}
				if err := e.end(w); err != nil {
					t.Fatal(err)
				}
				w.checkEnded(hash, e.key, e.left, before)
			})
		})
	}
}

// A row may be read before a change is committed, and reach the reader after the change is acknowledged.
func TestARowReadBeforeItsChangeIsNotKept(t *testing.T) {
	t.Parallel()
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, w *world) {
				hash := w.serverKey()
				reads, ended := make(chan struct{}, 2), make(chan struct{})
				var asked atomic.Int32 // the key and the resource come first
				w.AfterRead(func() {
					if asked.Add(1) <= 2 {
						reads <- struct{}{}
						<-ended
					}
				})
				var readers sync.WaitGroup
				readers.Go(func() { _, _ = w.ServerKeyByHash(storetest.Context(t), hash) })
				readers.Go(func() { _, _ = w.Resource(storetest.Context(t), "notes", "both") })
				<-reads
				<-reads
				if err := e.end(w); err != nil {
					t.Fatal(err)
				}
				close(ended)
				readers.Wait()
				w.checkEnded(hash, e.key, e.left, readings{})
			})
		})
	}
}

// readings returns what the store has of the key and the resource.
type readings struct {
	resource            push.Resource
	keyErr, resourceErr error
}

func (w *world) readBoth(hash []byte) (r readings) {
	w.T.Helper()
	_, r.keyErr = w.ServerKeyByHash(storetest.Context(w.T), hash)
	r.resource, r.resourceErr = w.Resource(storetest.Context(w.T), "notes", "both")
	return r
}

func (w *world) checkEnded(hash []byte, keyGone, resourceLeft bool, before readings) {
	w.T.Helper()
	now := w.readBoth(hash)
	if gone := errors.Is(now.keyErr, push.ErrNotFound); gone != keyGone || !gone && now.keyErr != nil {
		w.T.Errorf("the key: %v; want it gone: %v", now.keyErr, keyGone)
	}
	if left := now.resourceErr == nil; left != resourceLeft || !left && !errors.Is(now.resourceErr, push.ErrNotFound) {
		w.T.Errorf("the resource: %v; want it there: %v", now.resourceErr, resourceLeft)
	}
	stored, _, err := w.Resources(storetest.Context(w.T), "notes", "", 10)
	if err != nil {
		w.T.Fatal(err)
	}
	if resourceLeft && (len(stored) != 1 || (stored[0].APNs == nil) != (now.resource.APNs == nil)) {
		w.T.Errorf("the resource is %+v, and %+v is stored; before it was %+v", now.resource, stored, before.resource)
	}
}

func TestStrangersFillNoMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite.Empty(t))
	for range 50 {
		if _, err := w.ServerKeyByHash(storetest.Context(t), storetest.NewHash()); !errors.Is(err, push.ErrNotFound) {
			t.Fatalf("a key that nobody made: %v; want not found", err)
		}
	}
	if n := w.CachedKeys(); n != 0 {
		t.Errorf("%d keys are kept of those that nobody made; want none", n)
	}
}

func TestAnAppThatWasReadIsGoneOnceItIsDeleted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		was, err := w.App(storetest.Context(t), "notes")
		if err != nil {
			t.Fatal(err)
		}
		during := errors.New("not called")
		if err := w.DeleteApp(storetest.Context(t), "notes", func() { _, during = w.App(storetest.Context(t), "notes") }); err != nil {
			t.Fatal(err)
		}
		if _, err := w.App(storetest.Context(t), "notes"); !errors.Is(err, push.ErrNotFound) || !errors.Is(during, push.ErrNotFound) {
			t.Errorf("while it is removed: %v, afterwards: %v; want push.ErrNotFound", during, err)
		}
		if _, created, err := w.PutApp(storetest.Context(t), "notes"); !created || err != nil {
			t.Fatal(created, err)
		}
		if now, err := w.App(storetest.Context(t), "notes"); err != nil || !now.CreatedAt.After(was.CreatedAt) {
			t.Errorf("made anew at %s, %v; want after %s", now.CreatedAt, err, was.CreatedAt)
		}
	})
}
