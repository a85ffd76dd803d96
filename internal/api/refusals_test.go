package api_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/api"
	"github.com/hushpush/hush/push"
)

// notProvoked lists documented refusals that no single call provokes, and the tests that show them.
var notProvoked = map[string]string{
	"PUT /v1/device conflict":  "TestAUserWithTooManyLivelyDevicesIsRefusedOneMore, on the real store",
	"PUT /v1/device not_found": "the app is deleted between authorization and registration",
}

// TestEveryDocumentedRefusalIsGiven provokes each code that the document has for each operation. That no answer is undocumented
// is checked by every request of this package's tests; see contract.
func TestEveryDocumentedRefusalIsGiven(t *testing.T) {
	t.Parallel()
	c := contractOf(t, setup(t))
	for _, p := range c.operations() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			world := newProvoker(t)
			for _, code := range p.codes() {
				if notProvoked[p.String()+" "+code] != "" {
					continue
				}
				provoke, ok := provocations[code]
				if !ok {
					t.Errorf("nothing here provokes %s; want it among provocations", code)
					continue
				}
				a := provoke(world, p)
				if !strings.Contains(a.body, `"code":"`+code+`"`) {
					t.Errorf("got %d %s; the document says that it can answer %s", a.status, a.body, code)
				}
				c.hold(t, p.method, p.path, a)
			}
		})
	}
}

// codes returns the codes of the problems that an operation is documented to answer with.
func (p promise) codes() []string {
	var codes []string
	for _, response := range p.op["responses"].(map[string]any) {
		content, _ := response.(map[string]any)["content"].(map[string]any)
		if problem, ok := content["application/problem+json"].(map[string]any); ok {
			for code := range problem["examples"].(map[string]any) {
				codes = append(codes, code)
			}
		}
	}
	slices.Sort(codes)
	return codes
}

// provoker is a world that can provoke refusals.
type provoker struct {
	exampleFixture
	t       *testing.T
	strange *strangeFront
	broken  *atomic.Pointer[error] // the error of Ready
	intake  *fullIntake
}

// fullIntake has no room, once it is full.
type fullIntake struct {
	full    atomic.Bool
	refused atomic.Int64
}

func (i *fullIntake) Enter(int) (func(int, int), error) {
	if i.full.Load() {
		return nil, &push.BacklogFull{Limit: 10, Undone: 12, RetryAfter: 7 * time.Second}
	}
	return func(int, int) {}, nil
}

func (i *fullIntake) Refused(pushes int) { i.refused.Add(int64(pushes)) }

// strangeFront refuses every bad secret with 429, once it is strict.
type strangeFront struct{ strict atomic.Bool }

func (*strangeFront) Known(context.Context) {}

func (f *strangeFront) Refused(string) (http.Header, time.Duration) {
	if f.strict.Load() {
		return nil, time.Minute
	}
	return nil, 0
}

// ownKeys cannot change the secret key.
type ownKeys struct{ api.Keys }

func (ownKeys) RotateSecretKey() error { return push.ErrConflict }

func newProvoker(t *testing.T) provoker {
	t.Helper()
	front, broken, intake := &strangeFront{}, new(atomic.Pointer[error]), &fullIntake{}
	w := setup(t, func(c *api.Config) {
		c.Front, c.Keys, c.Intake = front, ownKeys{c.Keys}, intake
		c.Ready = func(context.Context) error { return *broken.Load() }
	})
	fine := error(nil)
	broken.Store(&fine)
	w.notes()
	f := exampleFixture{w: w, app: "notes", key: "k", push: string(push.NewID()), token: w.token("notes", "alice")}
	f.credential = w.phone("notes", "alice", "0b6f2ba8")
	return provoker{f, t, front, broken, intake}
}

// with sends an operation's example with other secrets.
func (p provoker) with(op promise, headers ...string) answer {
	p.t.Helper()
	return p.w.send(op.method, p.path(op), p.bodies(p.t, op)[0], headers...)
}

// failing sends an operation's example while every method of the store fails.
func (p provoker) failing(op promise, err error) answer {
	p.t.Helper()
	fail := func(err error) {
		defer p.w.memory.lock()()
		p.broken.Store(&err)
		p.w.memory.fail = err
	}
	fail(err)
	defer fail(nil)
	return p.with(op, p.nonsense(op)...)
}

// nonsense returns invalid secrets of the kind that the operation takes.
func (p provoker) nonsense(op promise) []string {
	if secrets := p.secrets(op); len(secrets) > 0 && secrets[1] == "Bearer "+p.w.rootKey {
		return []string{"Authorization", "Bearer nonsense"}
	}
	return []string{"Hush-Device", "nonsense"}
}

var provocations = map[string]func(provoker, promise) answer{
	"unauthenticated": func(p provoker, op promise) answer { return p.with(op) },
	"register_again":  func(p provoker, op promise) answer { return p.with(op, "Hush-Device", "nonsense") },
	"token_expired": func(p provoker, op promise) answer {
		const secret = "0123456789abcdef0123456789abcdef"
		p.w.must(201, "PUT", "/v1/apps/notes/signing-keys/k1", `{"alg": "HS256", "secret": "`+base64.StdEncoding.EncodeToString([]byte(secret))+`"}`)
		return p.with(op, "Authorization", "Bearer "+sign(p.t, secret, "notes", "alice", time.Now().Add(-time.Minute)))
	},
	"forbidden": func(p provoker, op promise) answer {
		p.w.must(201, "PUT", "/v1/apps/other", "{}")
		if op.path == "/v1/device" {
			return p.with(op, "Authorization", "Bearer "+p.w.token("other", "alice"), "Hush-Device", p.credential)
		}
		return p.with(op, "Authorization", "Bearer "+p.w.key("other", "read"))
	},
	"device_taken": func(p provoker, op promise) answer {
		return p.with(op, "Authorization", "Bearer "+p.w.token("notes", "bob"))
	},
	"not_found": func(p provoker, op promise) answer {
		p.app = "nowhere"
		return p.ask(op, p.bodies(p.t, op)[0])
	},
	"conflict": func(p provoker, op promise) answer {
		if op.path == "/v1/secret-key/rotate" {
			return p.ask(op, "")
		}
		body := p.bodies(p.t, op)[0]
		headers := []string{"Authorization", "Bearer " + p.w.rootKey, "Idempotency-Key", "once"}
		p.w.send(op.method, p.path(op), body, headers...)
		return p.w.send(op.method, p.path(op), body+" ", headers...)
	},
	"bad_json":       func(p provoker, op promise) answer { return p.ask(op, "{") },
	"body_too_large": provoker.long,
	"invalid": func(p provoker, op promise) answer {
		switch {
		case op.op["requestBody"] != nil && op.path != "/v1/apps/{app}/devices/import":
			return p.ask(op, `{"nonsense": 1}`)
		case strings.Contains(op.path, "{app}"):
			p.app = "No%20Name"
		default:
			op.path += "?limit=0"
		}
		return p.ask(op, p.bodies(p.t, op)[0])
	},
	"rate_limited": func(p provoker, op promise) answer {
		p.strange.strict.Store(true)
		defer p.strange.strict.Store(false)
		return p.with(op)
	},
	"backlog_full": func(p provoker, op promise) answer {
		p.intake.full.Store(true)
		defer p.intake.full.Store(false)
		return p.ask(op, p.bodies(p.t, op)[0])
	},
	"internal":    func(p provoker, op promise) answer { return p.failing(op, errors.New("broken")) },
	"unavailable": func(p provoker, op promise) answer { return p.failing(op, push.ErrUnavailable) },
}

// long sends the head of a request with a body that is too long for every operation; the body follows only on request.
func (p provoker) long(op promise) answer {
	p.t.Helper()
	const length = 64 << 20
	r, err := http.NewRequest(op.method, p.w.url+p.path(op), io.LimitReader(zeros{}, length))
	if err != nil {
		p.t.Fatal(err)
	}
	r.ContentLength = length
	r.Header.Set("Expect", "100-continue")
	for pair := range slices.Chunk(p.secrets(op), 2) {
		r.Header.Set(pair[0], pair[1])
	}
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute, DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		p.t.Fatalf("%s with a long body: %v", op, err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
