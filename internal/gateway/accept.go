package gateway

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/internal/bucket"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// readBufferBytes is the smallest buffer that package bufio makes. A frame's header fits (RFC 6455, section 5.2: at most 14
// bytes); its payload is read past the buffer, directly into its destination. The library's default is 4 KiB.
const readBufferBytes = 16

// handshakeWait bounds the write of a handshake's answer.
const handshakeWait = 5 * time.Second

func newUpgrader(cfg Config, subprotocols []string) *gws.Upgrader {
	return gws.NewUpgrader(events{}, &gws.ServerOption{
		ReadBufferSize: readBufferBytes,
		// Twice a frame's limit, so that a frame that is a little too long is refused with our code. The library closes the
		// socket with 1009 (RFC 6455, section 7.4.1) after a longer frame, and with 1002 after bytes that are not WebSocket.
		// UTF-8 is checked with the JSON.
		ReadMaxPayloadSize: 2 * protocol.MaxFrameBytes,
		ParallelGolimit:    1, // unused, but the library makes a channel of this size per session
		HandshakeTimeout:   handshakeWait,
		SubProtocols:       subprotocols,
		NewSession:         func() gws.SessionStorage { return &slot{} },
		Logger:             quiet{},
	})
}

// quiet discards the library's messages; the gateway logs what matters itself.
type quiet struct{}

// Error discards a message.
func (quiet) Error(...any) {}

// ServeHTTP answers GET /v1/connect: it lets the device in, or refuses it before the upgrade.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	device, claims, refused := g.admit(r)
	if refused == nil {
		refused = checkUpgrade(r)
	}
	refused = g.reportSecret(w, r, refused)
	if refused != nil {
		if refused.status >= 500 {
			g.cfg.Logger.Warn("a session was refused", "code", refused.code)
		}
		refused.write(w)
		return
	}
	s := newSession(g, device, claims.ExpiresAt)
	if !g.enter(s) {
		refuseStopping.write(w)
		return
	}
	s.release = g.cfg.Auth.Hold(claims.Ground(device.App), s.revoked)
	if err := s.start(w, r); err != nil {
		g.cfg.Logger.Debug("a session ended before it began", "app", s.key.App, "device", s.key.Device, "error", err)
	}
}

// reportSecret reports to the front whether the request had a valid secret, and returns the refusal to answer with. If its
// address has shown too many invalid secrets, that is a 429.
func (g *Gateway) reportSecret(w http.ResponseWriter, r *http.Request, refused *refusal) *refusal {
	switch {
	case refused == nil, refused.status < http.StatusInternalServerError && refused.status != http.StatusUnauthorized, *refused == refuseExpired:
		g.cfg.Front.Known(r.Context())
	case refused.status == http.StatusUnauthorized:
		fields, wait := g.cfg.Front.Refused(r.RemoteAddr)
		maps.Copy(w.Header(), fields)
		if wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(bucket.Seconds(wait)))
			return &refuseTooFast
		}
	}
	return refused
}

// admit returns the device that connects and the claims of its user's token, or a refusal.
func (g *Gateway) admit(r *http.Request) (push.Device, push.UserClaims, *refusal) {
	if g.stopping() {
		return push.Device{}, push.UserClaims{}, &refuseStopping
	}
	refuse := func(r refusal) (push.Device, push.UserClaims, *refusal) {
		return push.Device{}, push.UserClaims{}, &r
	}
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return refuse(refuseToken)
	}
	claims, err := g.cfg.Auth.UserToken(r.Context(), token)
	if err != nil {
		return refuse(g.explain(err, refuseToken))
	}
	credential := r.Header.Get(protocol.HeaderDevice)
	if credential == "" {
		return refuse(refuseDevice)
	}
	device, err := g.cfg.Auth.DeviceByCredential(r.Context(), credential)
	if err != nil {
		return refuse(g.explain(err, refuseAgain))
	}
	if !claims.ForApp(device.App) || claims.User != device.User {
		return refuse(refuseUser)
	}
	return device, claims, nil
}

// explain returns the refusal for an error of Auth, and logs an error that is not the device's fault.
func (g *Gateway) explain(err error, unauthenticated refusal) refusal {
	refused := refusalOf(err, unauthenticated)
	if refused == refuseFailed {
		g.cfg.Logger.Warn("a device could not be looked up", "error", err)
	}
	return refused
}

func (g *Gateway) stopping() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closing
}

// bearer returns the token of an Authorization header (RFC 6750, section 2.1).
func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// checkUpgrade checks a WebSocket's handshake (RFC 6455, section 4.2.1), so that the refusal of an invalid one is a problem
// like every other refusal.
func checkUpgrade(r *http.Request) *refusal {
	switch {
	case r.Method != http.MethodGet:
		return &refuseMethod
	case !hasWord(r.Header.Values("Connection"), "upgrade"), !hasWord(r.Header.Values("Upgrade"), "websocket"),
		r.Header.Get("Sec-WebSocket-Version") != "13", r.Header.Get("Sec-WebSocket-Key") == "":
		return &refuseUpgrade
	case offers(r) && !hasWord(r.Header.Values("Sec-WebSocket-Protocol"), protocol.Subprotocol):
		return &refuseProtocol
	}
	return nil
}

// offers reports whether the device offers any subprotocol.
func offers(r *http.Request) bool { return r.Header.Get("Sec-WebSocket-Protocol") != "" }

// hasWord reports whether a header's comma-separated lists contain a word.
func hasWord(values []string, word string) bool {
	for _, v := range values {
		for w := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(w), word) {
				return true
			}
		}
	}
	return false
}

// upgrade turns the request into a socket.
func (s *session) upgrade(w http.ResponseWriter, r *http.Request) (*gws.Conn, error) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		refuseUpgrade.write(w) // HTTP/2: the upgrade exists in HTTP/1.1 only
		return nil, fmt.Errorf("gateway: the connection cannot be upgraded")
	}
	conn, buffered, err := hijacker.Hijack()
	if err != nil {
		return nil, fmt.Errorf("gateway: upgrade: %w", err)
	}
	if buffered.Reader.Buffered() > 0 {
		_ = conn.Close() // RFC 6455, section 4.1: a client sends nothing before the answer
		return nil, fmt.Errorf("gateway: upgrade: the device spoke before it was let in")
	}
	_ = conn.SetDeadline(time.Time{}) // the HTTP server's
	s.mu.Lock()
	s.net.Conn = conn
	s.mu.Unlock()
	upgrader := s.gateway.unnamed
	if offers(r) {
		upgrader = s.gateway.named
	}
	socket, err := upgrader.UpgradeFromConn(&s.net, bufio.NewReaderSize(conn, readBufferBytes), r)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("gateway: upgrade: %w", err)
	}
	return socket, nil
}
