package sdk_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

// as makes the app return tokens of a user whom the test changes.
func as(user *atomic.Value) func(*sdk.Config) {
	return func(c *sdk.Config) {
		c.Token = func(context.Context) (string, error) { return user.Load().(string), nil }
	}
}

// A renewal for alice is answered only when another process has registered bob: its key is not his.
func TestALateAnswerForTheFormerOwnerIsNotThePresentOnes(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	dir := t.TempDir()
	held, release := make(chan struct{}), make(chan struct{})
	var hold atomic.Bool
	slow := openApp(t, b, dir, func(c *sdk.Config) {
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := http.DefaultTransport.RoundTrip(r)
			if hold.Load() && r.Method == http.MethodPut {
				close(held)
				<-release
			}
			return answer, err
		})}
	}).handle().registered()
	b.age(push.WakeKeyAge) // so that the answer brings a key
	hold.Store(true)
	answered := make(chan struct{})
	go func() { defer close(answered); slow.registered() }()
	<-held
	was := b.device("alice")
	alices := sealed(t, wakeKey(was.Key(), was.WakeKeyID), carrying(b.accept("alice", "alice's", time.Hour)))
	var bob atomic.Value
	bob.Store("bob")
	a := openApp(t, b, dir, as(&bob)).handle().registered()
	close(release)
	<-answered
	for _, client := range []*app{slow, a} {
		if result, err := client.notified(alices); result != sdk.NoData || err != nil {
			t.Errorf("alice's wake gave %q, %v; want no_data", result, err)
		}
		if got := client.all(); len(got) != 0 {
			t.Errorf("bob's handlers got %q, want nothing", got)
		}
	}
	b.setDown(true) // bob's key is where it was
	a.notified(b.wake(b.accept("bob", "bob's", time.Hour)))
	a.waitFor(t, "background:apns:bob's")
}

// slowSession is a connection on which nothing that comes after a WebSocket's handshake arrives until it is released.
type slowSession struct {
	net.Conn
	release <-chan struct{}
	rest    []byte // read, and not yet given
	session bool
}

var switching, headEnd = []byte("HTTP/1.1 101"), []byte("\r\n\r\n")

func (c *slowSession) Read(b []byte) (int, error) {
	if c.session {
		<-c.release
	}
	if len(c.rest) > 0 {
		n := copy(b, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	n, err := c.Conn.Read(b)
	if bytes.HasPrefix(b[:n], switching) {
		end := bytes.Index(b[:n], headEnd) + len(headEnd)
		c.session, c.rest = true, slices.Clone(b[end:n])
		return end, err
	}
	return n, err
}

// The session was opened for alice, and what it brings comes when bob has logged in.
func TestWhatASessionBringsIsForTheOwnerWhoOpenedIt(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	var user atomic.Value
	user.Store("alice")
	release := make(chan struct{})
	a := openApp(t, b, t.TempDir(), as(&user), func(c *sdk.Config) {
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &slowSession{Conn: conn, release: release}, nil
		}
	}).handle().registered()
	a.SetAppState(sdk.Foreground)
	key := push.DeviceKey{App: "notes", Device: b.device("alice").ID}
	waitFor(t, "a session", func() bool { _, _, ok := b.gateway.Session(key); return ok })
	b.give(b.accept("alice", "alice's", time.Hour))
	user.Store("bob")
	a.registered()
	close(release)
	b.wait("what the session brought to be acknowledged", func() bool { return len(b.receipts) > 0 })
	a.SetAppState(sdk.Background)
	a.notified(b.wake(b.accept("bob", "bob's", time.Hour)))
	_ = a.Close() // waits for handlers
	if got := a.all(); !slices.Equal(got, []string{"background:apns:bob's"}) {
		t.Errorf("bob's handlers got %q, want his own push alone", got)
	}
}

// A wake that finds the credential void while a registration is refused does not change what follows from the refusal.
func TestATakenDeviceWhoseCredentialIsFoundVoidMeanwhileTakesANewID(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	var a *app
	var once atomic.Bool
	once.Store(true)
	a = openApp(t, b, t.TempDir(), func(c *sdk.Config) {
		c.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPut || once.Swap(true) {
				return http.DefaultTransport.RoundTrip(r)
			}
			_ = a.HandleDeletedMessages(context.Background())
			refusal := httptest.NewRecorder()
			problem(refusal, http.StatusForbidden, "device_taken")
			return refusal.Result(), nil
		})}
	}).handle().registered()
	b.mu.Lock()
	clear(b.creds)
	b.mu.Unlock()
	once.Store(false)
	a.registered()
}
