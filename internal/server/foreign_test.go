package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// setOnline has the phone's provider keep what comes, or deliver it.
func (p *phone) setOnline(platform sdk.Platform, online bool) {
	p.t.Helper()
	set := p.hush.APNs.SetOnline
	if platform == sdk.Android {
		set = p.hush.FCM.SetOnline
	}
	if err := set(p.token, online); err != nil {
		p.t.Fatal(err)
	}
}

// reopen replaces the app of a phone: a fresh directory, another user, app or server.
func (p *phone) reopen(platform sdk.Platform, change func(*sdk.Config)) {
	p.t.Helper()
	p.client.Close()
	p.openWith(platform, filepath.Join(p.t.TempDir(), "app"), change)
}

func asItWas(*sdk.Config) {}

// waitsAtTheProvider returns a phone of alice whose provider has a stored wake with her push.
func waitsAtTheProvider(t *testing.T, hush *hushtest.Server, platform sdk.Platform) (p *phone, id string) {
	t.Helper()
	p = newPhone(t, hush, "alice", platform)
	p.setOnline(platform, false)
	id = hush.Send(t, "alice", "both", "alice's")
	hush.WaitState(t, id, push.Sent)
	return p, id
}

// bringsNothing delivers what is stored, and wants no handler to run; then the present user's own push is handled.
func (p *phone) bringsNothing(platform sdk.Platform) {
	p.t.Helper()
	p.setOnline(platform, true)
	eventually(p.t, "the stored wake reached the phone", func() bool { _, wakes := p.counts(); return wakes == 1 })
	p.hush.WaitState(p.t, p.hush.Send(p.t, p.user, "both", "its own"), push.Handled)
	for _, payload := range p.payloads() {
		if payload != "its own" {
			p.t.Errorf("the handler got %q", payload)
		}
	}
}

func onBothPlatforms(t *testing.T, test func(t *testing.T, platform sdk.Platform)) {
	t.Helper()
	for platform := range platforms {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			test(t, platform)
		})
	}
}

func TestAStoredWakeBringsNothingToAnotherUserWithAFreshDir(t *testing.T) {
	t.Parallel()
	onBothPlatforms(t, func(t *testing.T, platform sdk.Platform) {
		p, id := waitsAtTheProvider(t, hushtest.Start(t), platform)
		p.user = "bob"
		p.reopen(platform, asItWas)
		p.register()
		hush := p.hush
		if got := hush.DevicesOf(t, "alice")[0].Token; got != push.TokenMissing {
			t.Errorf("alice's token is %s, want missing", got)
		}
		p.bringsNothing(platform)
		hush.WaitFor(t, id, "without its token", func(p protocol.Push) bool { return hasEvent(p, push.EventTokenDropped) })
	})
}

func TestAStoredWakeBringsNothingToTheSameUsersNewDevice(t *testing.T) {
	t.Parallel()
	onBothPlatforms(t, func(t *testing.T, platform sdk.Platform) {
		p, _ := waitsAtTheProvider(t, hushtest.Start(t), platform)
		p.reopen(platform, asItWas) // as after device_taken: another device id, the same user, whose generation is 1 again
		p.register()
		p.setOnline(platform, true)
		eventually(t, "the stored wake reached the phone", func() bool { _, wakes := p.counts(); return wakes == 1 })
		p.hush.SendPush(t, protocol.PushRequest{To: protocol.Audience{Users: []string{"alice"}}, ResourceID: "both", Payload: "new"})
		eventually(t, "the new push was handled", func() bool { handled, _ := p.counts(); return handled > 0 })
		if got := p.payloads(); got[0] != "new" {
			t.Errorf("the handler got %q, want the push for its own device alone", got)
		}
	})
}

func TestAStoredWakeBringsNothingUnderAnotherAppWithTheSameToken(t *testing.T) {
	t.Parallel()
	onBothPlatforms(t, func(t *testing.T, platform sdk.Platform) {
		hush := hushtest.Start(t)
		ctx := t.Context()
		if _, _, err := hush.PutApp(ctx, "other"); err != nil {
			t.Fatal(err)
		}
		p, _ := waitsAtTheProvider(t, hush, platform)
		p.reopen(platform, func(c *sdk.Config) {
			c.App = "other"
			c.Token = func(ctx context.Context) (string, error) {
				token, err := hush.UserToken(ctx, "other", "bob", time.Hour)
				return token.Token, err
			}
		})
		p.register()
		p.setOnline(platform, true)
		eventually(t, "the stored wake reached the phone", func() bool { _, wakes := p.counts(); return wakes == 1 })
		p.client.Close() // waits for what the wake began
		if got := p.payloads(); len(got) != 0 {
			t.Errorf("the handler of another app got %q", got)
		}
		if got := hush.DevicesOf(t, "alice")[0].Token; got != push.TokenOK {
			t.Errorf("alice's token in the first app is %s: another app must not move it", got)
		}
	})
}

func TestAStoredWakeBringsNothingUnderAnotherServer(t *testing.T) {
	t.Parallel()
	onBothPlatforms(t, func(t *testing.T, platform sdk.Platform) {
		first, second := hushtest.Start(t), hushtest.Start(t)
		p, _ := waitsAtTheProvider(t, first, platform)
		p.reopen(platform, func(c *sdk.Config) {
			c.Server = second.URL
			c.Token = func(context.Context) (string, error) { return second.Token(t, "bob"), nil }
		})
		p.register()
		p.setOnline(platform, true)
		eventually(t, "the stored wake reached the phone", func() bool { _, wakes := p.counts(); return wakes == 1 })
		p.client.Close()
		if got := p.payloads(); len(got) != 0 {
			t.Errorf("the handler of another server's app got %q", got)
		}
	})
}

func TestAFormerTokenThatStillReachesThePhoneLeavesItsDevice(t *testing.T) {
	t.Parallel()
	onBothPlatforms(t, func(t *testing.T, platform sdk.Platform) {
		hush := hushtest.Start(t)
		p := newPhone(t, hush, "alice", platform) // its token goes on reaching the phone
		p.user = "bob"
		p.reopen(platform, asItWas)
		p.token = newToken(platform)
		p.connect(platform)
		p.register()
		id := hush.Send(t, "alice", "both", "alice's")
		hush.WaitFor(t, id, "without its token", func(p protocol.Push) bool { return hasEvent(p, push.EventTokenDropped) })
		if got := hush.DevicesOf(t, "alice")[0].Token; got != push.TokenMissing {
			t.Errorf("alice's token is %s, want missing", got)
		}
		hush.WaitState(t, hush.Send(t, "bob", "both", "bob's"), push.Handled)
		if got := p.payloads(); len(got) != 1 || got[0] != "bob's" {
			t.Errorf("the handler got %q, want bob's alone", got)
		}
	})
}

func TestATokenThatMovesBackAndForthBringsEachUserItsOwn(t *testing.T) {
	t.Parallel()
	onBothPlatforms(t, func(t *testing.T, platform sdk.Platform) {
		hush := hushtest.Start(t)
		p := newPhone(t, hush, "alice", platform)
		alice := p.client
		p.user = "bob"
		p.openWith(platform, filepath.Join(t.TempDir(), "bob"), asItWas)
		bob := p.client
		for range 2 {
			for user, client := range map[string]*sdk.Client{"alice": alice, "bob": bob} {
				p.mu.Lock()
				p.user, p.client, p.handled = user, client, nil
				p.mu.Unlock()
				p.register()
				hush.WaitState(t, hush.Send(t, user, "both", user), push.Handled)
				if got := p.payloads(); got[len(got)-1] != user {
					t.Errorf("%s's app handled %q", user, got)
				}
			}
		}
	})
}

// lostAnswers is a network on which the answers to registrations can be lost, as with a process that is killed before it has
// them.
type lostAnswers struct{ lose atomic.Bool }

func (l *lostAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && l.lose.Load() && r.Method == http.MethodPut {
		_ = answer.Body.Close()
		return nil, errors.New("lost")
	}
	return answer, err
}

func TestAStoredWakeBringsNothingToAnOwnerWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	onBothPlatforms(t, func(t *testing.T, platform sdk.Platform) {
		hush, dir := hushtest.Start(t), filepath.Join(t.TempDir(), "app")
		var network lostAnswers
		p := &phone{t: t, hush: hush, user: "alice", token: newToken(platform)}
		p.openWith(platform, dir, func(c *sdk.Config) { c.HTTPClient = &http.Client{Transport: &network} })
		p.connect(platform)
		p.register()
		p.setOnline(platform, false)
		hush.WaitState(t, hush.Send(t, "alice", "both", "alice's"), push.Sent)
		network.lose.Store(true)
		p.user = "bob" // logs in without a logout, and the process ends before it has the answer
		if err := p.client.Login(t.Context()); err == nil {
			t.Fatal("the answer was not lost")
		}
		p.client.Close()
		p.open(platform, dir)
		p.setOnline(platform, true) // the wake starts the app
		eventually(t, "the stored wake reached the phone", func() bool { _, wakes := p.counts(); return wakes == 1 })
		if err := p.client.HandleDeletedMessages(t.Context()); err == nil {
			t.Error("the inbox was read")
		}
		p.register()
		later := hush.Send(t, "bob", "fcm-only", "later")
		if platform == sdk.Android { // on the device that it is now; the one whose answer was lost has no token any more
			eventually(t, "bob's push was handled", func() bool { return slices.Contains(p.payloads(), "later") })
		} else {
			hush.WaitState(t, later, push.Waiting)
		}
		p.client.Close() // waits for what the wake began
		for _, payload := range p.payloads() {
			if payload == "alice's" {
				t.Error("bob's handler got alice's push")
			}
		}
	})
}

// registration returns the body by which a client that is not our SDK registers.
func registration(device, token string) string {
	return `{"device_id":"` + device + `","platform":"ios","bundle_id":"` + hushtest.BundleID + `","environment":"production","provider_token":"` + token + `"}`
}

// wakeOf returns Hush's part of the last request that APNs got for a token.
func wakeOf(t *testing.T, hush *hushtest.Server, token string) (w protocol.SealedWake) {
	t.Helper()
	for _, r := range hush.APNs.Requests() {
		if r.Token != token {
			continue
		}
		var body struct{ Hush protocol.SealedWake }
		text, _ := json.Marshal(r.Body)
		if err := json.Unmarshal(text, &body); err != nil {
			t.Fatal(err)
		}
		w = body.Hush
	}
	return w
}

func TestAnImportedDeviceIsWokenAtOnceAndItsRegistrationGivesTheKey(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	token := newToken(sdk.IOS)
	if err := hush.APNs.Register(apnstest.Token{Token: token, Topic: hushtest.BundleID, Online: true}); err != nil {
		t.Fatal(err)
	}
	line := protocol.ImportLine{User: "alice"}
	if err := json.Unmarshal([]byte(registration("d1", token)), &line.DeviceRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := hush.ImportDevices(t.Context(), hushtest.App, []protocol.ImportLine{line}); err != nil {
		t.Fatal(err)
	}
	id := hush.Send(t, "alice", "both", "at once")
	hush.WaitState(t, id, push.Sent)
	status, text := putDevice(t, hush, hush.Token(t, "alice"), "", registration("d1", token))
	var answer protocol.DeviceResponse
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK || answer.WakeKey == nil || answer.Credential == "" {
		t.Fatalf("registering: %d %s, %v; want a credential and a wake key", status, text, err)
	}
	key, err := answer.WakeKey.Parse()
	if err != nil {
		t.Fatal(err)
	}
	w, err := wakeOf(t, hush, token).Open(key)
	if err != nil || len(w.Pushes) != 1 || w.Pushes[0].ID != id || *w.Pushes[0].Payload != "at once" {
		t.Errorf("the import's wake: %+v, %v; want it to open with the key, and the push in it", w, err)
	}
}

func TestProvidersSeeNoPayloadNoPushIDAndNoUser(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	newPhone(t, hush, "alice-who-is-nobodys-business", sdk.IOS)
	newPhone(t, hush, "alice-who-is-nobodys-business", sdk.Android)
	id := hush.Send(t, "alice-who-is-nobodys-business", "both", "a payload that is nobody's business")
	hush.WaitState(t, id, push.Handled)
	apple, err := json.Marshal(hush.APNs.Requests())
	if err != nil {
		t.Fatal(err)
	}
	google, err := json.Marshal(hush.FCM.Requests())
	if err != nil {
		t.Fatal(err)
	}
	for provider, ledger := range map[string]string{"APNs": string(apple), "FCM": string(google)} {
		if !strings.Contains(ledger, "hush") {
			t.Errorf("%s saw no wake: %s", provider, ledger)
		}
		for what, secret := range map[string]string{"payload": "nobody's business", "user": "alice-who-is", "push id": id, "resource": `"both"`} {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))[:8], base64.RawURLEncoding.EncodeToString([]byte(id))} {
				if strings.Contains(ledger, form) {
					t.Errorf("%s saw the %s: %s", provider, what, ledger)
				}
			}
		}
	}
}

func TestAReportMovesATokenOnlyWithAWakeThatCameAndIsYounger(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	tokens := map[string]string{"alice": newToken(sdk.IOS), "mallory": newToken(sdk.IOS)}
	credentials := map[string]string{}
	for user, token := range tokens {
		if err := hush.APNs.Register(apnstest.Token{Token: token, Topic: hushtest.BundleID, Online: true}); err != nil {
			t.Fatal(err)
		}
		_, text := putDevice(t, hush, hush.Token(t, user), "", registration(user, token))
		var answer protocol.DeviceResponse
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		credentials[user] = answer.Credential
	}
	hush.WaitState(t, hush.Send(t, "alice", "both", "1"), push.Sent)
	hush.WaitState(t, hush.Send(t, "mallory", "both", "1"), push.Sent)
	came, own := wakeOf(t, hush, tokens["alice"]), wakeOf(t, hush, tokens["mallory"])
	report := func(what string, want int, w protocol.SealedWake, token push.TokenState) {
		t.Helper()
		body, _ := json.Marshal(protocol.ForeignWake{K: w.K, S: w.S})
		status, answer := ask(t, hush, http.MethodPost, "/v1/foreign-wakes", "", credentials["mallory"], string(body))
		if status != want || want == http.StatusNoContent && answer != "" {
			t.Errorf("%s: %d %q, want %d", what, status, answer, want)
		}
		if got := hush.DevicesOf(t, "alice")[0].Token; got != token {
			t.Errorf("%s: alice's token is %s, want %s", what, got, token)
		}
	}
	report("no such key", http.StatusNoContent, protocol.SealedWake{K: "AAAAAAAAAAAAAAAA", S: came.S}, push.TokenOK)
	report("alice's key with another wake", http.StatusNoContent, protocol.SealedWake{K: came.K, S: own.S}, push.TokenOK)
	report("alice's key with garbage", http.StatusNoContent, protocol.SealedWake{K: came.K, S: "\u0000!"}, push.TokenOK)
	report("its own wake", http.StatusOK, own, push.TokenOK)
	if status, _ := ask(t, hush, http.MethodPost, "/v1/foreign-wakes", "", "", `{"k":"a","s":"b"}`); status != http.StatusUnauthorized {
		t.Errorf("without a credential: %d, want 401", status)
	}
	putDevice(t, hush, "", credentials["alice"], registration("alice", tokens["alice"])) // alice's app has been opened since
	report("a wake from before alice's registration", http.StatusNoContent, came, push.TokenOK)
	hush.WaitState(t, hush.Send(t, "alice", "both", "2"), push.Sent)
	report("a wake that came", http.StatusNoContent, wakeOf(t, hush, tokens["alice"]), push.TokenMissing)
}
