package sdk

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// HandleRemoteNotification is the hook for application(_:didReceiveRemoteNotification:fetchCompletionHandler:) on iOS.
// userInfo is the notification's JSON. ours reports whether it was Hush's; if not, nothing was done, and another push SDK may
// be asked. It returns as soon as the handlers have, for the app to call the completion handler with result; that is at the
// latest when ctx ends, or 30 s after the call. An error says what kept pushes from being handled; they come again.
func (c *Client) HandleRemoteNotification(ctx context.Context, userInfo []byte) (ours bool, result FetchResult, err error) {
	var message map[string]json.RawMessage
	if json.Unmarshal(userInfo, &message) != nil {
		return false, NoData, nil
	}
	field, ours := message[protocol.WakeField]
	if !ours {
		return false, NoData, nil
	}
	result, err = c.handleWake(ctx, field, push.PathAPNs)
	return true, result, err
}

// HandleRemoteMessage is the hook for FirebaseMessagingService.onMessageReceived on Android. data is the message's data.
// ours reports whether it was Hush's; if not, nothing was done. It returns as soon as the handlers have, at the latest when
// ctx ends, or 20 s after the call. An error says what kept pushes from being handled; they come again.
func (c *Client) HandleRemoteMessage(ctx context.Context, data map[string]string) (ours bool, err error) {
	field, ours := data[protocol.WakeField]
	if !ours {
		return false, nil
	}
	_, err = c.handleWake(ctx, []byte(field), push.PathFCM)
	return true, err
}

func (c *Client) handleWake(ctx context.Context, field []byte, path push.Path) (FetchResult, error) {
	result, err := c.runner.handleWake(ctx, field, path)
	if err != nil {
		return result, fmt.Errorf("sdk: a wake: %w", err)
	}
	return result, nil
}

// HandleDeletedMessages is the hook for FirebaseMessagingService.onDeletedMessages on Android: FCM has thrown messages away
// and does not say which. The client handles what its inbox holds, in the time that a wake has.
func (c *Client) HandleDeletedMessages(ctx context.Context) error {
	whole, handling, done, err := c.runner.wakeTime(ctx)
	if err != nil {
		return fmt.Errorf("sdk: catch up: %w", err)
	}
	defer done()
	if _, err = c.runner.catchUp(handling, whole, !c.app.inForeground(), nil); err != nil {
		return fmt.Errorf("sdk: catch up: %w", err)
	}
	return nil
}
