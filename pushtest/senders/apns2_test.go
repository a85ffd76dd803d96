//lint:file-ignore SA1019 apns2 gives its users x/net's deprecated Transport, and theirs is the client under test

package senders_test

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/certificate"
	apnstoken "github.com/sideshow/apns2/token"
	"golang.org/x/net/http2"

	"github.com/hushpush/hush/pushtest/apnstest"
)

const (
	topic = "com.example.notes"
	ping  = `{"aps":{"content-available":1},"n":1}`
)

// apple is a simulator with one phone.
type apple struct {
	*apnstest.Server
	t *testing.T
}

func startApple(t *testing.T, opts ...apnstest.Option) *apple {
	t.Helper()
	a := &apple{apnstest.New(t, append([]apnstest.Option{apnstest.Topics(topic)}, opts...)...), t}
	a.phone(1)
	return a
}

// token makes a device token that ends in n.
func token(n int) string { return fmt.Sprintf("%064x", 0xff0000+n) }

// phone registers the phone with token n.
func (a *apple) phone(n int) {
	a.t.Helper()
	if err := a.Register(apnstest.Token{Token: token(n), Topic: topic, Online: true}); err != nil {
		a.t.Fatal(err)
	}
}

// sideshow is github.com/sideshow/apns2 with a provider token, unchanged but for the address and the CA.
func (a *apple) sideshow() *apns2.Client {
	a.t.Helper()
	k := a.Key()
	key, err := apnstoken.AuthKeyFromBytes(k.PEM)
	if err != nil {
		a.t.Fatalf("apns2 does not read the key: %v", err)
	}
	c := apns2.NewTokenClient(&apnstoken.Token{AuthKey: key, KeyID: k.ID, TeamID: k.Team})
	c.Host = a.URL()
	a.trust(c)
	return c
}

func (a *apple) trust(c *apns2.Client) {
	tr := c.HTTPClient.Transport.(*http2.Transport)
	if tr.TLSClientConfig == nil {
		tr.TLSClientConfig = &tls.Config{}
	}
	tr.TLSClientConfig.RootCAs = a.Pool()
	a.t.Cleanup(tr.CloseIdleConnections)
}

func notification(n int) *apns2.Notification {
	return &apns2.Notification{DeviceToken: token(n), Topic: topic, Payload: []byte(ping), PushType: apns2.PushTypeBackground, Priority: apns2.PriorityLow,
		Expiration: time.Now().Add(time.Hour)}
}

func TestAPNs2SendsWithATokenOneByOneAndByHundreds(t *testing.T) {
	t.Parallel()
	a := startApple(t)
	c := a.sideshow()
	if r, err := c.Push(notification(1)); err != nil || !r.Sent() || r.ApnsID == "" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if r, err := c.Push(notification(99)); err != nil || r.StatusCode != 400 || r.Reason != apns2.ReasonBadDeviceToken {
		t.Errorf("unknown token: got %+v, %v", r, err)
	}
	a.Retire(token(1), apnstest.Unregistered, time.Now())
	if r, err := c.Push(notification(1)); err != nil || r.StatusCode != 410 || r.Reason != apns2.ReasonUnregistered || r.Timestamp.IsZero() {
		t.Errorf("retired token: got %+v, %v", r, err)
	}
	a.hundreds(c, 400, func(int) {})
}

// hundreds sends n at once, each to a token of its own, and wants every one taken and delivered.
func (a *apple) hundreds(c *apns2.Client, n int, during func(done int)) {
	a.t.Helper()
	for i := range n {
		a.phone(1000 + i)
	}
	var wg sync.WaitGroup
	var done atomic.Int32
	for i := range n {
		wg.Go(func() {
			r, err := c.Push(notification(1000 + i))
			if err != nil || !r.Sent() {
				a.t.Errorf("push %d: got %+v, %v", i, r, err)
			}
			during(int(done.Add(1)))
		})
	}
	wg.Wait()
	for i := range n {
		if st, _ := a.State(token(1000 + i)); len(st.Delivered) != 1 {
			a.t.Errorf("token %d: delivered %v, want one", i, st.Delivered)
		}
	}
}

func TestAPNs2SendsHundredsOnAFreshConnection(t *testing.T) {
	t.Parallel()
	a := startApple(t)
	a.hundreds(a.sideshow(), 300, func(int) {})
}

func TestAPNs2SendsHundredsThroughGoAway(t *testing.T) {
	t.Parallel()
	a := startApple(t)
	c := a.sideshow()
	// Three and no more: each hits nearly all that are on their way, Go's client then waits before it sends again (0, 1, 2, 4,
	// 8, 16, 32 s for a request that is hit time after time), and apns2 gives up after a minute.
	a.hundreds(c, 300, func(done int) {
		if done == 50 || done == 150 || done == 250 {
			a.GoAway(apnstest.Shutdown)
		}
	})
}

func TestAPNs2SendsHundredsWithACertificate(t *testing.T) {
	t.Parallel()
	a := startApple(t)
	cert, err := a.ClientCertificate([]string{topic})
	if err != nil {
		t.Fatal(err)
	}
	c := apns2.NewClient(cert)
	c.Host = a.URL()
	a.trust(c)
	a.hundreds(c, 300, func(int) {})
}

func TestAPNs2ReadsTheClientFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startApple(t, apnstest.Files(dir))
	for _, name := range []string{"client.p12", "client-" + topic + ".p12"} {
		cert, err := certificate.FromP12File(filepath.Join(dir, name), "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		hc := a.Client(cert)
		defer hc.CloseIdleConnections()
		c := &apns2.Client{HTTPClient: hc, Host: a.URL(), Certificate: cert}
		resp, err := c.Push(&apns2.Notification{DeviceToken: token(1), Topic: topic, Payload: []byte(ping), PushType: apns2.PushTypeBackground, Priority: 5})
		if err != nil || !resp.Sent() {
			t.Errorf("%s: got %+v, %v", name, resp, err)
		}
	}
}
