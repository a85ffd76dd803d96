package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/sdk"
)

// onBackground is a top-level function: it needs nothing that the UI of the app has set up.
func onBackground(_ context.Context, m sdk.Message) sdk.FetchResult {
	fmt.Println("background:", m.Extras["payload"])
	return sdk.NewData
}

// An app opens its client, sets its handlers, registers, and forwards what the system gives it.
func Example() {
	server := exampleServer() // in an app: the address of its Hush server
	defer server.close()
	dir, _ := os.MkdirTemp("", "notes")
	defer os.RemoveAll(dir)

	client, err := sdk.Open(sdk.Config{
		Server: server.url, App: "notes", Dir: dir, Platform: sdk.IOS,
		Token: func(context.Context) (string, error) { return "alice", nil }, // in an app: asks its own backend
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	client.OnThroughMessageReceived(func(_ context.Context, m sdk.Message) sdk.FetchResult {
		fmt.Println("foreground:", m.Extras["payload"])
		return sdk.NewData
	})
	if err := client.SetBackgroundMessageHandler(onBackground); err != nil {
		fmt.Println(err)
	}
	err = client.RegisterPush(context.Background(), sdk.Registration{
		ProviderToken: "ff00", BundleID: "com.example.notes", Environment: sdk.Production,
	})
	if err != nil {
		fmt.Println(err)
	}

	// The app is in the background, and the system brings a push.
	ours, result, err := client.HandleRemoteNotification(context.Background(), server.notification("cursor 1841"))
	fmt.Println(ours, result, err)
	// The app is opened: the session brings what comes from now on, the inbox what had waited.
	server.accept("cursor 1842")
	client.SetAppState(sdk.Foreground)
	server.waitUntilHandled()
	// Output:
	// background: cursor 1841
	// true new_data <nil>
	// foreground: cursor 1842
}

// A background handler needs nothing but its arguments; a closure or a method value is refused.
func ExampleClient_SetBackgroundMessageHandler() {
	client, cleanUp := exampleClient(sdk.Android)
	defer cleanUp()
	seen := 0
	err := client.SetBackgroundMessageHandler(func(context.Context, sdk.Message) sdk.FetchResult { seen++; return sdk.NewData })
	fmt.Println(err != nil)
	fmt.Println(client.SetBackgroundMessageHandler(onBackground))
	// Output:
	// true
	// <nil>
}

// RegisterPush says what is missing.
func ExampleClient_RegisterPush() {
	client, cleanUp := exampleClient(sdk.IOS)
	defer cleanUp()
	client.OnThroughMessageReceived(onBackground)
	err := client.RegisterPush(context.Background(), sdk.Registration{ProviderToken: "ff00", BundleID: "com.example.notes"})
	fmt.Println(err)
	// Output:
	// sdk: register push: Environment is empty; on iOS want sdk.Production or sdk.Development: an APNs token belongs to one of them
}

// An app with another push SDK asks whose a message is.
func ExampleClient_HandleRemoteMessage() {
	client, cleanUp := exampleClient(sdk.Android)
	defer cleanUp()
	ours, err := client.HandleRemoteMessage(context.Background(), map[string]string{"title": "Another sender's"})
	if !ours {
		fmt.Println("not ours:", err)
	}
	// Output:
	// not ours: <nil>
}

// After Logout nothing of the former user's arrives, also without a network.
func ExampleClient_Logout() {
	client, cleanUp := exampleClient(sdk.IOS)
	defer cleanUp()
	client.OnThroughMessageReceived(onBackground)
	fmt.Println(client.Logout(context.Background()))
	wake, _ := json.Marshal(map[string]any{"hush": protocol.SealedWake{V: protocol.WakeVersion, K: "qLqk3vvJ4o1ZbZ0d", S: "too late"}})
	fmt.Println(client.HandleRemoteNotification(context.Background(), wake))
	// Output:
	// <nil>
	// true no_data <nil>
}

// A handler's context ends in time to report that it failed.
func ExampleHandler() {
	var handler sdk.Handler = func(ctx context.Context, m sdk.Message) sdk.FetchResult {
		if err := fetchNotes(ctx, m.Extras["payload"]); errors.Is(err, context.DeadlineExceeded) {
			return sdk.Failed
		} else if err != nil {
			return sdk.NoData
		}
		return sdk.NewData
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(handler(ctx, sdk.Message{ID: "0198…", Extras: map[string]string{sdk.ExtraPayload: "slow"}}))
	// Output:
	// failed
}

func fetchNotes(ctx context.Context, cursor string) error {
	if cursor == "slow" {
		<-ctx.Done()
	}
	return ctx.Err()
}

// exampleClient is a client without a server.
func exampleClient(p sdk.Platform) (*sdk.Client, func()) {
	dir, err := os.MkdirTemp("", "notes")
	if err != nil {
		panic(err)
	}
	client, err := sdk.Open(sdk.Config{
		Server: "http://127.0.0.1:9", App: "notes", Dir: dir, Platform: p,
		Token: func(context.Context) (string, error) { return "", errors.New("nobody is logged in") },
	})
	if err != nil {
		panic(err)
	}
	return client, func() { _ = client.Close(); _ = os.RemoveAll(dir) }
}

// server is the backend of the tests, as an example uses it.
type server struct {
	*backend
	t   *exampleT
	url string
	got *sent
}

// exampleT stands in for a test, which an example does not have.
type exampleT struct {
	testing.TB
	ends []func()
}

func (*exampleT) Helper()                   {}
func (t *exampleT) Cleanup(f func())        { t.ends = append(t.ends, f) }
func (*exampleT) Errorf(f string, a ...any) { fmt.Printf(f+"\n", a...) }
func (*exampleT) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (*exampleT) Fatal(a ...any)            { panic(fmt.Sprint(a...)) }

func exampleServer() *server {
	t := &exampleT{}
	b := newBackend(t)
	return &server{backend: b, t: t, url: b.http.URL}
}

func (s *server) close() {
	for _, end := range s.t.ends {
		end()
	}
}

func (s *server) notification(payload string) []byte {
	return userInfo(s.wake(s.backend.accept("alice", payload, time.Hour)))
}

func (s *server) accept(payload string) { s.got = s.backend.accept("alice", payload, time.Hour) }
func (s *server) waitUntilHandled()     { s.final(s.got) }
