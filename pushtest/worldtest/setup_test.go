package worldtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

func TestMain(m *testing.M) {
	// The launcher's thread stays for all apps of the process, see phonetest.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hushpush/hush/internal/child.launch"))
}

// sender sends to both providers of a world as a backend would.
type sender struct {
	world      *worldtest.World
	apns, fcm  *http.Client
	bearer     string
	fcmBearer  string
	statusOnly bool // refusals are the test's affair
}

func newSender(t testing.TB, w *worldtest.World) *sender {
	t.Helper()
	s := &sender{world: w, apns: w.APNs.Client(), fcm: w.FCM.Client(), bearer: providerToken(t, w.APNs.Key()), fcmBearer: w.FCM.AccessToken()}
	t.Cleanup(s.apns.CloseIdleConnections)
	t.Cleanup(s.fcm.CloseIdleConnections)
	return s
}

func providerToken(t testing.TB, k apnstest.Key) string {
	t.Helper()
	key, err := jwt.ParseECPrivateKeyFromPEM(k.PEM)
	if err != nil {
		t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": k.Team, "iat": time.Now().Unix()})
	token.Header["kid"] = k.ID
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// push sends a silent push with this payload's say to a token of the platform, and returns the status.
func (s *sender) push(t testing.TB, platform phonetest.Platform, token, say string) int {
	t.Helper()
	req, client := s.request(t, platform, token, say)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK && !s.statusOnly {
		t.Fatalf("%s answers %s: %s", platform, resp.Status, answer)
	}
	return resp.StatusCode
}

// fcmBody sends a whole body of messages:send.
func (s *sender) fcmBody(t testing.TB, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.world.FCM.SendURL(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.fcmBearer)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.fcm.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: FCM answers %s: %s", body, resp.Status, answer)
	}
}

func (s *sender) request(t testing.TB, platform phonetest.Platform, token, say string) (*http.Request, *http.Client) {
	t.Helper()
	url, body, client := s.world.APNs.URL()+"/3/device/"+token, fmt.Sprintf(`{"aps":{"content-available":1},"say":%q}`, say), s.apns
	headers := map[string]string{"authorization": "bearer " + s.bearer, "apns-topic": worldtest.DefaultAppID, "apns-push-type": "background", "apns-priority": "5"}
	if platform == phonetest.Android {
		url, body, client = s.world.FCM.SendURL(), fmt.Sprintf(`{"message":{"token":%q,"data":{"say":%q}}}`, token, say), s.fcm
		headers = map[string]string{"Authorization": "Bearer " + s.fcmBearer, "Content-Type": "application/json"}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	return req, client
}

// call asks the control API, and reads the answer into out (nil: it is not wanted).
func call(t testing.TB, w *worldtest.World, method, path, body string, out any) int {
	t.Helper()
	req := httptest.NewRequest(method, "/_sim"+path, strings.NewReader(body))
	resp := httptest.NewRecorder()
	w.ControlHandler().ServeHTTP(resp, req)
	if out != nil {
		if err := json.NewDecoder(bytes.NewReader(resp.Body.Bytes())).Decode(out); err != nil {
			t.Fatalf("%s %s: the answer %q is no JSON: %v", method, path, resp.Body, err)
		}
	}
	return resp.Code
}

// must is call where the answer is to be good.
func must(t testing.TB, w *worldtest.World, method, path, body string, out any) {
	t.Helper()
	var answer json.RawMessage
	var into any
	if out != nil {
		into = &answer
	}
	if status := call(t, w, method, path, body, into); status >= 300 {
		t.Fatalf("%s %s %s: %d, %s", method, path, body, status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

func waitLogged(t *testing.T, w *worldtest.World, name, text string) {
	t.Helper()
	p := w.Phones.Phone(name)
	w.WaitFor(t, p, text+" in the device log", func(p *phonetest.Phone) bool { return logged(p, text) })
}

func logged(p *phonetest.Phone, text string) bool {
	for _, l := range p.Log() {
		if !l.System && strings.Contains(l.Text, text) {
			return true
		}
	}
	return false
}
