//lint:file-ignore SA1019 apns2 gives its users x/net's deprecated Transport, and theirs is the client under test

package apnstest_test

import (
	"crypto/tls"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sideshow/apns2"
	apnstoken "github.com/sideshow/apns2/token"
	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// sideshow is github.com/sideshow/apns2 with a provider token, unchanged but for the address and the CA.
func (w *world) sideshow() *apns2.Client {
	w.t.Helper()
	k := w.Key()
	key, err := apnstoken.AuthKeyFromBytes(k.PEM)
	if err != nil {
		w.t.Fatalf("apns2 does not read the key: %v", err)
	}
	c := apns2.NewTokenClient(&apnstoken.Token{AuthKey: key, KeyID: k.ID, TeamID: k.Team})
	c.Host = w.URL()
	w.trust(c)
	return c
}

func (w *world) trust(c *apns2.Client) {
	tr := c.HTTPClient.Transport.(*http2.Transport)
	if tr.TLSClientConfig == nil {
		tr.TLSClientConfig = &tls.Config{}
	}
	tr.TLSClientConfig.RootCAs = w.Pool()
	w.t.Cleanup(tr.CloseIdleConnections)
}

func note(n int) *apns2.Notification {
	return &apns2.Notification{DeviceToken: token(n), Topic: topic, Payload: []byte(ping), PushType: apns2.PushTypeBackground, Priority: apns2.PriorityLow,
		Expiration: time.Now().Add(time.Hour)}
}

func TestAPNs2SendsWithATokenOneByOneAndByHundreds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.sideshow()
	if r, err := c.Push(note(1)); err != nil || !r.Sent() || r.ApnsID == "" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if r, err := c.Push(note(99)); err != nil || r.StatusCode != 400 || r.Reason != apns2.ReasonBadDeviceToken {
		t.Errorf("unknown token: got %+v, %v", r, err)
	}
	w.Retire(token(1), apnstest.Unregistered, time.Now())
	if r, err := c.Push(note(1)); err != nil || r.StatusCode != 410 || r.Reason != apns2.ReasonUnregistered || r.Timestamp.IsZero() {
		t.Errorf("retired token: got %+v, %v", r, err)
	}
	w.hundreds(c, 400, func(int) {})
}

// hundreds sends n at once, each to a token of its own, and wants every one taken and delivered.
func (w *world) hundreds(c *apns2.Client, n int, during func(done int)) {
	w.t.Helper()
	for i := range n {
		w.register(apnstest.Token{Token: token(1000 + i), Topic: topic, Online: true})
	}
	var wg sync.WaitGroup
	var done atomic.Int32
	for i := range n {
		wg.Go(func() {
			r, err := c.Push(note(1000 + i))
			if err != nil || !r.Sent() {
				w.t.Errorf("push %d: got %+v, %v", i, r, err)
			}
			during(int(done.Add(1)))
		})
	}
	wg.Wait()
	for i := range n {
		if st := w.state(token(1000 + i)); len(st.Delivered) != 1 {
			w.t.Errorf("token %d: delivered %v, want one", i, st.Delivered)
		}
	}
}

func TestAPNs2SendsHundredsOnAFreshConnection(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hundreds(w.sideshow(), 300, func(int) {})
}

func TestAPNs2SendsHundredsThroughGoAway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.sideshow()
	// Three and no more: each hits nearly all that are on their way, Go's client then waits before it sends again (0, 1, 2, 4,
	// 8, 16, 32 s for a request that is hit time after time), and apns2 gives up after a minute.
	w.hundreds(c, 300, func(done int) {
		if done == 50 || done == 150 || done == 250 {
			w.GoAway(apnstest.Shutdown)
		}
	})
}

func TestAPNs2SendsHundredsWithACertificate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	cert, err := w.ClientCertificate([]string{topic})
	if err != nil {
		t.Fatal(err)
	}
	c := apns2.NewClient(cert)
	c.Host = w.URL()
	w.trust(c)
	w.hundreds(c, 300, func(int) {})
}

func TestTheStreamLimitRisesWithTheFirstGoodToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	c := w.raw(nil)
	if err := c.Until(func() bool { return c.Settings[http2.SettingMaxConcurrentStreams] != 0 }); err != nil {
		t.Fatal(err)
	}
	want := map[http2.SettingID]uint32{
		http2.SettingHeaderTableSize: 4096, http2.SettingMaxConcurrentStreams: 1, http2.SettingInitialWindowSize: 65535,
		http2.SettingMaxFrameSize: 16384, http2.SettingMaxHeaderListSize: 8000,
	}
	for id, v := range want {
		if c.Settings[id] != v {
			t.Errorf("%s is %d, want %d", id, c.Settings[id], v)
		}
	}
	w.rawSend(c, "authorization", "bearer rubbish")
	if got := c.Settings[http2.SettingMaxConcurrentStreams]; got != 1 {
		t.Errorf("after a bad token the limit is %d, want 1", got)
	}
	w.rawSend(c)
	if got := c.Settings[http2.SettingMaxConcurrentStreams]; got != 1000 {
		t.Errorf("after a good token the limit is %d, want 1000", got)
	}

	w = setup(t, apnstest.Set("streams.after_error", "fall"), apnstest.Set("streams.max", "500"))
	c = w.raw(nil)
	w.rawSend(c, "apns-priority", "3")
	if got := c.Settings[http2.SettingMaxConcurrentStreams]; got != 1 {
		t.Errorf("after a refusal the limit is %d, want it to fall to 1", got)
	}
	delete(c.Settings, http2.SettingMaxConcurrentStreams)
	w.rawSend(c, "apns-priority", "3")
	if got, told := c.Settings[http2.SettingMaxConcurrentStreams]; told {
		t.Errorf("another refusal told the client a limit of %d, want nothing new", got)
	}
	w.rawSend(c)
	if got := c.Settings[http2.SettingMaxConcurrentStreams]; got != 500 {
		t.Errorf("after a request that was taken the limit is %d, want 500", got)
	}
}

func TestACertificateHasTheFullStreamLimitAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	cert, err := w.ClientCertificate([]string{topic})
	if err != nil {
		t.Fatal(err)
	}
	c := w.raw(&cert)
	if err := c.Until(func() bool { return c.Settings[http2.SettingMaxConcurrentStreams] == 1000 }); err != nil {
		t.Errorf("the limit stays %d: %v", c.Settings[http2.SettingMaxConcurrentStreams], err)
	}
}

func TestTooManyErrorsEndTheConnectionAnd410IsNone(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("connection.bad_tokens", "3"), apnstest.Set("connection.errors", "5"))
	w.register(apnstest.Token{Token: token(2), Topic: topic})
	w.Retire(token(2), apnstest.Unregistered, time.Time{})
	c := w.raw(nil)
	for range 10 {
		w.rawTo(c, token(2))
	}
	for range 3 {
		w.rawTo(c, token(9))
	}
	if ga, err := c.AwaitGoAway(); err != nil || ga.Debug != `{"reason":"BadDeviceToken"}` {
		t.Errorf("after three bad tokens: got %+v, %v", ga, err)
	}
	c = w.raw(nil)
	for range 5 {
		w.rawSend(c, "apns-priority", "3")
	}
	if ga, err := c.AwaitGoAway(); err != nil || ga.Debug != `{"reason":"BadPriority"}` {
		t.Errorf("after five errors: got %+v, %v", ga, err)
	}
}

func TestAConnectionMayHaveHadEnoughRequests(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("connection.requests", "3"))
	c := w.raw(nil)
	for i := range 3 {
		if a := w.rawSend(c); a.Status != 200 {
			t.Errorf("request %d: got %+v, want it answered", i+1, a)
		}
	}
	if ga, err := c.AwaitGoAway(); err != nil || ga.Debug != "" || ga.Last != 5 {
		t.Errorf("after three requests: got %+v, %v; want GOAWAY without a reason that names the third", ga, err)
	}
	w.stillServes()
}

func TestAConnectionMayBeTooFast(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("connection.rate", "2"))
	w.StopClock()
	c := w.raw(nil)
	for range 2 {
		w.rawSend(c)
	}
	w.Advance(time.Second)
	for i := range 3 {
		if a := w.rawSend(c); a.Status != 200 {
			t.Errorf("request %d of a second: got %+v, want it answered", i+1, a)
		}
	}
	if ga, err := c.AwaitGoAway(); err != nil || ga.Debug != "" || ga.Last != 9 {
		t.Errorf("after three requests in a second: got %+v, %v; want GOAWAY without a reason that names the fifth", ga, err)
	}
	w.stillServes()
}

func TestAnAddressMayOpenTooManyConnections(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("connection.new", "2"))
	for i := range 3 {
		c := w.Client()
		defer c.CloseIdleConnections()
		resp, err := c.Do(w.request())
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != (i < 2) {
			t.Errorf("connection %d within the minute: error %v, want one from the third on", i+1, err)
		}
	}
}

func TestIdleConnectionsGetAGoAwayWithItsReason(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("connection.idle", "50ms"))
	if ga, err := w.raw(nil).AwaitGoAway(); err != nil || ga.Debug != `{"reason":"IdleTimeout"}` {
		t.Errorf("got %+v, %v", ga, err)
	}
}

func TestACertificateOfTheOtherEnvironmentMayGetAGoAway(t *testing.T) {
	t.Parallel()
	w := setup(t, apnstest.Set("certificate.environment", "goaway"))
	cert, err := w.ClientCertificate([]string{topic}, apnstest.Development)
	if err != nil {
		t.Fatal(err)
	}
	if ga, err := w.raw(&cert).AwaitGoAway(); err != nil || ga.Debug != `{"reason":"BadCertificateEnvironment"}` {
		t.Errorf("got %+v, %v", ga, err)
	}
}

func TestPingsAreAcknowledged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hc := w.Client()
	hc.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Millisecond, PingTimeout: 20 * time.Second}
	defer hc.CloseIdleConnections()
	w.client = hc
	w.AddFault(apnstest.Fault{Do: "delay", Wait: 300e6})
	w.send().mustBe(t, 200, "", "after pings")
}
