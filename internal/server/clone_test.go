package server_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// Two phones that are restored from one backup are one device to the server, and the last one to register has its wakes.
func TestTwoPhonesOfOneBackupComeApart(t *testing.T) {
	t.Parallel()
	for name, platform := range map[string]sdk.Platform{"ios": sdk.IOS, "android": sdk.Android} {
		for engine, opts := range map[string]func(*testing.T) []hushtest.Option{
			"sqlite":   func(*testing.T) []hushtest.Option { return nil },
			"postgres": func(t *testing.T) []hushtest.Option { return []hushtest.Option{hushtest.Database(pgtest.URL(t))} },
		} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				t.Parallel()
				hush := hushtest.Start(t, opts(t)...)
				backup, restored := filepath.Join(t.TempDir(), "app"), filepath.Join(t.TempDir(), "app")
				start := func(token, dir string) *phone {
					t.Helper()
					p := &phone{t: t, hush: hush, user: "alice", token: token}
					p.open(platform, dir)
					p.connect(platform)
					p.register()
					return p
				}
				first := start(newToken(platform), backup)
				if err := first.client.Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.CopyFS(restored, os.DirFS(backup)); err != nil {
					t.Fatal(err)
				}
				second := start(newToken(platform), restored)
				shared := second.device()

				// The first app starts again, with the token that it has had all along.
				again := start(first.token, backup)
				if devices := hush.DevicesOf(t, "alice"); len(devices) != 2 {
					t.Fatalf("alice has %d devices, want one for each phone", len(devices))
				}
				both := hush.WaitState(t, hush.Send(t, "alice", "both", "1"), push.Handled)
				if len(both.Deliveries) != 2 {
					t.Errorf("the push went to %d devices, want 2", len(both.Deliveries))
				}
				for who, p := range map[string]*phone{"first": again, "second": second} {
					if handled, wakes := p.counts(); handled != 1 || wakes == 0 {
						t.Errorf("the %s phone handled %d pushes after %d wakes, want 1", who, handled, wakes)
					}
				}

				// It stays so, whoever starts next.
				for range 2 {
					second.register()
					again.register()
				}
				devices := hush.DevicesOf(t, "alice")
				if len(devices) != 2 || devices[0].DeviceID != shared && devices[1].DeviceID != shared {
					t.Errorf("alice has %+v, want two devices, %s among them", devices, shared)
				}
			})
		}
	}
}
