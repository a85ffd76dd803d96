package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hushpush/hush/protocol"
)

// askers is how many goroutines keep asking while something changes, so that the cache is in use.
const askers = 4

// whileAsked calls ask from several goroutines at once while it calls change. Each ask gets the number of changes that were
// complete before it began, and reports whether there is more to see. whileAsked returns when each goroutine has seen the last
// change.
func whileAsked(ask func(answered int64) (more bool), changes int, change func(i int)) {
	var answered atomic.Int64
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			for ask(answered.Load()) {
			}
		})
	}
	for i := 1; i <= changes; i++ {
		change(i)
		answered.Store(int64(i))
	}
	asking.Wait()
}

func TestADeletedKeyIsRefusedByTheNextRequest(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		w.must(201, "PUT", "/v1/apps/notes", "{}")
		for range 10 {
			var key protocol.Key
			w.must(201, "POST", "/v1/apps/notes/keys", `{"role": "read"}`).into(t, &key)
			whileAsked(func(deleted int64) bool {
				got := w.send("GET", "/v1/apps/notes/pushes", "", "Authorization", "Bearer "+key.Secret).status
				if deleted > 0 && got == http.StatusOK {
					t.Errorf("a key was good after its deletion had been answered")
				}
				return deleted == 0
			}, 1, func(int) { w.must(204, "DELETE", "/v1/apps/notes/keys/"+key.KeyID, "") })
		}
	})
}

func TestADeletedAppsKeysAreRefusedByTheNextRequest(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		for range 5 {
			w.must(201, "PUT", "/v1/apps/notes", "{}")
			var key protocol.Key
			w.must(201, "POST", "/v1/apps/notes/keys", `{"role": "read"}`).into(t, &key)
			whileAsked(func(deleted int64) bool {
				got := w.send("GET", "/v1/apps/notes/pushes", "", "Authorization", "Bearer "+key.Secret).status
				if deleted > 0 && got == http.StatusOK {
					t.Errorf("a key was good after the deletion of its app had been answered")
				}
				return deleted == 0
			}, 1, func(int) { w.must(204, "DELETE", "/v1/apps/notes", "") })
		}
	})
}

func TestAChangedResourceIsUsedByTheNextRequest(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		const resource, changes = "/v1/apps/notes/resources/both", 20
		put := func(hours int, status int) {
			w.must(status, "PUT", resource, fmt.Sprintf(`{"fcm": {"ttl": "%dh"}}`, hours+1))
		}
		w.must(201, "PUT", "/v1/apps/notes", "{}")
		put(0, 201)
		whileAsked(func(changed int64) bool {
			var got protocol.Resource
			w.send("GET", resource, "", "Authorization", "Bearer "+w.rootKey).into(t, &got)
			hours := int64(0)
			if _, err := fmt.Sscanf(got.FCM.TTL, "%dh", &hours); err != nil || hours-1 < changed {
				t.Errorf("the resource has a TTL of %q (%v) after %dh had been answered", got.FCM.TTL, err, changed+1)
			}
			return changed < changes
		}, changes, func(i int) { put(i, 200) })
	})
}

func TestAResourceIsThereForTheNextPushAndThenNot(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, w *world) {
		const resource, changes = "/v1/apps/notes/resources/both", 20
		w.must(201, "PUT", "/v1/apps/notes", "{}")
		send := func(want int) {
			t.Helper()
			w.must(want, "POST", "/v1/apps/notes/pushes", `{"to": {"users": ["alice"]}, "resource_id": "both", "payload": "1"}`)
		}
		send(422)
		whileAsked(func(changed int64) bool { // for whom any answer is right
			w.send("POST", "/v1/apps/notes/pushes", `{"to": {"users": ["bob"]}, "resource_id": "both", "payload": "1"}`, "Authorization", "Bearer "+w.rootKey)
			return changed < changes
		}, changes, func(i int) {
			if i%2 == 1 {
				w.must(201, "PUT", resource, `{"fcm": {"ttl": "24h"}}`)
				send(202)
				return
			}
			w.must(204, "DELETE", resource, "")
			send(422)
		})
	})
}
