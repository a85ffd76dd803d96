package phonetest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// greeter is an app without a process.
type greeter struct{ log func(string) }

func (g greeter) Handle(_ context.Context, e phoneline.Event) string {
	if e.Kind != phoneline.Push {
		return phoneline.OK
	}
	g.log("got " + string(e.Data))
	return phoneline.NewData
}

// A phone whose app the system has suspended gets a push: it is resumed, handles it, and sleeps again.
func Example() {
	fleet := phonetest.New(phonetest.Config{})
	defer fleet.Close()
	phone, err := fleet.Add(context.Background(), phonetest.Spec{
		Platform: phonetest.IOS, AppID: "com.example.notes", State: phonetest.Suspended,
		App: phonetest.InProcess(func(_ string, log func(string)) phonetest.Program { return greeter{log} }),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	phone.Deliver(phonetest.Message{ID: "m1", Data: []byte(`{"aps":{"content-available":1}}`)})

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = phone.Wait(ctx, func(p *phonetest.Phone) bool {
		r := p.Records()
		return len(r) == 1 && r[0].Result != "" && p.State() == phonetest.Suspended
	})
	r := phone.Records()[0]
	fmt.Println(r.Did, r.Result, err)
	// Output: resumed new_data <nil>
}

// iOS paces background pushes: after three in a row the next one waits for 20 minutes, which a test does not.
func ExamplePhone_Advance() {
	fleet := phonetest.New(phonetest.Config{})
	defer fleet.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	phone, err := fleet.Add(ctx, phonetest.Spec{
		Platform: phonetest.IOS, AppID: "com.example.notes", State: phonetest.Background,
		App: phonetest.InProcess(func(_ string, log func(string)) phonetest.Program { return greeter{log} }),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 4 {
		phone.Deliver(phonetest.Message{ID: fmt.Sprint("m", i+1), Data: []byte(`{}`)})
	}
	lines := func(n int) func(*phonetest.Phone) bool {
		return func(p *phonetest.Phone) bool {
			r := p.Records()
			return len(r) == n && (r[n-1].Result != "" || r[n-1].Reason != "")
		}
	}
	if err := phone.Wait(ctx, lines(4)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(phone.Records()[3].Did, phone.Records()[3].Reason)
	phone.Advance(20 * time.Minute)
	if err := phone.Wait(ctx, lines(5)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(phone.Records()[4].Did, phone.Records()[4].Result)
	// Output:
	// held throttled
	// gave new_data
}
