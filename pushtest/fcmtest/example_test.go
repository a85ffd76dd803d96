package fcmtest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/fcmtest"
)

// start is what New(t) does in a test.
func start(cfg fcmtest.Config) *fcmtest.Server {
	cfg.Listen = "127.0.0.1:0"
	fcm, err := fcmtest.Start(cfg)
	if err != nil {
		panic(err)
	}
	return fcm
}

// send stands for the sender under test.
func send(fcm *fcmtest.Server, token string) string {
	return sendAs(fcm, fcm.AccessToken(), token)
}

func sendAs(fcm *fcmtest.Server, access, token string) string {
	return request(fcm, access, `{"message":{"token":"`+token+`","data":{"cursor":"1841"},"android":{"collapse_key":"notes","ttl":"3600s"}}}`)
}

// plain sends without a collapse key.
func plain(fcm *fcmtest.Server, token string) string {
	return request(fcm, fcm.AccessToken(), `{"message":{"token":"`+token+`","data":{"cursor":"1841"}}}`)
}

func request(fcm *fcmtest.Server, access, body string) string {
	client := fcm.Client()
	defer client.CloseIdleConnections()
	req, _ := http.NewRequest("POST", fcm.SendURL(), strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+access)
	res, err := client.Do(req)
	if err != nil {
		return "no answer"
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.Status
}

// A phone that is on-line gets a message at once.
func Example() {
	fcm := start(fcmtest.Config{}) // in a test: fcmtest.New(t)
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true, Deliver: func(m fcmtest.Message) {
		fmt.Println("the phone got", m.Data["cursor"], "with priority", m.Priority)
	}})
	fmt.Println(send(fcm, "abc:APA91b"))
	// Output:
	// the phone got 1841 with priority normal
	// 200 OK
}

// What is sent to a phone that is away waits; a newer message with the same collapse key replaces it.
func ExampleServer_SetOnline() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Deliver: func(m fcmtest.Message) {
		fmt.Println("the phone got request", m.RequestID, "from storage:", m.Stored)
	}})
	send(fcm, "abc:APA91b")
	send(fcm, "abc:APA91b")
	fcm.SetOnline("abc:APA91b", true)
	for _, r := range fcm.Requests() {
		fmt.Println(r.ID, r.Outcome)
	}
	// Output:
	// the phone got request 2 from storage: true
	// 1 replaced
	// 2 delivered
}

// Time is the simulator's: an hour takes none.
func ExampleServer_Advance() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b"})
	send(fcm, "abc:APA91b")
	fcm.Advance(time.Hour)
	r := fcm.Requests()[0]
	fmt.Println(r.Outcome, r.Reason)
	// Output: discarded droppedTtlExpired
}

// The next request gets an answer of the test's choice.
func ExampleServer_AddFault() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true})
	quota := "QUOTA_EXCEEDED"
	if _, err := fcm.AddFault(fcmtest.Fault{Do: fcmtest.Answer, Status: 429, Reason: &quota}); err != nil {
		panic(err)
	}
	fmt.Println(send(fcm, "abc:APA91b"))
	fmt.Println(send(fcm, "abc:APA91b"))
	// Output:
	// 429 Too Many Requests
	// 200 OK
}

// An uninstalled app is found out at delivery; the send after that is refused.
func ExampleServer_Uninstall() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true})
	fcm.Uninstall("abc:APA91b")
	fmt.Println(send(fcm, "abc:APA91b"))
	fmt.Println(send(fcm, "abc:APA91b"))
	// Output:
	// 200 OK
	// 404 Not Found
}

// A quota is a switch, as every number without a certain source.
func ExampleConfig() {
	fcm := start(fcmtest.Config{Set: []string{"quota.device_per_minute=1"}}) // in a test: fcmtest.New(t, fcmtest.Set("quota.device_per_minute", "1"))
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true})
	fmt.Println(send(fcm, "abc:APA91b"))
	fmt.Println(send(fcm, "abc:APA91b"))
	fcm.Advance(time.Minute)
	fmt.Println(send(fcm, "abc:APA91b"))
	// Output:
	// 200 OK
	// 429 Too Many Requests
	// 200 OK
}

// A token that was deleted is refused, with the word that tells a sender to forget it.
func ExampleServer_Retire() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true})
	fcm.Retire("abc:APA91b")
	fmt.Println(send(fcm, "abc:APA91b"))
	fmt.Println(fcm.Requests()[0].Reason)
	// Output:
	// 404 Not Found
	// UNREGISTERED
}

// A phone in Doze gets what is not urgent in its next maintenance window.
func ExampleServer_SetDoze() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true})
	fcm.SetDoze("abc:APA91b", true)
	send(fcm, "abc:APA91b")
	r := fcm.Requests()[0]
	fmt.Println(r.Outcome, r.Reason)
	fcm.ReleaseHeld("abc:APA91b") // a maintenance window
	fmt.Println(fcm.Requests()[0].Outcome)
	// Output:
	// stored delayedDeviceDoze
	// delivered
}

// The hundred and first message that waits is one too many: all are discarded, and the app is told to fetch everything.
func ExampleToken() {
	fcm := start(fcmtest.Config{Set: []string{"storage.max=2"}}) // 100 unless told
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b",
		Deliver:         func(m fcmtest.Message) { fmt.Println("a message") },
		DeletedMessages: func() { fmt.Println("onDeletedMessages") }})
	for range 3 {
		plain(fcm, "abc:APA91b")
	}
	fcm.SetOnline("abc:APA91b", true)
	// Output: onDeletedMessages
}

// Google may take back the access tokens it gave: a good sender asks for another, once.
func ExampleServer_RevokeAccessTokens() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true})
	old := fcm.AccessToken()
	fcm.RevokeAccessTokens()
	fmt.Println(sendAs(fcm, old, "abc:APA91b"))
	fmt.Println(sendAs(fcm, fcm.AccessToken(), "abc:APA91b"))
	// Output:
	// 401 Unauthorized
	// 200 OK
}

// A test waits for what its sender does instead of sleeping, and looks at what it has sent.
func ExampleServer_WaitFor() {
	fcm := start(fcmtest.Config{})
	defer fcm.Close()
	fcm.Register(fcmtest.Token{Token: "abc:APA91b", Online: true})
	go send(fcm, "abc:APA91b")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := fcm.WaitFor(ctx, func(rs []fcmtest.Request) bool { return len(rs) > 0 && rs[0].Status == 200 }); err != nil {
		panic(err)
	}
	fmt.Println(string(fcm.Requests()[0].Body))
	// Output: {"message":{"token":"abc:APA91b","data":{"cursor":"1841"},"android":{"collapse_key":"notes","ttl":"3600s"}}}
}
