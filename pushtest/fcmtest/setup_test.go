package fcmtest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a simulator, a raw client, and phones.
type world struct {
	*Server
	t      *testing.T
	client *http.Client
	bearer string
}

func setup(t *testing.T, opts ...Option) *world {
	t.Helper()
	s := New(t, opts...)
	c := s.Client()
	t.Cleanup(c.CloseIdleConnections)
	return &world{Server: s, t: t, client: c, bearer: "Bearer " + s.AccessToken()}
}

func http1Client(s *Server) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.Pool()}}}
}

// reply is an answer, taken apart as senders do.
type reply struct {
	status  int
	header  http.Header
	raw     string
	name    string
	message string
	grpc    string
	code    string      // of the FcmError
	fields  []Violation // of the BadRequest
	quota   bool
	proto   int
}

func (w *world) post(client *http.Client, url, bearer, body string) reply {
	w.t.Helper()
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", bearer)
	}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatalf("POST %s: %v", url, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("POST %s: body: %v", url, err)
	}
	return readReply(res, b)
}

func readReply(res *http.Response, b []byte) reply {
	r := reply{status: res.StatusCode, header: res.Header, raw: string(b), proto: res.ProtoMajor}
	var v struct {
		Name  string
		Error struct {
			Code    int
			Message string
			Status  string
			Details []struct {
				Type            string `json:"@type"`
				ErrorCode       string
				FieldViolations []Violation
			}
		}
	}
	if json.Unmarshal(b, &v) == nil {
		r.name, r.message, r.grpc = v.Name, v.Error.Message, v.Error.Status
		for _, d := range v.Error.Details {
			switch d.Type {
			case typeFcmError:
				r.code = d.ErrorCode
			case typeBadRequest:
				r.fields = d.FieldViolations
			case typeQuotaFailure:
				r.quota = true
			}
		}
	}
	return r
}

// send posts a body for this project.
func (w *world) send(body string) reply {
	w.t.Helper()
	return w.post(w.client, w.SendURL(), w.bearer, body)
}

// to sends a plain data message with extra android fields ("" for none).
func (w *world) to(token, android string) reply {
	w.t.Helper()
	return w.send(`{"message":{"token":"` + token + `","data":{"k":"v"},"android":{` + android + `}}}`)
}

// phone keeps what a device gets.
type phone struct {
	mu      sync.Mutex
	got     []Message
	deleted int
}

func (p *phone) messages() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Message(nil), p.got...)
}

func (p *phone) notices() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deleted
}

func (w *world) phone(token string, online bool) *phone {
	w.t.Helper()
	p := &phone{}
	err := w.Register(Token{Token: token, Package: "com.example.notes", Online: online,
		Deliver:         func(m Message) { p.mu.Lock(); defer p.mu.Unlock(); p.got = append(p.got, m) },
		DeletedMessages: func() { p.mu.Lock(); defer p.mu.Unlock(); p.deleted++ }})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// last returns the latest send in the ledger.
func (w *world) last() Request {
	all := w.Requests()
	return all[len(all)-1]
}

func (w *world) outcomes() (s []string) {
	for _, r := range w.Requests() {
		s = append(s, string(r.Outcome))
	}
	return s
}

// jwt signs an assertion with the simulator's own key, or with another one.
type jwt struct {
	head, claims map[string]any
	key          *rsa.PrivateKey
}

func (w *world) jwt() jwt {
	var a struct {
		ClientEmail  string `json:"client_email"`
		TokenURI     string `json:"token_uri"`
		PrivateKey   string `json:"private_key"`
		PrivateKeyID string `json:"private_key_id"`
	}
	if err := json.Unmarshal(w.ServiceAccountJSON(), &a); err != nil {
		w.t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(a.PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now().Unix()
	return jwt{
		head: map[string]any{"alg": "RS256", "typ": "JWT", "kid": a.PrivateKeyID},
		claims: map[string]any{"iss": a.ClientEmail, "scope": scopeMessaging, "aud": a.TokenURI,
			"iat": now, "exp": now + 3600},
		key: key.(*rsa.PrivateKey),
	}
}

func (j jwt) String() string {
	h, _ := json.Marshal(j.head)
	c, _ := json.Marshal(j.claims)
	signed := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, j.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

type oauthReply struct {
	status      int
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
	Error       string
	Description string `json:"error_description"`
}

func (w *world) oauth(form url.Values) (r oauthReply) {
	w.t.Helper()
	res, err := w.client.Post(w.TokenURL(), "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&r); err != nil {
		w.t.Fatalf("token endpoint: %d %s", res.StatusCode, b)
	}
	r.status = res.StatusCode
	return r
}

func assertionForm(jwt string) url.Values {
	return url.Values{"grant_type": {grantJWT}, "assertion": {jwt}}
}
