package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/push"
)

// hungStore is a store whose database no longer answers but keeps its connections open.
type hungStore struct{ api.Store }

func (hungStore) Apps(ctx context.Context, _ string, _ int) ([]push.App, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}

// hungAuth asks such a store for every key.
type hungAuth struct{ api.Auth }

func (hungAuth) ServerKey(ctx context.Context, _ string) (push.ServerKey, error) {
	<-ctx.Done()
	return push.ServerKey{}, ctx.Err()
}

func TestAStoreThatHangsPutsRequestsOff(t *testing.T) {
	t.Parallel()
	for what, hang := range map[string]func(*api.Config){
		"the operation hangs":     func(c *api.Config) { c.Store = hungStore{c.Store} },
		"looking up the key does": func(c *api.Config) { c.Auth = hungAuth{c.Auth} },
	} {
		w := setup(t, hang, func(c *api.Config) { c.StoreWait = time.Millisecond })
		w.root("GET", "/v1/apps", "").is(t, what, 503, "unavailable")
	}
}
