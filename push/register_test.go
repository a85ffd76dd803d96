package push

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	now := time.Now()
	token := Secret("ff00")
	reg := Registration{DeviceID: "d", Platform: IOS, BundleID: "com.example.notes", Environment: Production, ProviderToken: &token}
	alices := Device{App: "notes", ID: "d", User: "alice", Platform: IOS, OwnerGeneration: 3, TokenGeneration: 2, Token: TokenOK,
		ProviderToken: token, Environment: Production, CredentialHash: []byte("h")}
	had := func(former Secret) Device { // now with another token
		d := alices
		d.ProviderToken, d.FormerTokens = "bb00", [][]byte{TokenHash("cc00"), TokenHash(former)}
		return d
	}
	otherBuild := had("ff00")
	otherBuild.Environment = Development
	same := alices
	same.FormerTokens = [][]byte{TokenHash(token)}
	imported := alices
	imported.CredentialHash = nil
	tombstone := Device{App: "notes", ID: "d", Platform: IOS, OwnerGeneration: 3}
	for _, c := range []struct {
		name          string
		was           Device
		caller        Caller
		err           error
		user          string
		generation    int
		newCredential bool
		ownerChanged  bool
	}{
		{"first time", Device{}, Caller{User: "alice"}, nil, "alice", 1, true, false},
		{"first time without a user", Device{}, Caller{}, ErrRegisterAgain, "", 0, false, false},
		{"renewal by credential", alices, Caller{Credential: true}, nil, "alice", 3, false, false},
		{"renewal by credential and the owner's token", alices, Caller{User: "alice", Credential: true}, nil, "alice", 3, false, false},
		{"a token that is new", had("aa00"), Caller{Credential: true}, nil, "alice", 3, false, false},
		{"a token that returns: another phone's", had("ff00"), Caller{Credential: true}, ErrDeviceTaken, "", 0, false, false},
		{"a token that returns with the owner's own", had("ff00"), Caller{User: "alice", Credential: true}, ErrDeviceTaken, "", 0, false, false},
		{"a token that returns with a new owner, whose credential parts the phones", had("ff00"), Caller{User: "bob", Credential: true}, nil, "bob", 4, true, true},
		{"a token that returns in another environment", otherBuild, Caller{Credential: true}, nil, "alice", 3, false, false},
		{"the token that it has, and had before", same, Caller{Credential: true}, nil, "alice", 3, false, false},
		{"the owner without the credential", alices, Caller{User: "alice"}, ErrDeviceTaken, "", 0, false, false},
		{"a stranger who knows the id", alices, Caller{User: "mallory"}, ErrDeviceTaken, "", 0, false, false},
		{"a new owner with the credential", alices, Caller{User: "bob", Credential: true}, nil, "bob", 4, true, true},
		{"after it was unregistered", tombstone, Caller{User: "bob"}, nil, "bob", 4, true, false},
		{"imported, the owner's token alone", imported, Caller{User: "alice"}, nil, "alice", 3, true, false},
		{"imported, a stranger's token", imported, Caller{User: "mallory"}, ErrDeviceTaken, "", 0, false, false},
		{"an import of a new device", Device{}, Caller{User: "alice", Import: true}, nil, "alice", 1, false, false},
		{"an import again", imported, Caller{User: "alice", Import: true}, nil, "alice", 3, false, false},
		{"an import for another owner", imported, Caller{User: "bob", Import: true}, ErrDeviceTaken, "", 0, false, false},
	} {
		got, err := Register(now, c.was, "notes", reg, c.caller)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
			continue
		}
		if err != nil {
			continue
		}
		if got.Device.User != c.user || got.Device.OwnerGeneration != c.generation || got.NewCredential != c.newCredential || got.OwnerChanged != c.ownerChanged {
			t.Errorf("%s: user %q, generation %d, new credential %v, owner changed %v; want %q, %d, %v, %v", c.name,
				got.Device.User, got.Device.OwnerGeneration, got.NewCredential, got.OwnerChanged, c.user, c.generation, c.newCredential, c.ownerChanged)
		}
	}
}

func TestATokenThatAnImportReplacedIsStillThePhones(t *testing.T) {
	t.Parallel()
	d := Device{App: "notes", ID: "d", User: "alice", Platform: Android, Token: TokenOK, ProviderToken: "the phone's", CredentialHash: []byte("h")}
	for _, step := range []struct {
		token  Secret
		caller Caller
	}{
		{"an old export's", Caller{User: "alice", Import: true}},
		{"the phone's", Caller{Credential: true}},
		{"an old export's", Caller{User: "alice", Import: true}},
		{"the phone's", Caller{Credential: true}},
	} {
		got, err := Register(time.Now(), d, "notes", Registration{DeviceID: "d", Platform: Android, Package: "p", ProviderToken: &step.token}, step.caller)
		if err != nil || got.Device.ProviderToken != step.token {
			t.Fatalf("%q by %+v: %v, want it taken", step.token, step.caller, err)
		}
		d = got.Device
	}
	export := Secret("an old export's")
	_, err := Register(time.Now(), d, "notes", Registration{DeviceID: "d", Platform: Android, Package: "p", ProviderToken: &export}, Caller{Credential: true})
	if !errors.Is(err, ErrDeviceTaken) {
		t.Errorf("a phone with the token that the phone replaced: %v, want ErrDeviceTaken", err)
	}
}

func TestADeadTokenRegisteredAgainIsAliveAndNew(t *testing.T) {
	t.Parallel()
	token := Secret("ff00")
	was := Device{App: "notes", ID: "d", User: "alice", Platform: IOS, Token: TokenDead, ProviderToken: token, Environment: Production, TokenGeneration: 1}
	got, err := Register(time.Now(), was, "notes", Registration{DeviceID: "d", Platform: IOS, BundleID: "b", Environment: Production, ProviderToken: &token}, Caller{Credential: true})
	if err != nil || got.Device.Token != TokenOK || got.Device.TokenGeneration != 2 {
		t.Errorf("token %s, generation %d, error %v; want ok, 2, none", got.Device.Token, got.Device.TokenGeneration, err)
	}
	same, err := Register(time.Now(), got.Device, "notes", Registration{DeviceID: "d", Platform: IOS}, Caller{Credential: true})
	if err != nil || same.Device.ProviderToken != token || same.Device.TokenGeneration != 2 {
		t.Errorf("a renewal that leaves the token out changed it: generation %d, error %v", same.Device.TokenGeneration, err)
	}
}

func TestRegistrationsAreChecked(t *testing.T) {
	t.Parallel()
	hex, none, word := Secret("ff00"), Secret(""), Secret("not hex")
	for _, c := range []struct {
		name string
		reg  Registration
		at   string
		code Code
	}{
		{"no platform", Registration{DeviceID: "d"}, "platform", CodeRequired},
		{"other platform", Registration{DeviceID: "d", Platform: "palm"}, "platform", CodeBadValue},
		{"id of dots", Registration{DeviceID: "..", Platform: IOS}, "device_id", CodeBadID},
		{"ios token without environment", Registration{DeviceID: "d", Platform: IOS, BundleID: "b", ProviderToken: &hex}, "environment", CodeRequired},
		{"ios token without bundle", Registration{DeviceID: "d", Platform: IOS, Environment: Production, ProviderToken: &hex}, "bundle_id", CodeRequired},
		{"ios token that is no hex", Registration{DeviceID: "d", Platform: IOS, BundleID: "b", Environment: Production, ProviderToken: &word}, "provider_token", CodeBadValue},
		{"android with an environment", Registration{DeviceID: "d", Platform: Android, Environment: Production, ProviderToken: &none}, "environment", CodeBadValue},
		{"android token without package", Registration{DeviceID: "d", Platform: Android, ProviderToken: &word}, "package", CodeRequired},
		{"app state", Registration{DeviceID: "d", Platform: Android, AppState: "asleep"}, "app_state", CodeBadValue},
	} {
		var errs FieldErrors
		if err := c.reg.Check(); !errors.As(err, &errs) || len(errs) != 1 || errs[0].Location != c.at || errs[0].Code != c.code {
			t.Errorf("%s: %v; want one error %s at %s", c.name, err, c.code, c.at)
		}
	}
	if err := (Registration{DeviceID: "a b/😀", Platform: Android}).Check(); err != nil {
		t.Errorf("a device without a token, with slash and emoji in its id: %v; want none", err)
	}
}

func TestTheLastFormerTokensAreKnown(t *testing.T) {
	t.Parallel()
	var d Device
	for _, token := range []Secret{"a", "b", "b", "", "c", "d", "e", "f", "g"} {
		r := Registration{ProviderToken: &token, Environment: Production}
		d.rememberToken(r, Caller{Credential: true})
		d.renewToken(time.Now(), r)
	}
	want := [][]byte{TokenHash("c"), TokenHash("d"), TokenHash("e"), TokenHash("f")}
	if !slices.EqualFunc(d.FormerTokens, want, bytes.Equal) {
		t.Errorf("got %x, want those of c, d, e and f", d.FormerTokens)
	}
}
