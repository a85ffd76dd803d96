package fcmtest_test

import (
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
	client := fcm.Client()
	defer client.CloseIdleConnections()
	req, _ := http.NewRequest("POST", fcm.SendURL(), strings.NewReader(
		`{"message":{"token":"`+token+`","data":{"cursor":"1841"},"android":{"collapse_key":"notes","ttl":"3600s"}}}`))
	req.Header.Set("Authorization", "Bearer "+fcm.AccessToken())
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
