package apns_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/hushpush/hush/internal/apns"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	long   = 30 * time.Second
	token  = "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"
	keyID  = "ABC123DEFG"
	teamID = "DEF123GHIJ"
)

// apple stands in for APNs where a test needs an answer that a simulator of APNs does not give: any status, any body.
type apple struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu    sync.Mutex
	seen  []seen                                           // guarded by mu
	reply func(n int, s seen) (status int, h, body string) // guarded by mu; h is a Retry-After; n counts from 1
}

// seen is one request.
type seen struct {
	path   string
	header http.Header
	body   []byte
	jwt    string
	cert   *x509.Certificate
	from   string // the connection
}

func newApple(t *testing.T) *apple {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &apple{key: key}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.EnableHTTP2 = true
	a.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

func (a *apple) serve(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s := seen{path: r.URL.Path, header: r.Header.Clone(), body: body, from: r.RemoteAddr}
	if h := r.Header.Get("authorization"); len(h) > 7 {
		s.jwt = h[7:]
	}
	if len(r.TLS.PeerCertificates) > 0 {
		s.cert = r.TLS.PeerCertificates[0]
	}
	a.mu.Lock()
	a.seen = append(a.seen, s)
	n, reply := len(a.seen), a.reply
	a.mu.Unlock()
	rw.Header().Set("apns-id", r.Header.Get("apns-id"))
	if reply == nil {
		return
	}
	status, after, text := reply(n, s)
	if after != "" {
		rw.Header().Set("Retry-After", after)
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, text)
}

func (a *apple) answers(reply func(n int, s seen) (int, string, string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reply, a.seen = reply, nil
}

// once answers the first request so, and takes the next ones.
func (a *apple) once(status int, body string) {
	a.answers(func(n int, _ seen) (int, string, string) {
		if n == 1 {
			return status, "", body
		}
		return 200, "", ""
	})
}

func (a *apple) requests() []seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]seen(nil), a.seen...)
}

func (a *apple) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
}

// verify returns the JWT's claims, if it is signed by the key.
func (a *apple) verify(t *testing.T, raw string) (jwt.MapClaims, map[string]any) {
	t.Helper()
	claims := jwt.MapClaims{}
	parsed, err := jwt.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return &a.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithoutClaimsValidation())
	if err != nil {
		t.Fatalf("provider token: %v", err)
	}
	return claims, parsed.Header
}

func p8(t *testing.T, key any) push.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return push.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func keyCredential(t *testing.T, key *ecdsa.PrivateKey) push.Credential {
	t.Helper()
	return push.Credential{APNs: &push.APNsCredential{Key: p8(t, key), KeyID: keyID, TeamID: teamID, Topics: []string{"com.example.notes"}}}
}

// world is a client with what it talks to.
type world struct {
	*apns.Client
	t     *testing.T
	apple *apple
	creds *wakertest.Credentials
	log   *wakertest.Log
	clock *clock
}

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func setup(t *testing.T, change func(*apns.Config)) *world {
	t.Helper()
	w := &world{t: t, apple: newApple(t), creds: &wakertest.Credentials{}, log: &wakertest.Log{}, clock: &clock{now: time.Now()}}
	w.creds.Put("notes", keyCredential(t, w.apple.key))
	cfg := apns.Config{
		Credentials: w.creds, URL: w.apple.URL, CA: w.apple.ca(), Logger: w.log.Logger(), RequestTimeout: long, Now: w.clock.Now,
	}
	if change != nil {
		change(&cfg)
	}
	client, err := apns.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w.Client = client
	return w
}

func phone() push.Device {
	return push.Device{
		App: "notes", ID: "phone", User: "alice", Platform: push.IOS, BundleID: "com.example.notes", Environment: push.Production,
		ProviderToken: token, Token: push.TokenOK, OwnerGeneration: 1,
	}
}

func (w *world) wake(payloads ...string) push.Wake {
	wk := push.Wake{ID: push.NewID(), Provider: push.APNs, Attempt: 1, Generation: 1, Key: wakertest.Key, ExpiresAt: w.clock.Now().Add(time.Hour)}
	for _, p := range payloads {
		wk.Items = append(wk.Items, push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: []byte(p), PayloadBytes: len(p)})
	}
	return wk
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	t.Cleanup(cancel)
	return ctx
}

func (w *world) send() (push.Answer, *push.WakeError) {
	w.t.Helper()
	answer, err := w.Wake(within(w.t), phone(), w.wake("42"))
	return answer, wakeError(w.t, err)
}

func wakeError(t *testing.T, err error) *push.WakeError {
	t.Helper()
	if err == nil {
		return nil
	}
	var e *push.WakeError
	if !errors.As(err, &e) {
		t.Fatalf("got error %v (%T), want a *push.WakeError", err, err)
	}
	return e
}

func (w *world) mustSend() push.Answer {
	w.t.Helper()
	answer, err := w.send()
	if err != nil {
		w.t.Fatalf("wake: %v", err)
	}
	return answer
}
