package server_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/hushtest"
	"github.com/hushpush/hush/sdk"
)

// putDevice asks to register a device by hand, as a client that is not our SDK would.
func putDevice(t *testing.T, hush *hushtest.Server, token, credential, body string) (status int, answer string) {
	t.Helper()
	return ask(t, hush, http.MethodPut, "/v1/device", token, credential, body)
}

// ask makes one request by hand. An empty bearer or credential leaves its header out.
func ask(t *testing.T, hush *hushtest.Server, method, path, bearer, credential, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, hush.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if credential != "" {
		req.Header.Set(protocol.HeaderDevice, credential)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

func TestAPhoneThatChangesHandsBringsNothingOfTheFormerUser(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.IOS)
	device := p.device()
	if err := hush.APNs.SetOnline(p.token, false); err != nil { // the wake waits at Apple
		t.Fatal(err)
	}
	onItsWay := hush.Send(t, "alice", "both", "alice's, on its way")
	hush.WaitState(t, onItsWay, push.Sent)
	waits := hush.Send(t, "alice", "fcm-only", "alice's, waiting")
	hush.WaitReason(t, waits, push.Waiting, push.ReasonNoStrategy)

	p.user = "bob" // bob logs in on the same phone
	if err := p.client.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{onItsWay, waits} {
		hush.WaitReason(t, id, push.Undeliverable, push.ReasonOwnerChanged)
	}
	if got := p.device(); got != device {
		t.Fatalf("bob's device is %s, want the same, %s", got, device)
	}
	if err := hush.APNs.SetOnline(p.token, true); err != nil { // and now the wake comes
		t.Fatal(err)
	}
	eventually(t, "the wake for the former owner reached the phone", func() bool { _, wakes := p.counts(); return wakes == 1 })
	hush.WaitState(t, hush.Send(t, "bob", "both", "bob's"), push.Handled)
	for _, payload := range p.payloads() {
		if payload != "bob's" {
			t.Errorf("the phone handled %q after it had changed hands", payload)
		}
	}
}

func TestAStrangerCannotTakeADeviceOverByItsID(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	body := `{"device_id":"` + p.device() + `","platform":"android","package":"com.example.notes","provider_token":"mallorys"}`
	if status, answer := putDevice(t, hush, hush.Token(t, "mallory"), "", body); status != http.StatusForbidden || !strings.Contains(answer, "device_taken") {
		t.Errorf("a stranger who knows the id: %d %s; want 403 device_taken", status, answer)
	}
	if status, answer := putDevice(t, hush, hush.Token(t, "alice"), "", body); status != http.StatusForbidden || !strings.Contains(answer, "device_taken") {
		t.Errorf("the owner without the credential: %d %s; want 403 device_taken", status, answer)
	}
	hush.WaitState(t, hush.Send(t, "alice", "both", "still hers"), push.Handled)
}

func TestAWakeThatComesAfterLogoutIsDropped(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.IOS)
	if err := hush.APNs.SetOnline(p.token, false); err != nil {
		t.Fatal(err)
	}
	id := hush.Send(t, "alice", "both", "too late")
	hush.WaitState(t, id, push.Sent)
	if err := p.client.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := hush.APNs.SetOnline(p.token, true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the wake reached the phone", func() bool { _, wakes := p.counts(); return wakes == 1 })
	hush.WaitReason(t, id, push.Undeliverable, push.ReasonUnregistered)
	if handled, _ := p.counts(); handled != 0 {
		t.Errorf("handled %d pushes after logout, want none", handled)
	}
}

func TestAWakeWorksWithAnExpiredUserToken(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	p.user = "nobody who may have a token" // from now on, no token can be had for alice
	hush.WaitState(t, hush.Send(t, "alice", "both", strings.Repeat("large, so that it is fetched ", 1000)), push.Handled)
}

func TestATokenThatTurnsUpOnAnotherDeviceLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	alices := newPhone(t, hush, "alice", sdk.IOS)
	bobs := newPhone(t, hush, "bob", sdk.IOS)
	bobs.token = alices.token
	bobs.register()
	if got := hush.DevicesOf(t, "alice")[0].Token; got != push.TokenMissing {
		t.Errorf("alice's token is %s, want missing", got)
	}
	hush.WaitReason(t, hush.Send(t, "alice", "both", "x"), push.Waiting, push.ReasonNoToken)
}

func TestAHandlerThatTakesTooLongFailsAndThePushEnds(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	p := newPhone(t, hush, "alice", sdk.Android)
	ended := make(chan struct{})
	p.handler = func(ctx context.Context, _ sdk.Message) sdk.FetchResult {
		<-ctx.Done()
		close(ended)
		<-t.Context().Done() // and it does not return then either
		return sdk.NewData
	}
	id := hush.Send(t, "alice", "both", "x")
	select {
	case <-ended:
	case <-time.After(hushtest.Wait):
		t.Fatal("the handler's context did not end")
	}
	if d := hush.WaitState(t, id, push.Handled).Deliveries[0]; d.Result != push.Failed {
		t.Errorf("result %s, want failed", d.Result)
	}
}

func TestRefusalsOfATokenTakeEffectOnlyIfItIsTheTokens(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t, hushtest.RetryWait(time.Second))
	dead := newPhone(t, hush, "dead", sdk.IOS)
	if err := hush.APNs.Retire(dead.token, apnstest.Unregistered, time.Now()); err != nil {
		t.Fatal(err)
	}
	unknown := newPhone(t, hush, "unknown", sdk.IOS)
	hush.APNs.Forget(unknown.token)
	for _, user := range []string{"dead", "unknown"} {
		id := hush.Send(t, user, "both", "x")
		got := hush.WaitReason(t, id, push.Waiting, push.ReasonNoToken)
		if !hasEvent(got, push.EventTokenDropped) {
			t.Errorf("%s: no event token_dropped:\n%s", user, hushtest.Draw(got))
		}
	}
	if got := hush.DevicesOf(t, "dead")[0].Token; got != push.TokenDead {
		t.Errorf("the token is %s, want dead", got)
	}
	if err := hush.APNs.Register(apnstest.Token{Token: dead.token, Topic: hushtest.BundleID, Online: true}); err != nil {
		t.Fatal(err)
	}
	dead.token = newToken(sdk.IOS) // the app is opened and gets another token
	dead.connect(sdk.IOS)
	dead.register()
	hush.WaitState(t, hush.Send(t, "dead", "both", "y"), push.Handled)
	eventually(t, "what waited for a token went too", func() bool { handled, _ := dead.counts(); return handled == 2 })
}

func hasEvent(p protocol.Push, name push.EventName) bool {
	for _, d := range p.Deliveries {
		for _, e := range d.Events {
			if e.Event == name {
				return true
			}
		}
	}
	return false
}

func TestNoTokenIsDroppedIfMostAreRefusedAlike(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	const phones = 12
	users := make([]string, phones)
	for i := range phones {
		users[i] = "user" + string(rune('a'+i))
		p := newPhone(t, hush, users[i], sdk.IOS)
		hush.APNs.Forget(p.token) // as if all were of the other environment
	}
	id := hush.SendPush(t, protocol.PushRequest{To: protocol.Audience{Users: users}, ResourceID: "both"})
	hush.WaitReason(t, id, push.Waiting, push.ReasonCredentials)
	for _, user := range users {
		if got := hush.DevicesOf(t, user)[0].Token; got != push.TokenOK {
			t.Errorf("%s: token %s, want ok", user, got)
		}
	}
}

func TestAnAppWithoutCredentialsWaitsForThem(t *testing.T) {
	t.Parallel()
	hush := hushtest.Start(t)
	if err := hush.DeleteProvider(t.Context(), hushtest.App, push.FCM); err != nil {
		t.Fatal(err)
	}
	newPhone(t, hush, "alice", sdk.Android)
	id := hush.Send(t, "alice", "both", "x")
	hush.WaitReason(t, id, push.Waiting, push.ReasonNoCredentials)
	if _, _, err := hush.PutFCM(t.Context(), hushtest.App, protocol.FCMProvider{ServiceAccount: hush.FCM.ServiceAccountJSON()}); err != nil {
		t.Fatal(err)
	}
	hush.WaitState(t, id, push.Handled)
}
