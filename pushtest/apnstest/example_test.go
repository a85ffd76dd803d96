package apnstest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
)

// sender is by hand what a sender under test would be. It signs once: a second provider token within 20 minutes is refused.
type sender struct {
	*http.Client
	jwt string
}

// post sends a background push.
func post(s *apnstest.Server, client *sender, token, payload string) {
	req, _ := http.NewRequest("POST", s.URL()+"/3/device/"+token, strings.NewReader(payload))
	for name, value := range map[string]string{
		"authorization": "bearer " + client.jwt, "apns-topic": "com.example.notes", "apns-push-type": "background", "apns-priority": "5",
	} {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", string(body))))
}

// start is New without a test around it.
func start(set ...string) (*apnstest.Server, *sender, func()) {
	s, err := apnstest.Start(apnstest.Config{Listen: "127.0.0.1:0", Topics: []string{"com.example.notes"}, Set: set})
	if err != nil {
		panic(err)
	}
	jwt, err := s.Key().SignToken(time.Now())
	if err != nil {
		panic(err)
	}
	client := &sender{s.Client(), jwt}
	return s, client, func() { client.CloseIdleConnections(); s.Close() }
}

const payload = `{"aps":{"content-available":1}}`

// A phone that is on-line gets what is sent to it.
func Example() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes", Online: true, Deliver: func(n apnstest.Notification) {
		fmt.Printf("the phone got %s with priority %d\n", n.Payload, n.Priority)
	}})
	post(apns, client, "ff01", payload)
	// Output:
	// the phone got {"aps":{"content-available":1}} with priority 5
	// 200
}

// One notification waits for a phone that is off-line: the newest.
func ExampleServer_SetOnline() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes"})
	post(apns, client, "ff01", payload)
	post(apns, client, "ff01", payload)
	apns.SetOnline("ff01", true)
	for _, r := range apns.Requests() {
		fmt.Println(r.ID, r.Outcome)
	}
	// Output:
	// 200
	// 200
	// 1 replaced
	// 2 delivered
}

// What waits expires by simulated time: a month takes no month.
func ExampleServer_Advance() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes"})
	post(apns, client, "ff01", payload)
	apns.Advance(31 * 24 * time.Hour)
	fmt.Println(apns.Requests()[0].Outcome)
	// Output:
	// 200
	// discarded
}

// A fault spoils the next request.
func ExampleServer_AddFault() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes", Online: true})
	reason := "ServiceUnavailable"
	apns.AddFault(apnstest.Fault{Do: "answer", Status: 503, Reason: &reason})
	post(apns, client, "ff01", payload)
	post(apns, client, "ff01", payload)
	// Output:
	// 503 {"reason":"ServiceUnavailable"}
	// 200
}

// A token that is void is told with the time since when.
func ExampleServer_Retire() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes"})
	apns.Retire("ff01", apnstest.Unregistered, time.UnixMilli(1767366245678))
	post(apns, client, "ff01", payload)
	// Output:
	// 410 {"reason":"Unregistered","timestamp":1767366245678}
}

// What nobody knows of Apple is a switch.
func ExampleRules() {
	for _, r := range apnstest.Rules() {
		if r.Switch == "background.priority" {
			fmt.Println(r.Switch, r.Default, r.Certain)
		}
	}
	if _, err := apnstest.Start(apnstest.Config{Set: []string{"background.priority=shrug"}}); err != nil {
		fmt.Fprintln(os.Stdout, err)
	}
	// Output:
	// background.priority accept uncertain
	// apnstest: set "background.priority=shrug": want one of accept, refuse
}

// An app that is gone is found out at the next delivery: that push is taken, the one after it is refused.
func ExampleServer_Uninstall() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes", Online: true})
	apns.Uninstall("ff01")
	post(apns, client, "ff01", payload)
	state, _ := apns.State("ff01")
	apns.Retire("ff01", apnstest.Unregistered, time.UnixMilli(1767366245678)) // here only so that the time is always the same
	post(apns, client, "ff01", payload)
	fmt.Println("found out:", state.RetiredAt != nil)
	// Output:
	// 200
	// 410 {"reason":"Unregistered","timestamp":1767366245678}
	// found out: true
}

// Apple ends connections now and then; a good sender goes on with another.
func ExampleServer_GoAway() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes", Online: true})
	post(apns, client, "ff01", payload)
	apns.GoAway(apnstest.Shutdown)
	post(apns, client, "ff01", payload)
	sent := apns.Requests()
	fmt.Println("on another connection:", sent[0].Connection != sent[len(sent)-1].Connection)
	// Output:
	// 200
	// 200
	// on another connection: true
}

// A certificate stands in for a provider token; hush sim apns writes the same as client.p12.
func ExampleServer_ClientCertificate() {
	apns, _, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes", Online: true})
	cert, err := apns.ClientCertificate([]string{"com.example.notes"})
	if err != nil {
		panic(err)
	}
	client := apns.Client(cert)
	defer client.CloseIdleConnections()
	resp, err := client.Post(apns.URL()+"/3/device/ff01", "application/json", strings.NewReader(payload))
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	fmt.Println(resp.StatusCode, apns.Requests()[0].Outcome)
	// Output: 200 delivered
}

// A provider token that is older than an hour is refused, whatever the simulated time.
func ExampleKey_SignToken() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes", Online: true})
	client.jwt, _ = apns.Key().SignToken(time.Now().Add(-2 * time.Hour))
	post(apns, client, "ff01", payload)
	// Output:
	// 403 {"reason":"ExpiredProviderToken"}
}

// A test waits for what its sender does instead of sleeping, and looks at what it has sent.
func ExampleServer_WaitFor() {
	apns, client, stop := start()
	defer stop()
	apns.Register(apnstest.Token{Token: "ff01", Topic: "com.example.notes", Online: true})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		post(apns, client, "ff01", payload)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := apns.WaitFor(ctx, func(rs []apnstest.Request) bool { return len(rs) > 0 && rs[0].Outcome == "delivered" }); err != nil {
		panic(err)
	}
	<-sent
	r := apns.Requests()[0]
	fmt.Println(r.Headers["apns-push-type"], r.Headers["apns-priority"], string(r.Body))
	// Output:
	// 200
	// background 5 {"aps":{"content-available":1}}
}
