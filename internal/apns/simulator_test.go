package apns_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/apns"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
)

// simulated is a client with a simulator of APNs, which knows the phone.
type simulated struct {
	*apns.Client
	t     testing.TB
	sim   *apnstest.Server
	creds *wakertest.Credentials
}

func simulate(t testing.TB, change func(*apns.Config), opts ...apnstest.Option) *simulated {
	t.Helper()
	s := &simulated{t: t, sim: apnstest.New(t, opts...), creds: &wakertest.Credentials{}}
	if err := s.sim.Register(apnstest.Token{Token: token, Topic: "com.example.notes", Online: true}); err != nil {
		t.Fatal(err)
	}
	key := s.sim.Key()
	s.creds.Put("notes", push.Credential{APNs: &push.APNsCredential{Key: push.Secret(key.PEM), KeyID: key.ID, TeamID: key.Team}})
	cfg := apns.Config{Credentials: s.creds, URL: s.sim.URL(), CA: s.sim.CAPEM(), RequestTimeout: long}
	if change != nil {
		change(&cfg)
	}
	client, err := apns.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.Client = client
	return s
}

func freshWake() push.Wake {
	payload := "42"
	return push.Wake{
		ID: push.NewID(), Provider: push.APNs, Attempt: 1, Generation: 1, Key: wakertest.Key, ExpiresAt: time.Now().Add(time.Hour),
		Items: []push.Item{push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: []byte(payload), PayloadBytes: len(payload)}},
	}
}

func (s *simulated) send(t *testing.T) (push.Answer, *push.WakeError) {
	t.Helper()
	answer, err := s.Wake(within(t), phone(), freshWake())
	return answer, wakeError(t, err)
}

func (s *simulated) mustSend(t *testing.T) {
	t.Helper()
	if _, err := s.send(t); err != nil {
		t.Fatalf("wake: %v", err)
	}
}

func (s *simulated) fault(format string, a ...any) {
	s.t.Helper()
	var f apnstest.Fault
	if err := json.Unmarshal(fmt.Appendf(nil, format, a...), &f); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.sim.AddFault(f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *simulated) sendMany(t *testing.T, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := s.Wake(within(t), phone(), freshWake()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestTheSimulatorDeliversAWake(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil)
	s.mustSend(t)
	if r := s.sim.Requests(); len(r) != 1 || r[0].Outcome != "delivered" {
		t.Errorf("got %+v, want one request, delivered", r)
	}
}

func TestManyWakesBeginOnOneStreamAndBreakNoRule(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil, apnstest.Set("streams.max", "500"))
	s.sendMany(t, 300)
	for _, r := range s.sim.Requests() {
		if r.Status != 200 {
			t.Errorf("got %d %s, want every request taken at once: none refused for the one-stream rule", r.Status, r.Reason)
		}
	}
	if n := len(s.sim.Requests()); n != 300 {
		t.Errorf("got %d requests for 300 wakes, want 300", n)
	}
	if n := s.sim.Connections(); n > 8 {
		t.Errorf("got %d connections, want 8 at most", n)
	}
}

func TestALimitThatFallsAfterARefusalIsKept(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil, apnstest.Set("streams.after_error", "fall"))
	s.fault(`{"do":"answer","status":400,"reason":"BadPriority","every":10}`)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			_, err := s.Wake(within(t), phone(), freshWake())
			if e := wakeError(t, err); e != nil && e.Reason != "BadPriority" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestACertificateWorksAtTheSimulator(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil)
	p12, err := s.sim.ClientP12([]string{"com.example.notes"})
	if err != nil {
		t.Fatal(err)
	}
	cred := push.Credential{APNs: &push.APNsCredential{P12: p12}}
	if info, err := s.Check(t.Context(), cred); err != nil || info.Kind != push.KindCertificate || len(info.Topics) != 1 {
		t.Fatalf("got %+v, %v, want the certificate accepted", info, err)
	}
	s.creds.Put("notes", cred)
	s.sendMany(t, 100)
}

func TestACertificateForTheOtherEnvironmentIsTheCredentialsFault(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"goaway", "answer"} {
		s := simulate(t, nil, apnstest.Set("certificate.environment", how))
		p12, err := s.sim.ClientP12([]string{"com.example.notes"}, apnstest.Development)
		if err != nil {
			t.Fatal(err)
		}
		s.creds.Put("notes", push.Credential{APNs: &push.APNsCredential{P12: p12}})
		if _, e := s.send(t); e == nil || e.Fault != push.FaultCredentials || e.Reason != "BadCertificateEnvironment" || e.Unclear {
			t.Errorf("%s: got %+v, want FaultCredentials BadCertificateEnvironment", how, e)
		}
	}
}

func TestAForeignCertificateIsTheCredentialsFault(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil)
	p12, password := newP12(t, certOptions{topics: []string{"com.example.notes"}})
	s.creds.Put("notes", push.Credential{APNs: &push.APNsCredential{P12: p12, Password: push.Secret(password)}})
	if _, e := s.send(t); e == nil || e.Fault != push.FaultCredentials {
		t.Errorf("got %+v, want FaultCredentials", e)
	}
}

func TestAKeyOfAnotherTeamIsTheCredentialsFault(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil)
	key := s.sim.Key()
	s.creds.Put("notes", push.Credential{APNs: &push.APNsCredential{Key: push.Secret(key.PEM), KeyID: key.ID, TeamID: teamID}})
	if _, e := s.send(t); e == nil || e.Fault != push.FaultCredentials || e.Reason != "InvalidProviderToken" {
		t.Errorf("got %+v, want FaultCredentials InvalidProviderToken", e)
	}
}

func TestLostConnectionsAndGoAways(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil)
	s.mustSend(t)
	for _, do := range []string{"close", "take_and_close"} {
		s.fault(`{"do":%q}`, do)
		answer, e := s.send(t)
		if e == nil || !e.Unclear || e.Fault != push.FaultProvider || answer.Status != 0 || e.RetryAfter > 2*time.Second {
			t.Errorf("%s: got %+v, %+v, want it unclear, to be tried again soon", do, answer, e)
		}
		s.mustSend(t)
	}
	for _, reason := range []string{"Shutdown", "BadDeviceToken"} { // of another request: not this one's fault
		s.fault(`{"do":"goaway","reason":%q}`, reason)
		s.mustSend(t)
	}
	s.fault(`{"do":"goaway","reason":"Shutdown","count":40}`)
	for range 10 {
		if _, e := s.send(t); e != nil && (e.Fault != push.FaultProvider || e.Unclear) {
			t.Errorf("got %+v, want the provider's fault, clear", e)
		}
	}
}

func TestAGoAwayUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil)
	s.mustSend(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5 {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				s.sim.GoAway("Shutdown")
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 30 {
				for {
					_, err := s.Wake(ctx, phone(), freshWake())
					e := wakeError(t, err)
					if e == nil {
						break
					}
					if e.Fault != push.FaultProvider {
						t.Errorf("got %v, want the provider's fault", e)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	<-done
}

func TestARetiredTokenIsDeadSinceThen(t *testing.T) {
	t.Parallel()
	s := simulate(t, nil)
	since := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	if err := s.sim.Retire(token, "Unregistered", since); err != nil {
		t.Fatal(err)
	}
	if _, e := s.send(t); e == nil || e.Fault != push.FaultToken || !e.DeadSince.Equal(since) {
		t.Errorf("got %+v, want FaultToken since %s", e, since)
	}
	d := phone()
	d.ProviderToken = push.Secret("00" + token[2:])
	_, err := s.Wake(within(t), d, freshWake())
	if e := wakeError(t, err); e == nil || e.Fault != push.FaultSuspect || e.Reason != "BadDeviceToken" {
		t.Errorf("got %v, want FaultSuspect BadDeviceToken", err)
	}
}

func BenchmarkWakes(b *testing.B) {
	s := simulate(b, nil, apnstest.Set("device.rate", "0"))
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Wake(b.Context(), phone(), freshWake()); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "wakes/s")
}

func TestAServerThatGoesDownGetsNoMoreOnThatConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		reason string
		ours   bool // mended at once; else the wake is to go out again
	}{
		{503, "Shutdown", false},
		{400, "IdleTimeout", false},
		{403, "UnrelatedKeyIdInToken", true},
	} {
		w := setup(t, nil)
		w.apple.once(c.status, `{"reason":"`+c.reason+`"}`)
		answer, err := w.Wake(within(t), phone(), w.wake("42"))
		if c.ours != (err == nil) || c.ours != (len(answer.Mended) == 1) {
			t.Errorf("%s: got %+v, %v; mended at once want %v", c.reason, answer, err, c.ours)
		}
		w.mustSend()
		conns := map[string]bool{}
		for _, r := range w.apple.requests() {
			conns[r.from] = true
		}
		if len(conns) != 2 {
			t.Errorf("%s: got %d connections, want another one after it", c.reason, len(conns))
		}
	}
}
