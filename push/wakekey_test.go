package push

import (
	"testing"
	"time"
)

func TestWhichWakeKeyADeviceHas(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	young, old := now.Add(-time.Hour), now.Add(-WakeKeyAge)
	for _, c := range []struct {
		name           string
		seals, newest  string
		at             time.Time
		named          string
		given          bool
		made           bool
		sealsAfterward string // "new": the one just made
	}{
		{"the first is used at once", "", "", time.Time{}, "", false, true, "new"},
		{"nothing is due", "a", "a", young, "a", true, false, "a"},
		{"one that the device has not named yet does not seal", "a", "b", young, "a", true, false, "a"},
		{"named, it seals", "a", "b", young, "b", true, false, "b"},
		{"an unknown name changes nothing", "a", "b", young, "x", true, false, "a"},
		{"after 30 days there is another, which waits to be named", "a", "a", old, "a", true, true, "a"},
		{"named late", "a", "b", old, "b", true, true, "b"},
		{"after 30 days, when none was ever given", "a", "a", old, "", false, true, "new"},
	} {
		d := Device{SealKeyID: c.seals, WakeKeyID: c.newest, WakeKeyAt: c.at}
		made := d.renewWakeKey(now, c.named, c.given)
		want := c.sealsAfterward
		if want == "new" {
			want = d.WakeKeyID
		}
		if made != c.made || d.SealKeyID != want || made == (d.WakeKeyID == c.newest) || made && d.WakeKeyAt != now {
			t.Errorf("%s: made %v, seals %q, newest %q; want made %v, seals %q", c.name, made, d.SealKeyID, d.WakeKeyID, c.made, want)
		}
	}
}

func TestANewOwnerAndANewCredentialHaveAKeyOfTheirOwn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	r := Registration{DeviceID: "d", Platform: Android}
	first, err := Register(now, Device{}, "notes", r, Caller{User: "alice"})
	if err != nil || !first.NewWakeKey || first.Device.SealKeyID == "" {
		t.Fatalf("the first registration: %+v, %v", first, err)
	}
	d := first.Device
	d.CredentialHash = []byte("hash")
	same, err := Register(now, d, "notes", r, Caller{User: "alice", Credential: true})
	if err != nil || same.NewWakeKey || same.Device.WakeKeyID != d.WakeKeyID {
		t.Errorf("a renewal: new key %v, %v; want none", same.NewWakeKey, err)
	}
	bob, err := Register(now, d, "notes", r, Caller{User: "bob", Credential: true})
	if err != nil || !bob.NewWakeKey || bob.Device.SealKeyID == d.SealKeyID || bob.Device.SealKeyID != bob.Device.WakeKeyID {
		t.Errorf("a new owner: %+v, %v; want a key of its own, at once", bob, err)
	}
}

func TestWhenADeviceLosesItsToken(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	good := Device{User: "alice", OwnerGeneration: 2, ProviderToken: "t", RegisteredAt: made.Add(-time.Second)}
	for name, c := range map[string]struct {
		change func(*Device)
		want   bool
	}{
		"as it was":             {func(*Device) {}, true},
		"registered since":      {func(d *Device) { d.RegisteredAt = made.Add(time.Second) }, false},
		"another owner's":       {func(d *Device) { d.OwnerGeneration = 3 }, false},
		"unregistered":          {func(d *Device) { d.User = "" }, false},
		"without a token as is": {func(d *Device) { d.ProviderToken = "" }, false},
	} {
		d := good
		c.change(&d)
		if got := d.LosesToken(2, made); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
