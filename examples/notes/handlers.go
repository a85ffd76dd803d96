package notes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hushpush/hush/sdk"
)

// The names of the two handlers, as Hush and the product that it replaces call them.
const (
	OnThroughMessageReceived = "OnThroughMessageReceived"
	BackgroundMessageHandler = "BackgroundMessageHandler"
)

// DirEnv names the environment variable that holds the app's directory.
const DirEnv = "NOTES_DIR"

// Payload is what the backend puts into a push.
type Payload struct {
	Cursor int64 `json:"cursor"`
}

// onBackground is the background handler: a top-level function that needs nothing but the app's directory, because the
// process that it runs in may have been started for this push.
func onBackground(ctx context.Context, m sdk.Message) sdk.FetchResult {
	return handle(ctx, home(os.Getenv(DirEnv)), BackgroundMessageHandler, m)
}

// onThroughMessage is the handler of an app whose user looks at it.
func (a *app) onThroughMessage(ctx context.Context, m sdk.Message) sdk.FetchResult {
	return handle(ctx, a.home, OnThroughMessageReceived, m)
}

// handle brings the phone's notes up to date, records the push, and prints it to the device log.
func handle(ctx context.Context, h home, callback string, m sdk.Message) sdk.FetchResult {
	payload := m.Extras[sdk.ExtraPayload]
	fmt.Fprintf(os.Stderr, "notes: %s payload=%s\n", callback, payload)
	result, err := catchUp(ctx, h, payload)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		result = sdk.Failed
	}
	record := Handled{PushID: m.ID, Callback: callback, Path: m.Path, Payload: payload, Result: result, PID: os.Getpid()}
	if err := h.add(record); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return sdk.Failed
	}
	return result
}

// catchUp fetches the notes that changed since the phone's cursor. A payload without a newer cursor costs no fetch. One that the
// backend did not write, because somebody tried the API by hand, makes the phone fetch.
func catchUp(ctx context.Context, h home, payload string) (sdk.FetchResult, error) {
	have, err := h.notes()
	if err != nil {
		return sdk.Failed, err
	}
	var latest Payload
	if json.Unmarshal([]byte(payload), &latest) == nil && latest.Cursor != 0 && latest.Cursor <= have.Cursor {
		return sdk.NoData, nil
	}
	news, err := fetch(ctx, h, have.Cursor)
	if err != nil {
		return sdk.Failed, err
	}
	if len(news.Notes) == 0 {
		return sdk.NoData, nil
	}
	have.Cursor, have.Notes = news.Cursor, append(have.Notes, news.Notes...)
	return sdk.NewData, h.write(notesFile, have)
}
