package worldtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

func TestAPushReachesAPhoneOfEachPlatformThatTheControlAPIMade(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	for i, body := range []string{`{"platform":"ios","state":"background"}`, `{"platform":"android","state":"terminated"}`} {
		var made worldtest.PhoneResult
		if status := call(t, w, "POST", "/phones", body, &made); status != http.StatusCreated || made.Phone != fmt.Sprint("p", i+1) || made.Token == "" {
			t.Fatalf("POST /phones %s: %d %+v, want 201 and p%d with a token", body, status, made, i+1)
		}
		p := w.Phones.Phone(made.Phone)
		s.push(t, p.Platform(), made.Token, "hello")
		w.WaitHandled(t, p, 1)
		var shown worldtest.Phone
		must(t, w, "GET", "/phones/"+made.Phone, "", &shown)
		if len(shown.Pushes) != 1 || shown.Pushes[0].Result != phonetest.NewData || len(shown.Log) == 0 {
			t.Errorf("GET shows %+v and %d lines of the device log, want one push with new_data, and some", shown.Pushes, len(shown.Log))
		}
		waitLogged(t, w, made.Phone, `push {`)
	}
}

func TestWhatIsSetOnAPhoneIsShown(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	must(t, w, "POST", "/phones", `{"platform":"android","state":"foreground","phone":"pixel","os_version":"12","bucket":"rare","online":false}`, nil)
	var got map[string]any
	must(t, w, "GET", "/phones/pixel", "", &got)
	for field, want := range map[string]any{"state": "foreground", "os_version": "12", "bucket": "rare", "online": false, "low_power": false, "background_refresh": true, "app": worldtest.DefaultAppID} {
		if got[field] != want {
			t.Errorf("a new phone's %s is %v, want %v", field, got[field], want)
		}
	}
	must(t, w, "POST", "/phones/pixel", `{"state":"doze","online":true,"low_power":true,"background_refresh":false,"bucket":"frequent",
		"os_version":"","swipe_force_stops":true,"disk_full":true,"clock":"-2h"}`, &got)
	for field, want := range map[string]any{"state": "doze", "doze": true, "online": true, "low_power": true, "background_refresh": false,
		"bucket": "frequent", "charging": false, "os_version": "", "swipe_force_stops": true, "disk_full": true, "clock": "-2h0m0s"} {
		if got[field] != want {
			t.Errorf("after the change %s is %v, want %v", field, got[field], want)
		}
	}
	for _, c := range []struct{ body, state string }{
		{`{"charging":true}`, "suspended"},
		{`{"charging":false}`, "doze"},
		{`{"state":"suspended"}`, "suspended"},
		{`{"state":"terminated"}`, "force-stopped"}, // the vendor's swipe
		{`{"state":"foreground"}`, "foreground"},
		{`{"state":"terminated","swipe_force_stops":false}`, "terminated"},
		{`{"state":"force_stopped"}`, "force-stopped"}, // either spelling
		{`{"restart":true}`, "force-stopped"},
		{`{"state":"background"}`, "background"},
		{`{"restart":true}`, "reclaimed"},
		{`{"restart":true,"state":"suspended"}`, "suspended"},
		{`{"reinstall":true,"state":"never-run"}`, "never-run"},
	} {
		must(t, w, "POST", "/phones/pixel", c.body, &got)
		if got["state"] != c.state {
			t.Errorf("%s leads to %v, want %s", c.body, got["state"], c.state)
		}
	}
}

func TestAReinstalledPhoneIsThereUnderItsNewTokenAndTheOldOneDies(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	s.statusOnly = true
	for _, c := range []struct {
		platform phonetest.Platform
		gone     int
	}{{phonetest.IOS, http.StatusGone}, {phonetest.Android, http.StatusNotFound}} {
		p := w.Phone(t, phonetest.Spec{Platform: c.platform, State: phonetest.Background})
		old := p.Token()
		var now worldtest.Phone
		must(t, w, "POST", "/phones/"+p.Name(), `{"reinstall":true}`, &now)
		if now.Token == old || now.State != phonetest.Background {
			t.Errorf("%s: the token is the old one: %v, the state %s; want a new token and the state as before", c.platform, now.Token == old, now.State)
		}
		if first, second := s.push(t, c.platform, old, "x"), s.push(t, c.platform, old, "y"); first != http.StatusOK || second != c.gone {
			t.Errorf("%s: pushes to the old token get %d and %d, want 200 and %d", c.platform, first, second, c.gone)
		}
		s.push(t, c.platform, now.Token, "new")
		waitLogged(t, w, p.Name(), `"say":"new"`)
		if logged(p, `"say":"x"`) {
			t.Errorf("%s: a push to the old installation reached the new one", c.platform)
		}
	}
}

func TestTheClockOfAWorldMovesProvidersAndPhones(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	ios, dozing, away := w.IOS(t, phonetest.Background), w.Android(t, phonetest.Doze), w.Android(t, phonetest.Background)
	away.SetOnline(false)
	for i := range 4 {
		s.push(t, phonetest.IOS, ios.Token(), fmt.Sprint("m", i))
		w.WaitFor(t, ios, "judged", func(p *phonetest.Phone) bool { return len(p.Records()) == i+1 })
	}
	s.push(t, phonetest.Android, dozing.Token(), "doze")
	s.push(t, phonetest.Android, away.Token(), "away")
	w.WaitFor(t, dozing, "held", func(p *phonetest.Phone) bool { return len(p.Records()) == 1 })
	if r := ios.Records()[3]; r.Reason != phonetest.Throttled {
		t.Fatalf("the fourth push was %s (%s), want held (throttled)", r.Did, r.Reason)
	}
	before := w.APNs.Now()
	var now struct{ Now time.Time }
	must(t, w, "POST", "/clock", `{"advance":"672h1m"}`, &now)
	for name, at := range map[string]time.Time{"APNs": w.APNs.Now(), "FCM": w.FCM.Now(), "a phone": ios.Now(), "the answer": now.Now} {
		if moved := at.Sub(before); moved < 672*time.Hour || moved > 673*time.Hour {
			t.Errorf("%s moved by %s, want 672h1m", name, moved)
		}
	}
	waitLogged(t, w, ios.Name(), `"say":"m3"`)
	waitLogged(t, w, dozing.Name(), `"say":"doze"`)
	if state, _ := w.FCM.State(away.Token()); len(state.Stored) != 0 {
		t.Errorf("after its four weeks a message still waits at FCM: %+v", state)
	}
	must(t, w, "POST", "/phones/"+ios.Name(), `{"advance":"1h"}`, nil)
	if ahead := ios.Now().Sub(w.APNs.Now()); ahead < 59*time.Minute {
		t.Errorf("a phone that was advanced alone is ahead by %s, want 1h", ahead)
	}
	must(t, w, "POST", "/fcm/clock", `{"advance":"1h"}`, nil)
	if ahead := w.FCM.Now().Sub(w.APNs.Now()); ahead < 59*time.Minute {
		t.Errorf("a provider that was advanced alone is ahead by %s, want 1h", ahead)
	}
}

func TestWrongControlRequestsNameTheFieldAndChangeNothing(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	p := w.IOS(t, phonetest.Background)
	android := w.Android(t, phonetest.Background)
	before := worldtest.Phone{}
	must(t, w, "GET", "/phones/"+p.Name(), "", &before)
	for _, c := range []struct{ path, body, field string }{
		{"/phones", `{}`, "body.platform"},
		{"/phones", `{"platform":"windows"}`, "body.platform"},
		{"/phones", `{"platform":"ios","state":"asleep"}`, "body.state"},
		{"/phones", `{"platform":"ios","state":"doze"}`, "body.state"},
		{"/phones", `{"platform":"ios","phone":"p1"}`, "body.phone"},
		{"/phones", `{"platform":"ios","phone":"a/b"}`, "body.phone"},
		{"/phones", `{"platform":"ios","token":"xyz"}`, "body.token"},
		{"/phones", fmt.Sprintf(`{"platform":"ios","token":%q}`, p.Token()), "body.token"},
		{"/phones", `{"platform":"ios","app":"not a bundle"}`, "body.app"},
		{"/phones", `{"platform":"android","app":"nodots"}`, "body.app"},
		{"/phones", `{"platform":"ios","restart":true}`, "body.restart"},
		{"/phones", `[`, "body"},
		{"/phones/p1", `{"state":"force-stopped","online":false}`, "body.state"},
		{"/phones/p1", `{"online":"no","low_power":true}`, "body.online"},
		{"/phones/p1", `{"bucket":"none","online":false}`, "body.bucket"},
		{"/phones/p1", `{"state":"never-run","online":false}`, "body.state"},
		{"/phones/p1", `{"state":"suspended","colour":"red"}`, "body.colour"},
		{"/phones/p1", `{"state":"suspended","advance":"-1h"}`, "body.advance"},
		{"/phones/p1", `{"state":"suspended","clock":"late"}`, "body.clock"},
		{"/phones/p1", `{"state":"suspended","os_version":"Android 12"}`, "body.os_version"},
		{"/phones/p1", `{"advance":"1h","os_version":"-1"}`, "body.os_version"},
		{"/phones", `{"platform":"android","os_version":"twelve"}`, "body.os_version"},
		{"/tokens", `{"token":"ff"}`, "body.topic"},
		{"/tokens", `{"token":"ff","topic":"com.example.a","package":"com.example.a"}`, "body.package"},
		{"/tokens", fmt.Sprintf(`{"token":%q,"topic":"com.example.a"}`, android.Token()), "body.topic"},
		{"/faults", `{"do":"explode"}`, "body.do"},
		{"/faults", `{"do":"lose","provider":"hms"}`, "body.provider"},
		{"/faults", `{"do":"lose","match":{"endpoint":"oauth"}}`, "body.do"},
		{"/clock", `{"advance":"-1h"}`, "body.advance"},
		{"/clock", `{}`, "body.advance"},
		{"/reset", `{"hard":true}`, "body.hard"},
		{"/apns/clock", `{}`, "body.advance"},
	} {
		var problem struct {
			Status int
			Errors []struct{ Location, Message string }
		}
		status := call(t, w, "POST", c.path, c.body, &problem)
		if status != http.StatusUnprocessableEntity || len(problem.Errors) == 0 || problem.Errors[0].Location != c.field || problem.Errors[0].Message == "" {
			t.Errorf("POST %s %s: %d %+v; want 422 for %s", c.path, c.body, status, problem.Errors, c.field)
		}
	}
	after := worldtest.Phone{}
	must(t, w, "GET", "/phones/"+p.Name(), "", &after)
	after.Now = before.Now
	if got, want := fmt.Sprintf("%+v", after), fmt.Sprintf("%+v", before); got != want {
		t.Errorf("refused requests changed the phone to %s, want %s", got, want)
	}
	if n := len(w.Phones.Phones()); n != 2 {
		t.Errorf("there are %d phones, want the two from before", n)
	}
	for _, path := range []string{"/phones/p9", "/tokens/ffff", "/nowhere", "/apns/nowhere"} {
		if status := call(t, w, "GET", path, "", nil); status != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, status)
		}
	}
	var next worldtest.PhoneResult
	if must(t, w, "POST", "/phones", `{"platform":"ios"}`, &next); next.Phone != "p3" {
		t.Errorf("the next phone is %s, want p3: a refused one takes no name", next.Phone)
	}
}

func TestTokensFaultsAndRequestsFindTheirProvider(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	s := newSender(t, w)
	s.statusOnly = true
	must(t, w, "POST", "/tokens", `{"token":"ABCD","topic":"com.example.notes"}`, nil)
	must(t, w, "POST", "/tokens", `{"token":"x:APA91b","package":"com.example.notes"}`, nil)
	must(t, w, "POST", "/tokens", `{"token":"y:APA91b"}`, nil)
	var set worldtest.FaultResult
	must(t, w, "POST", "/faults", `{"match":{"token":"abcd"},"do":"answer","status":503,"reason":"ServiceUnavailable"}`, &set)
	if set.ID != "apns-f1" {
		t.Errorf("a fault on a token of APNs is %q, want apns-f1", set.ID)
	}
	must(t, w, "POST", "/faults", `{"match":{},"do":"lose"}`, &set)
	if set.ID != "apns-f2+fcm-f1" {
		t.Errorf("a fault on everything is %q, want one at each provider", set.ID)
	}
	if got := s.push(t, phonetest.IOS, "abcd", "1"); got != 503 {
		t.Errorf("the push with a fault: %d, want 503", got)
	}
	s.push(t, phonetest.Android, "x:APA91b", "2")
	s.push(t, phonetest.IOS, "abcd", "3")
	s.push(t, phonetest.Android, "y:APA91b", "4")

	var all, page worldtest.RequestPage
	must(t, w, "GET", "/requests", "", &all)
	var got []string
	for cursor, more := "", true; more; more = cursor != "" {
		page = worldtest.RequestPage{}
		must(t, w, "GET", "/requests?limit=1&cursor="+cursor, "", &page)
		for _, r := range page.Requests {
			got = append(got, fmt.Sprint(r.Provider, r.ID, r.Status, r.Outcome))
		}
		cursor = page.Cursor
	}
	want := []string{"apns1503refused", "fcm1200lost", "apns2200lost", "fcm2200delivered"}
	if !slices.Equal(got, want) || len(all.Requests) != len(want) || all.Cursor != "" {
		t.Errorf("requests in pages of one: %v, in one page %d; want %v", got, len(all.Requests), want)
	}
	must(t, w, "GET", "/requests?token=ABCD&provider=apns", "", &all)
	if len(all.Requests) != 2 {
		t.Errorf("%d requests for one token, want 2", len(all.Requests))
	}
	must(t, w, "POST", "/tokens/ABCD/retire", `{"reason":"ExpiredToken"}`, nil)
	must(t, w, "POST", "/tokens/x:APA91b/retire", ``, nil)
	must(t, w, "POST", "/tokens/y:APA91b/uninstall", ``, nil)
	if a, f := s.push(t, phonetest.IOS, "abcd", "5"), s.push(t, phonetest.Android, "x:APA91b", "6"); a != 410 || f != 404 {
		t.Errorf("retired tokens get %d and %d, want 410 and 404", a, f)
	}
	must(t, w, "DELETE", "/faults/apns-f2+fcm-f1", "", nil)
	must(t, w, "DELETE", "/faults", "", nil)
	must(t, w, "DELETE", "/tokens/ABCD", "", nil)
	if status := call(t, w, "DELETE", "/faults/apns-f9", "", nil); status != 404 {
		t.Errorf("DELETE of a fault that never was: %d, want 404", status)
	}
	must(t, w, "GET", "/apns/requests", "", &all)
}

func TestAResetLeavesNothing(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	p := w.IOS(t, phonetest.Background)
	w.Advance(time.Hour)
	must(t, w, "POST", "/reset", "", nil)
	if _, known := w.APNs.State(p.Token()); known || len(w.Phones.Phones()) != 0 || time.Until(w.Phones.Now()) > time.Minute {
		t.Errorf("after a reset: token known %v, %d phones, time %s", known, len(w.Phones.Phones()), w.Phones.Now())
	}
	var made worldtest.PhoneResult
	must(t, w, "POST", "/phones", `{"platform":"ios"}`, &made)
	if made.Phone != "p1" {
		t.Errorf("the first phone after a reset is %s, want p1", made.Phone)
	}
	must(t, w, "DELETE", "/phones/p1", "", nil)
	if status := call(t, w, "GET", "/phones/p1", "", nil); status != 404 {
		t.Errorf("a phone that was put away: %d, want 404", status)
	}
}

func TestPhonesAreListedInPages(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	for range 12 {
		w.IOS(t, phonetest.NeverRun)
	}
	var names []string
	for cursor, more := "", true; more; {
		var page worldtest.PhonePage
		must(t, w, "GET", "/phones?limit=5&cursor="+cursor, "", &page)
		for _, p := range page.Phones {
			names = append(names, p.Phone)
		}
		cursor, more = page.Cursor, page.Cursor != ""
	}
	if got, want := strings.Join(names, " "), "p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12"; got != want {
		t.Errorf("the phones are %s, want %s", got, want)
	}
}

func TestTheDescriptionHasEveryRouteOfAllThree(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	must(t, w, "GET", "/openapi.json", "", &doc)
	for path, methods := range map[string][]string{
		"/_sim/phones": {"get", "post"}, "/_sim/phones/{phone}": {"get", "post", "delete"}, "/_sim/tokens": {"post"},
		"/_sim/tokens/{token}": {"get", "delete"}, "/_sim/tokens/{token}/retire": {"post"}, "/_sim/tokens/{token}/uninstall": {"post"},
		"/_sim/requests": {"get"}, "/_sim/faults": {"post", "delete"}, "/_sim/faults/{id}": {"delete"}, "/_sim/clock": {"post"},
		"/_sim/reset": {"post"}, "/_sim/apns/tokens/{token}": {"get", "delete"}, "/_sim/fcm/faults": {"post"}, "/_sim/fcm/clock": {"post"},
	} {
		for _, m := range methods {
			if doc.Paths[path][m] == nil {
				t.Errorf("%s %s is not described", m, path)
			}
		}
	}
	must(t, w, "GET", "/apns/openapi.json", "", &doc)
}

func TestSwitchesGoToWhomTheyBelong(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil, worldtest.Set("phone.ios.burst", "1"), worldtest.Set("device.rate", "1"), worldtest.Set("storage.max", "1"))
	s := newSender(t, w)
	s.statusOnly = true
	p := w.IOS(t, phonetest.Background)
	if first, second := s.push(t, phonetest.IOS, p.Token(), "1"), s.push(t, phonetest.IOS, p.Token(), "2"); first != 200 || second != 429 {
		t.Errorf("with device.rate=1: %d and %d, want 200 and 429", first, second)
	}
	if _, err := worldtest.Start(worldtest.Config{Set: []string{"nonsense=1"}}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("an unknown switch: %v, want an error that names it", err)
	}
	seen := map[string]bool{}
	for _, r := range worldtest.Rules() {
		if seen[r.Name] {
			t.Errorf("two rules are called %s", r.Name)
		}
		seen[r.Name] = true
	}
}

func TestTheCertificatesToTrustAreGivenOut(t *testing.T) {
	t.Parallel()
	w := worldtest.New(t, nil)
	resp := httptest.NewRecorder()
	w.ControlHandler().ServeHTTP(resp, httptest.NewRequest("GET", "/_sim/ca.pem", nil))
	pool := x509.NewCertPool()
	if resp.Code != http.StatusOK || !pool.AppendCertsFromPEM(resp.Body.Bytes()) {
		t.Fatalf("GET /_sim/ca.pem: %d, %q; want certificates", resp.Code, resp.Body)
	}
	for _, addr := range []string{w.APNs.Addr(), w.FCM.Addr()} {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool})
		if err != nil {
			t.Errorf("%s is not trusted with them: %v", addr, err)
			continue
		}
		c.Close()
	}
}

// A fleet is made over the control API too: what a phone costs must not grow with how many there are. Not parallel, because it
// counts what all of the process allocates.
func TestAPhoneCostsTheSameHoweverManyThereAre(t *testing.T) {
	w := worldtest.New(t, nil)
	make100 := func() uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 100 {
			if got := call(t, w, "POST", "/phones", `{"platform":"android"}`, nil); got != 201 {
				t.Fatalf("making a phone: %d, want 201", got)
			}
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	first := make100()
	for range 50 {
		make100()
	}
	if last := make100(); last > 3*first {
		t.Errorf("100 phones more take %d bytes where 5 000 are there, and %d where none is; want about the same", last, first)
	}
}
