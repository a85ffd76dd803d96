package senders_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"golang.org/x/oauth2"
	googleauth "golang.org/x/oauth2/google"
	"google.golang.org/api/option"

	"github.com/hushpush/hush/pushtest/fcmtest"
)

// google is a simulator of FCM.
type google struct {
	*fcmtest.Server
	t *testing.T
}

func startGoogle(t *testing.T) *google {
	t.Helper()
	return &google{fcmtest.New(t), t}
}

// adminSDK returns firebase-admin for Go, pointed at the simulator as its options allow: endpoint, service account, trusted CA.
func (g *google) adminSDK() *messaging.Client {
	g.t.Helper()
	client := g.Client()
	g.t.Cleanup(client.CloseIdleConnections)
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, client)
	conf, err := googleauth.JWTConfigFromJSON(g.ServiceAccountJSON(), "https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/firebase")
	if err != nil {
		g.t.Fatal(err)
	}
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: g.Project()},
		option.WithEndpoint(g.URL()+"/v1"), option.WithHTTPClient(conf.Client(ctx)))
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := app.Messaging(ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// register registers a phone and returns what it gets.
func (g *google) register(tok fcmtest.Token) *inbox {
	g.t.Helper()
	in := &inbox{}
	tok.Deliver = in.add
	if err := g.Register(tok); err != nil {
		g.t.Fatal(err)
	}
	return in
}

func (g *google) fault(f fcmtest.Fault) {
	g.t.Helper()
	if _, err := g.AddFault(f); err != nil {
		g.t.Fatal(err)
	}
}

// inbox is the messages that came to a phone.
type inbox struct {
	mu       sync.Mutex
	messages []fcmtest.Message // guarded by mu
}

func (in *inbox) add(m fcmtest.Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.messages = append(in.messages, m)
}

func (in *inbox) all() []fcmtest.Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.messages)
}

func TestFirebaseAdminSendsUnchanged(t *testing.T) {
	t.Parallel()
	g := startGoogle(t)
	phone := g.register(fcmtest.Token{Token: "a:1", Online: true})
	g.register(fcmtest.Token{Token: "gone", Online: true})
	g.Retire("gone")
	g.register(fcmtest.Token{Token: "other", Project: "other", Online: true})
	sdk := g.adminSDK()
	ctx := t.Context()
	ttl := 90 * time.Second
	id, err := sdk.Send(ctx, &messaging.Message{Token: "a:1", Data: map[string]string{"hush": `{"v":1}`},
		Android: &messaging.AndroidConfig{Priority: "high", TTL: &ttl, CollapseKey: "hush"}})
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	got := phone.all()
	if len(got) != 1 || got[0].Data["hush"] != `{"v":1}` || got[0].TTL != ttl || got[0].Priority != fcmtest.High || !strings.HasSuffix(id, got[0].ID) {
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
	for _, answer := range []struct {
		status int
		code   fcmtest.ErrorCode
		is     func(error) bool
	}{
		{429, fcmtest.QuotaExceeded, messaging.IsQuotaExceeded},
		{500, fcmtest.Internal, messaging.IsInternal},
		{401, fcmtest.ThirdPartyAuth, messaging.IsThirdPartyAuthError},
	} {
		reason := string(answer.code)
		g.fault(fcmtest.Fault{Do: "answer", Status: answer.status, Reason: &reason})
		if _, err := sdk.Send(ctx, &messaging.Message{Token: "a:1"}); !answer.is(err) {
			t.Errorf("%s: got error %v, which the SDK does not know for what it is", answer.code, err)
		}
	}
}

func TestFirebaseAdminSendsHundredsThroughFaults(t *testing.T) {
	t.Parallel()
	g := startGoogle(t)
	const n = 400
	var msgs []*messaging.Message
	for i := range n {
		token := fmt.Sprintf("t:%d", i)
		g.register(fcmtest.Token{Token: token, Online: i%2 == 0})
		if i%10 == 9 {
			g.Retire(token)
		}
		msgs = append(msgs, &messaging.Message{Token: token, Data: map[string]string{"i": fmt.Sprint(i)}})
	}
	twice := 2
	g.fault(fcmtest.Fault{Do: "answer", Status: 503, Every: 60})
	g.fault(fcmtest.Fault{Do: "goaway", Every: 70})
	g.fault(fcmtest.Fault{Do: "close", Every: 90, Count: &twice})
	g.fault(fcmtest.Fault{Do: "delay", Wait: 20e6, Rate: 0.05})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	res, err := g.adminSDK().SendEach(ctx, msgs)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range res.Responses {
		dead := i%10 == 9
		if dead != messaging.IsUnregistered(r.Error) || !dead && r.Error != nil {
			t.Errorf("message %d: got error %v, want unregistered: %v", i, r.Error, dead)
		}
		st, _ := g.State(fmt.Sprintf("t:%d", i))
		if have := len(st.Stored) + len(st.Delivered); !dead && have == 0 {
			t.Errorf("message %d is accepted, and neither stored nor delivered", i)
		}
	}
	oauth := 0
	for _, r := range g.Requests() {
		if r.Endpoint == "oauth" {
			oauth++
		}
	}
	if oauth == 0 {
		t.Error("the SDK never asked for an access token")
	}
}
