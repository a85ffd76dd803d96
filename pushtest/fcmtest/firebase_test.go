package fcmtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/option"
)

// adminSDK is firebase-admin for Go, led to the simulator as its options allow: endpoint, service account, trusted CA.
func (w *world) adminSDK() *messaging.Client {
	w.t.Helper()
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, w.client)
	conf, err := google.JWTConfigFromJSON(w.ServiceAccountJSON(), "https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/firebase")
	if err != nil {
		w.t.Fatal(err)
	}
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: w.Project()},
		option.WithEndpoint(w.URL()+"/v1"), option.WithHTTPClient(conf.Client(ctx)))
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := app.Messaging(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestFirebaseAdminSendsUnchanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.phone("a:1", true)
	w.phone("gone", true)
	w.Retire("gone")
	w.Register(Token{Token: "other", Project: "other", Online: true})
	sdk := w.adminSDK()
	ctx := t.Context()
	ttl := 90 * time.Second
	id, err := sdk.Send(ctx, &messaging.Message{Token: "a:1", Data: map[string]string{"hush": `{"v":1}`},
		Android: &messaging.AndroidConfig{Priority: "high", TTL: &ttl, CollapseKey: "hush"}})
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	got := p.messages()
	if len(got) != 1 || got[0].Data["hush"] != `{"v":1}` || got[0].TTL != ttl || got[0].Priority != High || !strings.HasSuffix(id, got[0].ID) {
		t.Errorf("the phone got %+v for %s", got, id)
	}
	if id, err := sdk.SendDryRun(ctx, &messaging.Message{Token: "a:1"}); err != nil || !strings.HasSuffix(id, "fake_message_id") {
		t.Errorf("dry run: %q %v", id, err)
	}
	for token, is := range map[string]func(error) bool{
		"gone": messaging.IsUnregistered, "other": messaging.IsSenderIDMismatch, "nobody": messaging.IsInvalidArgument,
	} {
		if _, err := sdk.Send(ctx, &messaging.Message{Token: token}); !is(err) {
			t.Errorf("token %s: got error %v, which the SDK does not know for what it is", token, err)
		}
	}
	for code, is := range map[ErrorCode]func(error) bool{
		QuotaExceeded: messaging.IsQuotaExceeded, Internal: messaging.IsInternal, ThirdPartyAuth: messaging.IsThirdPartyAuthError,
	} {
		w.fault(Fault{Do: simkit.Answer, Status: map[ErrorCode]int{QuotaExceeded: 429, Internal: 500, ThirdPartyAuth: 401}[code], Reason: reason(string(code))})
		if _, err := sdk.Send(ctx, &messaging.Message{Token: "a:1"}); !is(err) {
			t.Errorf("%s: got error %v, which the SDK does not know for what it is", code, err)
		}
	}
}

func TestFirebaseAdminSendsHundredsThroughFaults(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const n = 400
	var msgs []*messaging.Message
	for i := range n {
		token := fmt.Sprintf("t:%d", i)
		w.Register(Token{Token: token, Online: i%2 == 0})
		if i%10 == 9 {
			w.Retire(token)
		}
		msgs = append(msgs, &messaging.Message{Token: token, Data: map[string]string{"i": fmt.Sprint(i)}})
	}
	w.fault(Fault{Do: simkit.Answer, Status: 503, Every: 60})
	w.fault(Fault{Do: simkit.GoAway, Every: 70})
	w.fault(Fault{Do: simkit.Close, Every: 90, Count: ptr(2)})
	w.fault(Fault{Do: simkit.Delay, Wait: simkit.Duration(20 * time.Millisecond), Rate: 0.05})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	res, err := w.adminSDK().SendEach(ctx, msgs)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range res.Responses {
		dead := i%10 == 9
		if dead != messaging.IsUnregistered(r.Error) || !dead && r.Error != nil {
			t.Errorf("message %d: got error %v, want unregistered: %v", i, r.Error, dead)
		}
		st, _ := w.State(fmt.Sprintf("t:%d", i))
		if have := len(st.Stored) + len(st.Delivered); !dead && have == 0 {
			t.Errorf("message %d is accepted, and neither stored nor delivered", i)
		}
	}
	oauth := 0
	for _, r := range w.Requests() {
		if r.Endpoint == "oauth" {
			oauth++
		}
	}
	if oauth == 0 {
		t.Error("the SDK never asked for an access token")
	}
}

func TestWaitForSaysWhenItGaveUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.phone("a:1", true)
	var sending sync.WaitGroup
	sending.Go(func() { w.to("a:1", "") })
	if err := w.WaitFor(t.Context(), func(rs []Request) bool { return len(rs) == 1 && rs[0].Outcome == "delivered" }); err != nil {
		t.Error(err)
	}
	sending.Wait() // what waits was told before the sender has its answer
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := w.WaitFor(ctx, func([]Request) bool { return false }); !errors.Is(err, cause) {
		t.Errorf("got %v, want the context's cause", err)
	}
}

func ptr[T any](v T) *T { return &v }
