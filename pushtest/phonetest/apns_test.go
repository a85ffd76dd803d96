package phonetest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/phonetest"
)

const topic = "com.example.notes"

// apnsPhone is an iOS phone on a simulator of APNs, and a sender of pushes with this aps to it.
func apnsPhone(t *testing.T, spec phonetest.Spec) (p *phonetest.Phone, send func(say, aps string)) {
	t.Helper()
	apns := apnstest.New(t, apnstest.Topics(topic))
	d := phonetest.New(phonetest.Config{APNs: phonetest.APNs(apns)})
	t.Cleanup(d.Close)
	spec.Platform, spec.App, spec.AppID = phonetest.IOS, phonetest.InProcess(newApp), topic
	p, err := d.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	sender := apns.Client()
	t.Cleanup(sender.CloseIdleConnections)
	bearer := providerToken(t, apns.Key())
	return p, func(say, aps string) {
		t.Helper()
		body := fmt.Sprintf(`{"aps":%s,"say":%q}`, aps, say)
		req, err := http.NewRequest(http.MethodPost, apns.URL()+"/3/device/"+p.Token(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		kind, priority := "background", "5"
		if !strings.Contains(aps, "content-available") {
			kind, priority = "alert", "10"
		}
		for name, value := range map[string]string{
			"authorization": "bearer " + bearer, "apns-topic": topic, "apns-push-type": kind, "apns-priority": priority,
		} {
			req.Header.Set(name, value)
		}
		resp, err := sender.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("APNs answers %s", resp.Status)
		}
	}
}

func providerToken(t *testing.T, k apnstest.Key) string {
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

const silent = `{"content-available":1}`

func TestAPushThroughAPNsLaunchesAReclaimedApp(t *testing.T) {
	t.Parallel()
	p, send := apnsPhone(t, phonetest.Spec{State: phonetest.Reclaimed})
	send("hello", silent)
	waitLogged(t, p, "push hello #1")
}

func TestOfflineAPNsKeepsTheNewestPushOnly(t *testing.T) {
	t.Parallel()
	p, send := apnsPhone(t, phonetest.Spec{State: phonetest.Suspended, Offline: true})
	send("old", silent)
	send("new", silent)
	p.SetOnline(true)
	waitLogged(t, p, "push new #1")
	if logged(p, "push old") {
		t.Errorf("APNs kept more than one push for an app\n%s", p.History())
	}
}

func TestAnAlertRunsNoCodeOfTheApp(t *testing.T) {
	t.Parallel()
	p, send := apnsPhone(t, phonetest.Spec{State: phonetest.Background})
	send("loud", `{"alert":"hello"}`)
	send("silent", silent) // the line is in order: what comes before it has come
	waitLogged(t, p, "push silent #1")
	if logged(p, "push loud") {
		t.Errorf("an alert reached the app's handler\n%s", p.History())
	}
}
