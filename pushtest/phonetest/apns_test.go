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
	p, sendAs := apnsPhoneAs(t, spec)
	return p, func(say, aps string) {
		t.Helper()
		if strings.Contains(aps, "content-available") {
			sendAs("background", "5", say, aps)
		} else {
			sendAs("alert", "10", say, aps)
		}
	}
}

// apnsPhoneAs is apnsPhone with a sender that says its push type and priority.
func apnsPhoneAs(t *testing.T, spec phonetest.Spec) (p *phonetest.Phone, send func(kind, priority, say, aps string)) {
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
	return p, func(kind, priority, say, aps string) {
		t.Helper()
		body := fmt.Sprintf(`{"aps":%s,"say":%q}`, aps, say)
		req, err := http.NewRequest(http.MethodPost, apns.URL()+"/3/device/"+p.Token(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
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

func TestABackgroundPushThatIsNotWrittenAsOneStartsNoApp(t *testing.T) {
	t.Parallel()
	const both = `{"content-available":1,"alert":"hello"}`
	p, send := apnsPhoneAs(t, phonetest.Spec{State: phonetest.Suspended})
	send("background", "10", "urgent", silent)
	send("background", "5", "loud", both)
	send("alert", "10", "shown", both)
	send("background", "5", "good", silent)
	waitLogged(t, p, "push good #2")
	if logged(p, "push urgent") || logged(p, "push loud") || !logged(p, "push shown #1") {
		t.Errorf("only the alert with content-available, and the good background push, are to reach the app\n%s", p.History())
	}
	var why []phonetest.Reason
	for _, r := range p.Records() {
		if r.Did == phonetest.Dropped {
			why = append(why, r.Reason)
		}
	}
	if len(why) != 2 || why[0] != phonetest.WrongPriority || why[1] != phonetest.NotBackground {
		t.Errorf("dropped for %q, want wrong_priority and not_background", why)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	send("background", "10", "open", silent)
	waitLogged(t, p, "push open #3")
}

func TestAPNsKeepsWhatIsNotUrgentForAPhoneThatSavesPower(t *testing.T) {
	t.Parallel()
	p, send := apnsPhoneAs(t, phonetest.Spec{State: phonetest.Foreground})
	p.SetPowerRestricted(true)
	send("background", "5", "old", silent)
	send("background", "5", "new", silent)
	send("alert", "10", "urgent", `{"content-available":1,"alert":"hello"}`)
	waitLogged(t, p, "push urgent #1")
	if err := p.RenewToken(); err != nil { // the phone saves power under its new token too
		t.Fatal(err)
	}
	send("background", "5", "after", silent)
	if n := len(p.Records()); n != 1 {
		t.Errorf("%d pushes reached a phone that saves power, want the urgent one\n%s", n, p.History())
	}
	p.SetPowerRestricted(false)
	waitLogged(t, p, "push after #2")
}
