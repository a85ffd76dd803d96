package store

import (
	"errors"
	"testing"

	"github.com/hushpush/hush/push"
)

func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	k := newRowCache[int](func(push.ServerKey) string { return "notes" })
	for i := range 2 * maxCachedRows {
		if _, err := k.get(i, func() (push.ServerKey, error) { return push.ServerKey{}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(k.rows); n != maxCachedRows {
		t.Errorf("%d rows are kept; want %d", n, maxCachedRows)
	}
}

func TestWhatIsKeptIsReadOnce(t *testing.T) {
	t.Parallel()
	k := newRowCache[string](func(r push.Resource) string { return r.App })
	reads := 0
	read := func(app string) func() (push.Resource, error) {
		return func() (push.Resource, error) { reads++; return push.Resource{App: app}, nil }
	}
	ask := func(key, app string, want int) {
		t.Helper()
		if r, err := k.get(key, read(app)); err != nil || r.App != app || reads != want {
			t.Errorf("%s: %+v, %v after %d reads; want %d reads", key, r, err, reads, want)
		}
	}
	ask("a", "notes", 1)
	ask("a", "notes", 1)
	ask("b", "other", 2)
	k.forget("notes")
	ask("b", "other", 2) // changes of another app do not remove it
	ask("a", "notes", 3)
	failed := errors.New("away")
	if _, err := k.get("c", func() (push.Resource, error) { return push.Resource{}, failed }); !errors.Is(err, failed) {
		t.Errorf("a failed read: %v; want its error", err)
	}
	ask("c", "notes", 4)
}
