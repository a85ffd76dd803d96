package fcm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hushpush/hush/internal/fcm"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	long  = 30 * time.Second
	token = "dGVzdC1pbnN0YWxsYXRpb24:APA91bTestTokenOfOnePhoneThatIsLongEnough"
)

// world is a client with the simulator that it talks to.
type world struct {
	*fcm.Client
	t     *testing.T
	sim   *fcmtest.Server
	creds *wakertest.Credentials
	log   *wakertest.Log
}

func setup(t *testing.T, change func(*fcm.Config)) *world {
	t.Helper()
	sim := fcmtest.New(t)
	if err := sim.Register(fcmtest.Token{Token: token, Package: "com.example.notes", Online: true}); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, sim: sim, creds: &wakertest.Credentials{}, log: &wakertest.Log{}}
	w.creds.Put("notes", credential(sim.ServiceAccountJSON()))
	cfg := fcm.Config{Credentials: w.creds, URL: sim.URL(), CA: sim.CAPEM(), Logger: w.log.Logger(), RequestTimeout: long}
	if change != nil {
		change(&cfg)
	}
	client, err := fcm.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w.Client = client
	return w
}

func credential(account []byte) push.Credential {
	return push.Credential{FCM: &push.FCMCredential{ServiceAccount: account}}
}

func phone() push.Device {
	return push.Device{
		App: "notes", ID: "phone", User: "alice", Platform: push.Android, Package: "com.example.notes",
		ProviderToken: token, Token: push.TokenOK, OwnerGeneration: 1,
	}
}

func wake(payloads ...string) push.Wake {
	w := push.Wake{ID: push.NewID(), Provider: push.FCM, Attempt: 1, Generation: 1, Key: wakertest.Key, ExpiresAt: time.Now().Add(time.Hour), Priority: push.Normal}
	for _, p := range payloads {
		w.Items = append(w.Items, push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: []byte(p), PayloadBytes: len(p)})
	}
	return w
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	t.Cleanup(cancel)
	return ctx
}

func (w *world) send() (push.Answer, *push.WakeError) {
	w.t.Helper()
	answer, err := w.Wake(within(w.t), phone(), wake("42"))
	if err == nil {
		return answer, nil
	}
	var e *push.WakeError
	if !errors.As(err, &e) {
		w.t.Fatalf("got error %v (%T), want a *push.WakeError", err, err)
	}
	return answer, e
}

func (w *world) mustSend() push.Answer {
	w.t.Helper()
	answer, err := w.send()
	if err != nil {
		w.t.Fatalf("wake: %v", err)
	}
	return answer
}

func (w *world) fault(f fcmtest.Fault) {
	w.t.Helper()
	if _, err := w.sim.AddFault(f); err != nil {
		w.t.Fatal(err)
	}
}

// requests returns those to one endpoint that the simulator has seen.
func (w *world) requests(endpoint string) []fcmtest.Request {
	var out []fcmtest.Request
	for _, r := range w.sim.Requests() {
		if r.Endpoint == endpoint {
			out = append(out, r)
		}
	}
	return out
}

func with(account []byte, member, value string) []byte {
	var m map[string]any
	if err := json.Unmarshal(account, &m); err != nil {
		panic(err)
	}
	if value == "" {
		delete(m, member)
	} else {
		m[member] = value
	}
	out, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return out
}

// faultJSON returns a fault as the control API takes it.
func faultJSON(format string, a ...any) fcmtest.Fault {
	var f fcmtest.Fault
	if err := json.Unmarshal(fmt.Appendf(nil, format, a...), &f); err != nil {
		panic(err)
	}
	return f
}
