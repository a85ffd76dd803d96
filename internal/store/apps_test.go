package store_test

import (
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/store"
	"github.com/hushpush/hush/internal/store/storetest"
	"github.com/hushpush/hush/push"
)

func TestADataDirectoryHasOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.Config{DataDir: t.TempDir()})
	second := w.Config
	second.TurnWait = -1
	_, err := store.Open(storetest.Context(t), second)
	if err == nil || !strings.Contains(err.Error(), w.Config.DataDir) {
		t.Errorf("a second one: %v; want an error that names the directory", err)
	}
	w.Reopen()
}

func TestOpenSaysWhatIsWrongWithItsConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg  store.Config
		want string
	}{
		{store.Config{DataDir: "x"}, "Keys"},
		{store.Config{Keys: storetest.SealedBy("k")}, "DataDir"},
		{store.Config{Keys: storetest.SealedBy("k"), DataDir: "x", Accepting: push.Accepting{AckWait: -1}}, "AckWait"},
		{store.Config{Keys: storetest.SealedBy("k"), DatabaseURL: "postgres://hush:hunter2@[::1/x"}, "database URL"},
		{store.Config{Keys: storetest.SealedBy("k"), DatabaseURL: "postgres://hush:hunter2@127.0.0.1:1/x"}, "connect"},
	} {
		_, err := store.Open(storetest.Context(t), c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v; want an error about %s, without the password", c.cfg, err, c.want)
		}
	}
}

func TestADevicesLimitBelowZeroIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := store.Open(storetest.Context(t), store.Config{DataDir: t.TempDir(), Keys: storetest.SealedBy("k1"), DevicesPerUser: -1}); err == nil {
		t.Error("opened with a limit of -1 devices")
	}
}
