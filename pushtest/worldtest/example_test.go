package worldtest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// greeter is an app without a process.
type greeter struct{ log func(string) }

func (g greeter) Handle(_ context.Context, e phoneline.Event) string {
	g.log("got " + string(e.Data))
	return phoneline.NewData
}

// A message to an Android phone that dozes waits for the next maintenance window, which a test does not. In a test,
// worldtest.New(t, app) and world.Android(t, phonetest.Doze) stand for the first half of this.
func Example() {
	world, err := worldtest.Start(worldtest.Config{
		APNs: apnstest.Config{Listen: "127.0.0.1:0"}, FCM: fcmtest.Config{Listen: "127.0.0.1:0"},
		App: phonetest.InProcess(func(_ string, log func(string)) phonetest.Program { return greeter{log} }),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer world.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	phone, err := world.Add(ctx, phonetest.Spec{Platform: phonetest.Android, State: phonetest.Doze})
	if err != nil {
		fmt.Println(err)
		return
	}

	client := world.FCM.Client()
	defer client.CloseIdleConnections()
	message := strings.NewReader(`{"message": {"token": "` + phone.Token() + `", "data": {"note": "42"}}}`)
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, world.FCM.SendURL(), message)
	req.Header.Set("Authorization", "Bearer "+world.FCM.AccessToken())
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	_ = world.Phones.Settle(ctx)
	fmt.Println(resp.StatusCode, phone.Records()[0].Did, phone.Records()[0].Reason)

	world.Advance(time.Hour)
	_ = world.Phones.Settle(ctx)
	fmt.Println(phone.Records()[1].Did, phone.Records()[1].Result)
	// Output:
	// 200 held doze
	// resumed new_data
}
