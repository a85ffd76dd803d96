// Command try runs the generated client of Go against a real server.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"hush.example/clients/hush"
)

const app = "go"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "want a server's URL and its root key")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "the Go client:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, server, rootKey string) error {
	root, err := client(server, "Authorization", "Bearer "+rootKey)
	if err != nil {
		return err
	}
	sendKey, err := prepare(ctx, root)
	if err != nil {
		return err
	}
	backend, err := client(server, "Authorization", "Bearer "+sendKey)
	if err != nil {
		return err
	}
	credential, err := register(ctx, server, backend)
	if err != nil {
		return err
	}
	id, err := send(ctx, backend)
	if err != nil {
		return err
	}
	device, err := client(server, "Hush-Device", credential)
	if err != nil {
		return err
	}
	if err := handle(ctx, device, id); err != nil {
		return err
	}
	push, err := backend.GetPushWithResponse(ctx, app, id, nil)
	if err != nil || push.JSON200 == nil {
		return refused("reading the push", err, push.StatusCode(), push.Body)
	}
	if d := push.JSON200.Deliveries; len(d) != 1 || d[0].State != hush.StateHandled || push.JSON200.Counts["handled"] != 1 {
		return fmt.Errorf("the push is %s; want it handled on one device", push.Body)
	}
	fmt.Println("Go: push", id, "was handled")
	return nil
}

// client returns a client that shows one secret.
func client(server, header, secret string) (*hush.ClientWithResponses, error) {
	return hush.NewClientWithResponses(server, hush.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set(header, secret)
		return nil
	}))
}

// prepare makes an app with a resource, and a key that may send.
func prepare(ctx context.Context, root *hush.ClientWithResponses) (sendKey string, err error) {
	made, err := root.PutAppWithResponse(ctx, app, hush.AppRequest{})
	if err != nil || made.JSON201 == nil {
		return "", refused("app", err, made.StatusCode(), made.Body)
	}
	ttl, normal := "24h", hush.PriorityNormal
	resource, err := root.PutResourceWithResponse(ctx, app, "both", hush.Resource{Apns: &hush.Strategy{Ttl: &ttl}, Fcm: &hush.Strategy{Priority: &normal}})
	if err != nil || resource.JSON201 == nil {
		return "", refused("resource", err, resource.StatusCode(), resource.Body)
	}
	key, err := root.CreateKeyWithResponse(ctx, app, hush.KeyRequest{Role: hush.RoleSend})
	if err != nil || key.JSON201 == nil || key.JSON201.Secret == nil {
		return "", refused("key", err, key.StatusCode(), key.Body)
	}
	return *key.JSON201.Secret, nil
}

// register registers a device of alice, as an app would.
func register(ctx context.Context, server string, backend *hush.ClientWithResponses) (credential string, err error) {
	token, err := backend.CreateUserTokenWithResponse(ctx, app, hush.UserTokenRequest{User: "alice"})
	if err != nil || token.JSON200 == nil {
		return "", refused("user token", err, token.StatusCode(), token.Body)
	}
	alice, err := client(server, "Authorization", "Bearer "+token.JSON200.Token)
	if err != nil {
		return "", err
	}
	name := "com.example.notes"
	device, err := alice.PutOwnDeviceWithResponse(ctx, hush.DeviceRequest{DeviceId: "phone", Platform: hush.PlatformAndroid, Package: &name})
	if err != nil || device.JSON200 == nil || device.JSON200.Credential == nil {
		return "", refused("device", err, device.StatusCode(), device.Body)
	}
	return *device.JSON200.Credential, nil
}

// send sends a push, after one that is refused.
func send(ctx context.Context, backend *hush.ClientWithResponses) (id string, err error) {
	payload, once := "42", "once"
	push := hush.PushRequest{To: hush.Audience{Users: &[]string{"alice"}}, ResourceId: "nothing", Payload: &payload}
	wrong, err := backend.CreatePushWithResponse(ctx, app, nil, push)
	if err != nil || wrong.ApplicationproblemJSON422 == nil {
		return "", refused("a push under no resource", err, wrong.StatusCode(), wrong.Body)
	}
	if fields := wrong.ApplicationproblemJSON422.Errors; fields == nil || (*fields)[0].Code != hush.FieldCodeUnknownResource {
		return "", fmt.Errorf("a push under no resource: %s; want unknown_resource", wrong.Body)
	}
	push.ResourceId = "both"
	sent, err := backend.CreatePushWithResponse(ctx, app, &hush.CreatePushParams{IdempotencyKey: &once}, push)
	if err != nil || sent.JSON202 == nil {
		return "", refused("push", err, sent.StatusCode(), sent.Body)
	}
	return sent.JSON202.PushId, nil
}

// handle reads the inbox and says that the push was handled.
func handle(ctx context.Context, device *hush.ClientWithResponses, id string) error {
	inbox, err := device.GetOwnInboxWithResponse(ctx, nil)
	if err != nil || inbox.JSON200 == nil || len(inbox.JSON200.Deliveries) != 1 || inbox.JSON200.Deliveries[0].Payload != "42" {
		return refused("inbox", err, inbox.StatusCode(), inbox.Body)
	}
	result := hush.ResultNewData
	said, err := device.CreateReceiptsWithResponse(ctx, hush.ReceiptsBody{Receipts: []hush.Receipt{
		{PushId: id, Event: hush.ReceiptEventHandled, Result: &result, Path: hush.PathInbox},
	}})
	if err != nil || said.JSON200 == nil || said.JSON200.Receipts[0].Status != hush.ReceiptStatusAccepted {
		return refused("receipt", err, said.StatusCode(), said.Body)
	}
	return nil
}

// refused returns what came instead of what was wanted.
func refused(what string, err error, status int, body []byte) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return errors.New(what + ": " + http.StatusText(status) + " " + string(body))
}
