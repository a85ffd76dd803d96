package sdk_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/sdk"
)

func TestClosedClientLeavesItsDirectoryAlone(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	asked, release := make(chan struct{}, 10), make(chan struct{})
	a := openApp(t, b, dir, func(c *sdk.Config) { c.HTTPClient = &http.Client{Transport: slowReceipts{asked, release}} })
	a.handle().registered()
	w := b.wake(b.accept("alice", "1", time.Hour))
	var wake sync.WaitGroup
	wake.Go(func() { _, _ = a.notified(w) })
	<-asked
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	close(release)
	wake.Wait()
	for what, err := range map[string]error{
		"a wake":                func() error { _, err := a.notified(w); return err }(),
		"RegisterPush":          a.RegisterPush(t.Context(), sdk.Registration{ProviderToken: "ff00", BundleID: "com.example.notes", Environment: sdk.Production}),
		"Logout":                a.Logout(t.Context()),
		"HandleDeletedMessages": a.HandleDeletedMessages(t.Context()),
		"Login":                 a.Login(t.Context()),
	} {
		if !errors.Is(err, sdk.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
	if after := contents(t, dir); !maps.Equal(before, after) {
		t.Errorf("the directory changed after Close: %q, want %q", after, before)
	}
}

// slowReceipts holds requests with receipts back until release is closed.
type slowReceipts struct {
	asked   chan<- struct{}
	release <-chan struct{}
}

func (s slowReceipts) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/receipts" {
		s.asked <- struct{}{}
		select {
		case <-s.release:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// contents returns the files of a directory by name.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}
