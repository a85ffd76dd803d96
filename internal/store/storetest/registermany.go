package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// An import of many devices at once has the same outcome as one by one, here in two apps that start alike.
func (suite) ManyRegistrationsAreLikeOneAfterTheOther(t *testing.T, w *World) {
	const limit = 3
	c := w.limited(limit)
	for round := range 10 {
		seed := rand.Uint64()
		oneByOne, atOnce := fmt.Sprint("single-", round), fmt.Sprint("many-", round)
		var results [2][]string
		for i, app := range []string{oneByOne, atOnce} {
			a := importApp{w: w, app: app, rand: rand.New(rand.NewPCG(seed, 0))}
			a.begin()
			if round%2 == 1 {
				c.Advance(8 * day) // those there may have to make room
			}
			for range 3 {
				lines := a.lines(25)
				if i == 0 {
					results[i] = append(results[i], a.single(lines)...)
				} else {
					results[i] = append(results[i], a.many(lines)...)
				}
			}
			results[i] = append(results[i], a.standing()...)
			if round%2 == 1 {
				c.Advance(-8 * day)
			}
		}
		for i, want := range results[0] {
			if got := results[1][i]; got != want {
				t.Fatalf("seed %d, round %d, line %d:\n%s\nwant, as one by one:\n%s", seed, round, i, got, want)
			}
		}
	}
}

// importApp is an app that devices are imported into.
type importApp struct {
	w      *World
	app    string
	rand   *rand.Rand
	pushes []push.ID
}

// begin makes users with registered devices, with former ones and with none, and pushes for all of them.
func (a *importApp) begin() {
	t := a.w.T
	t.Helper()
	if _, _, err := a.w.PutApp(Context(t), a.app); err != nil {
		t.Fatal(err)
	}
	if _, err := a.w.PutResource(Context(t), push.Resource{App: a.app, ID: "both", APNs: &push.Strategy{}, FCM: &push.Strategy{}}); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		token := push.Secret(fmt.Sprint("token-", i))
		r := push.Registration{DeviceID: fmt.Sprint("d", i), Platform: push.Android, Package: "com.example.notes", ProviderToken: &token}
		if _, _, err := a.w.Register(Context(t), r, a.app, push.Caller{User: fmt.Sprint("u", i%3)}, nil, NewHash()); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.w.Unregister(Context(t), push.DeviceKey{App: a.app, Device: "d5"}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		p := push.Push{ID: push.NewID(), App: a.app, ResourceID: "both", AcceptedAt: a.w.Config.Now(), To: ToUsers("u0", "u1", "u2", "u3"), Payload: []byte("x")}
		if i%2 == 0 {
			p.CollapseKey = "k"
		}
		if got := a.w.Accept(Context(t), []push.AcceptRequest{{Push: p}}, 0, nil); got[0].Err != nil {
			t.Fatal(got[0].Err)
		}
		a.pushes = append(a.pushes, p.ID)
	}
}

// lines returns the lines of an import with few different devices, users and tokens, so that they affect each other.
func (a *importApp) lines(n int) []push.ImportedDevice {
	lines := make([]push.ImportedDevice, n)
	for i := range lines {
		d := push.ImportedDevice{User: fmt.Sprint("u", a.rand.IntN(12))}
		d.DeviceID, d.Platform, d.Package = fmt.Sprint("d", a.rand.IntN(40)), push.Android, "com.example.notes"
		if a.rand.IntN(4) > 0 {
			token := push.Secret(fmt.Sprint("token-", a.rand.IntN(40)))
			d.ProviderToken = &token
		}
		if a.rand.IntN(10) == 0 {
			d.Platform, d.Package, d.BundleID, d.Environment = push.IOS, "", "com.example.notes", push.Production
		}
		lines[i] = d
	}
	return lines
}

func (a *importApp) single(lines []push.ImportedDevice) []string {
	var out []string
	for _, l := range lines {
		reg, moved, err := a.w.Register(Context(a.w.T), l.Registration, a.app, l.Caller(), nil, nil)
		out = append(out, outcome(push.RegisterResult{Registered: reg, Moved: moved, Err: err}))
	}
	return out
}

func (a *importApp) many(lines []push.ImportedDevice) []string {
	results := a.w.RegisterMany(Context(a.w.T), a.app, lines)
	out := make([]string, len(results))
	for i, r := range results {
		out[i] = outcome(r)
	}
	return out
}

// outcome returns the result that a caller gets, as text.
func outcome(r push.RegisterResult) string {
	for _, e := range []error{push.ErrDeviceTaken, push.ErrTooManyDevices, push.ErrNotFound} {
		if errors.Is(r.Err, e) {
			return e.Error()
		}
	}
	if fields := (push.FieldErrors)(nil); errors.As(r.Err, &fields) {
		return fields.Error()
	}
	if r.Err != nil {
		return "unforeseen: " + r.Err.Error()
	}
	devices := func(keys []push.DeviceKey) (ids []string) {
		for _, k := range keys {
			ids = append(ids, k.Device)
		}
		slices.Sort(ids)
		return ids
	}
	return fmt.Sprintf("new=%t owner=%t credential=%t key=%t token=%t evicted=%v moved=%v due=%t %s",
		r.New, r.OwnerChanged, r.NewCredential, r.NewWakeKey, r.TokenChanged, devices(r.Evicted), devices(r.Moved), !r.Device.DueAt.IsZero(), deviceText(r.Device))
}

func deviceText(d push.Device) string {
	return fmt.Sprintf("%s of %q: %s %q %s gen %d/%d, platform %s, credential %t, key %t, heard %s, loss %s", d.ID, d.User, d.Token, d.ProviderToken.Reveal(), d.Environment,
		d.OwnerGeneration, d.TokenGeneration, d.Platform, len(d.CredentialHash) > 0, d.WakeKeyID != "", d.HeardAt.Format(time.DateOnly), d.TokenLoss.Reason)
}

// standing returns the state of the app after the import, as text.
func (a *importApp) standing() (out []string) {
	t := a.w.T
	t.Helper()
	for i := range 12 {
		list, _, err := a.w.DevicesOf(Context(t), a.app, fmt.Sprint("u", i), "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			owner, err := a.w.WakeKeyOwner(Context(t), d.WakeKeyID)
			if err != nil || owner.Device != d.ID || owner.OwnerGeneration != d.OwnerGeneration {
				t.Errorf("%s: the wake key is of %+v, %v", d.ID, owner, err)
			}
			inbox, open, err := a.w.Inbox(Context(t), d.Key(), 1000)
			if err != nil || len(inbox) != open {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%s, %d open, due %t", deviceText(d), open, !d.DueAt.IsZero()))
		}
	}
	for i, id := range a.pushes {
		list, _, err := a.w.Deliveries(Context(t), a.app, id, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		texts := States(list)
		slices.Sort(texts)
		out = append(out, fmt.Sprintf("push %d: %s", i, strings.Join(texts, "; ")))
	}
	return out
}

func (suite) ManyRegistrationsForAnAppThatIsNotThere(t *testing.T, w *World) {
	results := w.RegisterMany(Context(t), "no-app", []push.ImportedDevice{{Registration: push.Registration{DeviceID: "d", Platform: push.IOS}, User: "u"},
		{Registration: push.Registration{DeviceID: "e", Platform: push.IOS}, User: "u"}})
	if len(results) != 2 || !errors.Is(results[0].Err, push.ErrNotFound) || !errors.Is(results[1].Err, push.ErrNotFound) {
		t.Errorf("%+v; want both not found", results)
	}
}

func (suite) ARefusedLineDoesNotMakeItsUserSeen(t *testing.T, w *World) {
	w.AddDevice("notes", "alice", "d1", push.IOS)
	of := func(user, device string) push.ImportedDevice {
		return push.ImportedDevice{User: user, Registration: push.Registration{DeviceID: device, Platform: push.IOS}}
	}
	results := w.RegisterMany(Context(t), "notes", []push.ImportedDevice{of("mallory", "d1"), of("bob", "d2"), of("alice", "d3")})
	if results[0].Err == nil || results[1].Err != nil || results[2].Err != nil {
		t.Fatalf("%+v; want the first one alone refused", results)
	}
	_, warnings, err := w.Audience(Context(t), PushTo(ToUsers("alice", "bob", "mallory"), "x"))
	if err != nil || len(warnings) != 1 || warnings[0].User != "mallory" {
		t.Errorf("warned of %+v, %v; want of mallory, who has never been seen", warnings, err)
	}
}

// AnImportOfAUserTwiceLeavesNoOtherUser imports two devices of one user. No row of another user may be left to remove.
func (suite) AnImportOfAUserTwiceLeavesNoOtherUser(t *testing.T, w *World) {
	device := func(id string) push.ImportedDevice {
		return push.ImportedDevice{User: "alice", Registration: push.Registration{DeviceID: id, Platform: push.IOS}}
	}
	for _, r := range w.RegisterMany(Context(t), "notes", []push.ImportedDevice{device("d1"), device("d2")}) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if removed, err := w.RemoveUsers(Context(t), 10); removed != 0 || err != nil {
		t.Errorf("removed %d users who were never seen, %v; want 0", removed, err)
	}
}
