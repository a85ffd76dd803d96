package sdk_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/internal/gateway"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

// session waits for a session of the device other than was, and returns its id.
func (a *app) session(b *backend, was string) (id string) {
	a.t.Helper()
	key := push.DeviceKey{App: "notes", Device: b.device("alice").ID}
	waitFor(a.t, "a session other than "+was, func() bool {
		got, _, ok := b.gateway.Session(key)
		id = got
		return ok && got != was
	})
	return id
}

// handledOnce checks that the end of a push was reported exactly once, once all before now has been reported.
func (b *backend) handledOnce(p *sent) {
	b.t.Helper()
	later := b.accept("alice", "later", time.Hour)
	b.give(later)
	b.final(later) // receipts are sent in order: what would come twice has come
	n := 0
	for _, e := range b.events(p) {
		if e == push.ReceiptHandled {
			n++
		}
	}
	if n != 1 {
		b.t.Errorf("push %s: the server was told %v; want handled once", p.Payload, b.events(p))
	}
}

func TestSilentSocketIsFoundDeadAfterTwoHeartbeatsAndReplaced(t *testing.T) {
	t.Parallel()
	b := newBackend(t, func(c *gateway.Config) { c.Heartbeat = 2 * time.Second })
	way := socketPath(t, b)
	a := openApp(t, b, t.TempDir(), way.through).handle().registered()
	a.open(b, "alice")
	first := a.session(b, "")
	way.cut()
	waiting := b.accept("alice", "waiting", time.Hour) // and nobody wakes the phone for it
	a.session(b, first)
	b.final(waiting)
	a.waitFor(t, "through:inbox:waiting")
}

func TestReceiptsOfAWakeBesideADeadSocketGoByHTTPAndOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, way, a := bubble(t)
		a.open(b, "alice")
		first := a.session(b, "")
		before := b.accept("alice", "before", time.Hour)
		b.give(before)
		b.final(before)
		synctest.Wait() // the answer to its receipt is there: one that is lost delays what comes now
		way.cut()       // the idle connections of HTTP, too
		p := b.accept("alice", "1", time.Hour)
		b.give(p) // into the dead socket
		if result, err := a.notified(b.wake(p)); result != sdk.NewData || err != nil {
			t.Errorf("the wake gave %q, %v; want new_data", result, err)
		}
		if got := b.final(p); got.path != push.PathAPNs || got.result != push.NewData {
			t.Errorf("the receipt says %q by %q, want new_data by apns", got.result, got.path)
		}
		if n := b.count("POST /v1/receipts"); n == 0 {
			t.Errorf("receipts came by HTTP %d times, want at least once", n)
		}
		a.session(b, first) // the probe found the first one dead, long before two heartbeats
		b.handledOnce(p)
		if got, want := a.all()[:2], []string{"through:session:before", "through:apns:1"}; !slices.Equal(got, want) {
			t.Errorf("the handlers got %q, want %q", got, want)
		}
	})
}

func TestReceiptsThatADeadSocketSwallowedAreToldAgainByHTTP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, way, a := bubble(t)
		began, release := make(chan struct{}), make(chan struct{})
		a.OnThroughMessageReceived(func(_ context.Context, m sdk.Message) sdk.FetchResult {
			if m.Extras["payload"] == "1" {
				close(began)
				<-release
			}
			return sdk.NewData
		})
		a.open(b, "alice")
		first := a.session(b, "")
		p := b.accept("alice", "1", time.Hour)
		b.give(p)
		<-began
		synctest.Wait()
		way.cut()
		cut := time.Now()
		close(release)
		got := b.final(p)
		if took := time.Since(cut); took < 2*time.Second || took > 2100*time.Millisecond {
			t.Errorf("the server knew after %s, want 2s: the wait for the session's answer, and then HTTP at once", took)
		}
		if got.path != push.PathSession || got.result != push.NewData {
			t.Errorf("the receipt says %q by %q, want new_data by session", got.result, got.path)
		}
		a.session(b, first)
		b.handledOnce(p)
	})
}

func TestWakeBesideADeadSocketIsReportedAtOnceAndTheSocketDroppedAfterTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, way, a := bubble(t)
		a.open(b, "alice")
		first := a.session(b, "")
		synctest.Wait()
		way.cut()
		cut := time.Now()
		p := b.accept("alice", "1", time.Hour)
		if _, err := a.notified(b.wake(p)); err != nil {
			t.Error(err)
		}
		b.final(p)
		if took := time.Since(cut); took > 100*time.Millisecond {
			t.Errorf("the server knew after %s, want at once: the receipts do not wait for the session", took)
		}
		a.session(b, first)
		if took := time.Since(cut); took < 2500*time.Millisecond || took > 3100*time.Millisecond {
			t.Errorf("the next session was there after %s, want 2s and the first back-off, 0.5s to 1s", took)
		}
		b.handledOnce(p)
	})
}

func TestWakeBesideALiveSessionLeavesItOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, _, a := bubble(t)
		a.open(b, "alice")
		first := a.session(b, "")
		p := b.accept("alice", "1", time.Hour)
		if _, err := a.notified(b.wake(p)); err != nil {
			t.Error(err)
		}
		b.final(p)
		time.Sleep(10 * time.Minute)
		if n := b.count("GET /v1/connect"); n != 1 {
			t.Errorf("connected %d times, want 1: the session answered", n)
		}
		byHTTP := b.count("POST /v1/receipts")
		b.handledOnce(p)
		if n := b.count("POST /v1/receipts"); n != byHTTP || a.session(b, "") != first {
			t.Errorf("once the session had answered, %d receipts went by HTTP; want all over the session", n-byHTTP)
		}
	})
}

func TestSilentSocketIsDeadAfterTwoHeartbeatsByTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, way, a := bubble(t)
		a.open(b, "alice")
		first := a.session(b, "")
		time.Sleep(10 * time.Minute) // heartbeats keep it
		if id := a.session(b, ""); id != first || b.count("GET /v1/connect") != 1 {
			t.Fatalf("connected %d times, session %s after %s; want the first, which answers", b.count("GET /v1/connect"), id, first)
		}
		way.cut()
		cut := time.Now()
		waiting := b.accept("alice", "waiting", time.Hour)
		time.Sleep(24 * time.Second)
		if n := b.count("GET /v1/connect"); n != 1 {
			t.Errorf("connected %d times within a heartbeat of the silence, want 1", n)
		}
		time.Sleep(6 * time.Second)
		a.session(b, first) // waits 30s at most
		// Two heartbeats of 25 s, of which up to one had passed; a look every quarter; and the first back-off.
		if took := time.Since(cut); took < 25*time.Second || took > 58*time.Second {
			t.Errorf("the next session was there after %s, want 25s to 58s", took)
		}
		b.final(waiting)
		b.handledOnce(waiting)
	})
}

func TestSessionClosedForABadFrameStaysAwayForFiveMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, _, a := bubble(t)
		a.open(b, "alice")
		first := a.session(b, "")
		b.gateway.Drop(push.DeviceKey{App: "notes", Device: b.device("alice").ID}, first, protocol.CloseBadFrame)
		closed := time.Now()
		time.Sleep(5*time.Minute - time.Second)
		if n := b.count("GET /v1/connect"); n != 1 {
			t.Errorf("connected %d times within 5m of a bad frame, want 1", n)
		}
		a.session(b, first)
		if took := time.Since(closed); took > 5*time.Minute+2*time.Second {
			t.Errorf("came back after %s, want 5m", took)
		}
		p := b.accept("alice", "1", time.Hour)
		b.give(p)
		b.final(p)
	})
}

func TestSessionOverTLSBringsPushesAndTakesReceiptsOnce(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(s *httptest.Server) {
		s.EnableHTTP2 = true // HTTP goes by HTTP/2, the session by HTTP/1.1
		s.StartTLS()
	})
	roots := x509.NewCertPool()
	roots.AddCert(b.http.Certificate())
	a := openApp(t, b, t.TempDir(), func(c *sdk.Config) { c.TLS = &tls.Config{RootCAs: roots} }).handle().registered()
	a.open(b, "alice")
	p := b.accept("alice", "1", time.Hour)
	b.give(p)
	if got := b.final(p); got.path != push.PathSession || got.result != push.NewData {
		t.Errorf("the receipt says %q by %q, want new_data by session", got.result, got.path)
	}
	b.handledOnce(p)
	a.SetAppState(sdk.Background)
	key := push.DeviceKey{App: "notes", Device: b.device("alice").ID}
	b.wait("the background to be reported before the end", func() bool { return b.devices[key.Device].AppState == push.AppBackground })
	waitFor(t, "no session", func() bool { _, _, ok := b.gateway.Session(key); return !ok })
}

func TestServerWithAForeignCertificateIsRefused(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(s *httptest.Server) {
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
		s.StartTLS()
	})
	a := openApp(t, b, t.TempDir()).handle() // trusts the system's authorities only
	err := a.RegisterPush(t.Context(), sdk.Registration{ProviderToken: "ff00", BundleID: "com.example.notes", Environment: sdk.Production})
	if err == nil {
		t.Error("RegisterPush at a server with a foreign certificate: no error, want one")
	}
}

// bubble is a server, a way and a registered app in a synctest bubble.
func bubble(t *testing.T) (*backend, *path, *app) {
	t.Helper()
	server := newPipes()
	b := startBackend(t, server.start)
	way := newPath(t, newPipes(), server.dial)
	a := openApp(t, b, t.TempDir(), way.through).handle().registered()
	return b, way, a
}

func TestLogoutIsNotEndedByARestartAndTheNextForeground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newPipes()
		b := startBackend(t, server.start)
		way, dir := newPath(t, newPipes(), server.dial), t.TempDir()
		a := openApp(t, b, dir, way.through).handle().registered()
		if err := a.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = a.Close()
		a = openApp(t, b, dir, way.through).handle()
		a.SetAppState(sdk.Foreground)
		time.Sleep(time.Hour)
		if n, connects := b.count("PUT /v1/device"), b.count("GET /v1/connect"); n != 1 || connects != 0 {
			t.Errorf("after logout the device has registered %d times in all, and connected %d times; want 1 and 0", n, connects)
		}
		a.registered().session(b, "")
	})
}
