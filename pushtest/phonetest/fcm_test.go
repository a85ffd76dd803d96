package phonetest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// fcmPhone is an Android phone on a simulator of FCM, and a sender of data messages to it.
func fcmPhone(t *testing.T, spec phonetest.Spec) (p *phonetest.Phone, send func(say string)) {
	t.Helper()
	p, sendWith := fcmPhoneWith(t, spec)
	return p, func(say string) { t.Helper(); sendWith(say, "") }
}

// fcmPhoneWith is fcmPhone with a sender that puts more into the message.
func fcmPhoneWith(t *testing.T, spec phonetest.Spec) (p *phonetest.Phone, send func(say, more string)) {
	t.Helper()
	fcm := fcmtest.New(t)
	d := phonetest.New(phonetest.Config{FCM: phonetest.FCM(fcm)})
	t.Cleanup(d.Close)
	spec.Platform, spec.App, spec.AppID = phonetest.Android, phonetest.InProcess(newApp), "com.example.notes"
	p, err := d.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return p, senderTo(t, fcm, p)
}

// senderTo sends data messages to a phone; more goes into the message beside its data.
func senderTo(t *testing.T, fcm *fcmtest.Server, p *phonetest.Phone) (send func(say, more string)) {
	t.Helper()
	sender := fcm.Client()
	t.Cleanup(sender.CloseIdleConnections)
	return func(say, more string) {
		t.Helper()
		body := fmt.Sprintf(`{"message":{"token":%q,"data":{"say":%q}%s}}`, p.Token(), say, more)
		req, err := http.NewRequest(http.MethodPost, fcm.SendURL(), bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+fcm.AccessToken())
		req.Header.Set("Content-Type", "application/json")
		resp, err := sender.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			t.Fatalf("FCM answers %s: %s", resp.Status, answer)
		}
	}
}

func TestAMessageThroughFCMReachesTheApp(t *testing.T) {
	t.Parallel()
	p, send := fcmPhone(t, phonetest.Spec{State: phonetest.Terminated})
	send("hello")
	waitLogged(t, p, "push hello #1")
}

func TestMessagesWaitAtFCMWhileThePhoneIsOffline(t *testing.T) {
	t.Parallel()
	p, send := fcmPhone(t, phonetest.Spec{State: phonetest.Suspended, Offline: true})
	send("one")
	send("two")
	if n := len(p.Records()); n != 0 {
		t.Fatalf("%d messages reached a phone that is off-line\n%s", n, p.History())
	}
	p.SetOnline(true)
	waitLogged(t, p, "push one")
	waitLogged(t, p, "push two")
}

func TestMoreThanAHundredWaitingMessagesAreDiscardedAndTheAppIsTold(t *testing.T) {
	t.Parallel()
	p, send := fcmPhone(t, phonetest.Spec{State: phonetest.Suspended, Offline: true})
	for i := range 101 {
		send(fmt.Sprint("m", i))
	}
	p.SetOnline(true)
	waitLogged(t, p, "deleted_messages")
	if logged(p, "push m0") {
		t.Errorf("a discarded message arrived\n%s", p.History())
	}
}

func TestARenewedTokenIsToldToTheAppAndTheOldOneIsGone(t *testing.T) {
	t.Parallel()
	p, send := fcmPhone(t, phonetest.Spec{State: phonetest.Foreground})
	old := p.Token()
	if err := p.RenewToken(); err != nil {
		t.Fatal(err)
	}
	if p.Token() == old {
		t.Fatal("the token is the same as before")
	}
	waitLogged(t, p, "token")
	send("after")
	waitLogged(t, p, "push after #1")
}

func TestAMessageWithANotificationGoesToTheTray(t *testing.T) {
	t.Parallel()
	p, send := fcmPhoneWith(t, phonetest.Spec{State: phonetest.Background})
	send("shown", `,"notification":{"title":"t"}`)
	send("silent", "")
	waitLogged(t, p, "push silent #1")
	if r := record(t, p, p.Records()[0].Push); r.Did != phonetest.Dropped || r.Reason != phonetest.InTray || logged(p, "push shown") {
		t.Errorf("in the background: %s (%s), want it dropped (in_tray)\n%s", r.Did, r.Reason, p.History())
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	send("open", `,"notification":{"title":"t"}`)
	waitLogged(t, p, "push open #2")
}

func TestADoubledMessageReachesOneProcessOnce(t *testing.T) {
	t.Parallel()
	fcm := fcmtest.New(t)
	d := phonetest.New(phonetest.Config{FCM: phonetest.FCM(fcm)})
	t.Cleanup(d.Close)
	p, err := d.Add(t.Context(), phonetest.Spec{Platform: phonetest.Android, App: phonetest.InProcess(newApp), AppID: "com.example.notes", State: phonetest.Terminated})
	if err != nil {
		t.Fatal(err)
	}
	send := senderTo(t, fcm, p)
	if _, err := fcm.AddFault(fcmtest.Fault{Do: fcmtest.Twice}); err != nil {
		t.Fatal(err)
	}
	send("doubled", "")
	send("after", "")
	waitLogged(t, p, "push after #2")
	records := p.Records()
	if len(records) != 3 || records[0].Did != phonetest.Launched || records[1].Did != phonetest.Dropped ||
		records[1].Reason != phonetest.Repeated || records[1].Push != records[0].Push {
		t.Errorf("the phone did\n%s\nwant the doubled message once, and its repetition dropped", p.History())
	}
}

func TestOnlyTheLastTenMessagesOfAProcessAreRemembered(t *testing.T) {
	t.Parallel()
	p, _ := fcmPhone(t, phonetest.Spec{State: phonetest.Background})
	give := func(id string) { p.Deliver(phonetest.Message{ID: id, Data: []byte(`{"say":"` + id + `"}`)}) }
	for n := range 10 {
		give(fmt.Sprint("m", n))
	}
	give("m0") // the oldest of ten
	give("m10")
	give("m0") // the eleventh: forgotten
	waitLogged(t, p, "push m0 #12")
	if err := p.Reclaim(t.Context()); err != nil {
		t.Fatal(err)
	}
	give("m0") // to a new process
	wait(t, p, "a new process with the message", func(p *phonetest.Phone) bool {
		all := p.Records()
		last := all[len(all)-1]
		return last.Did == phonetest.Launched && last.Result == phonetest.NewData
	})
	dropped := 0
	for _, r := range p.Records() {
		if r.Reason == phonetest.Repeated {
			dropped++
		}
	}
	if dropped != 1 {
		t.Errorf("%d messages were dropped as repeated, want the one among the last ten\n%s", dropped, p.History())
	}
}
