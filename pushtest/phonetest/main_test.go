package phonetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// appEnv makes this test binary the app under test.
const appEnv = "PHONETEST_APP"

func TestMain(m *testing.M) {
	if os.Getenv(appEnv) != "" {
		app := newApp("", func(text string) { fmt.Fprintln(os.Stderr, text) })
		if err := phoneline.Serve(context.Background(), os.Stdin, os.Stdout, app.Handle); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// The launcher's thread stays for all apps of the process, see internal/child.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hushpush/hush/internal/child.launch"))
}

// app is the app under test, as a process and without: it prints what it gets, with a number that counts pushes since its
// launch, so that a test sees whether its memory was kept.
type app struct {
	log    func(string)
	pushes int
}

func newApp(_ string, log func(string)) phonetest.Program { return &app{log: log} }

func (a *app) Handle(ctx context.Context, e phoneline.Event) string {
	if e.Kind != phoneline.Push {
		a.log(string(e.Kind) + " " + e.State)
		return phoneline.OK
	}
	a.pushes++
	var data struct{ Say, Do string }
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return phoneline.Failed
	}
	a.log("push " + data.Say + " #" + strconv.Itoa(a.pushes))
	switch data.Do {
	case "fail":
		return phoneline.Failed
	case "crash":
		panic("as asked")
	case "hang": // beyond the time allowed, and deaf to its end
		if os.Getenv(appEnv) != "" {
			time.Sleep(time.Hour) // a process is killed
		}
		<-ctx.Done()
		time.Sleep(2 * time.Second)
	}
	return phoneline.NewData
}
