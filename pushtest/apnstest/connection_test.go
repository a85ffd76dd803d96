package apnstest_test

import (
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/apnstest"
)

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
