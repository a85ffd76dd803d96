package auth_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"sync"
	"testing"

	"github.com/hushpush/hush/internal/auth"
	"github.com/hushpush/hush/push"
)

// Phones that are asleep hold keys that were derived years ago: they are what crypto/hkdf derives, for whoever asks at once.
func TestAWakeKeyIsHKDFs(t *testing.T) {
	t.Parallel()
	a, err := auth.New(auth.Config{Store: &memory{}, RootKey: rootKey, WakeSecret: wakeSecret})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, device := range []push.DeviceKey{{App: "notes", Device: "phone"}, {App: "notes", Device: "tablet"}, {App: "a", Device: ""}} {
		for _, id := range []string{"qLqk3vvJ4o1ZbZ0d", "AAAAAAAAAAAAAAAA", ""} {
			all.Go(func() {
				info := "hush wake key\x00" + id + "\x00" + device.App + "\x00" + device.Device
				want, err := hkdf.Key(sha256.New, []byte(wakeSecret), nil, info, push.WakeKeyBytes)
				if err != nil {
					t.Error(err)
				}
				for range 50 {
					if got := a.WakeKey(device, id); got.ID != id || got.Key.Reveal() != string(want) {
						t.Errorf("the key %q of %s is %x, want %x", id, device, got.Key.Reveal(), want)
					}
				}
			})
		}
	}
	all.Wait()
}

func BenchmarkWakeKey(b *testing.B) {
	a, err := auth.New(auth.Config{Store: &memory{}, RootKey: rootKey, WakeSecret: wakeSecret})
	if err != nil {
		b.Fatal(err)
	}
	device := push.DeviceKey{App: "notes", Device: "phone"}
	b.ReportAllocs()
	for b.Loop() {
		a.WakeKey(device, "qLqk3vvJ4o1ZbZ0d")
	}
}
