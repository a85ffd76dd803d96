package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// HandleRemoteNotification is the hook for application(_:didReceiveRemoteNotification:fetchCompletionHandler:) on iOS.
// userInfo is the notification's JSON. ours tells whether it was Hush's; if not, nothing was done, and another push SDK may
// be asked. It returns as soon as the handlers have, for the app to call the completion handler with result; that is at the
// latest when ctx ends, or 30 s after the call. An error says what kept pushes from being handled; they come again.
func (c *Client) HandleRemoteNotification(ctx context.Context, userInfo []byte) (ours bool, result FetchResult, err error) {
	var message map[string]json.RawMessage
	if json.Unmarshal(userInfo, &message) != nil {
		return false, NoData, nil
	}
	part, ours := message[protocol.WakeKey]
	if !ours {
		return false, NoData, nil
	}
	result, err = c.handleWake(ctx, part, push.PathAPNs)
	return true, result, err
}

// HandleRemoteMessage is the hook for FirebaseMessagingService.onMessageReceived on Android. data is the message's data.
// ours tells whether it was Hush's; if not, nothing was done. It returns as soon as the handlers have, at the latest when
// ctx ends, or 20 s after the call. An error says what kept pushes from being handled; they come again.
func (c *Client) HandleRemoteMessage(ctx context.Context, data map[string]string) (ours bool, err error) {
	part, ours := data[protocol.WakeKey]
	if !ours {
		return false, nil
	}
	_, err = c.handleWake(ctx, []byte(part), push.PathFCM)
	return true, err
}

// HandleDeletedMessages is the hook for FirebaseMessagingService.onDeletedMessages on Android: FCM has thrown messages away
// and does not say which. The client handles what its inbox holds, in the time that a wake has.
func (c *Client) HandleDeletedMessages(ctx context.Context) error {
	ctx, handling, done, err := c.wakeTime(ctx)
	if err != nil {
		return fmt.Errorf("sdk: catch up: %w", err)
	}
	defer done()
	_, err = c.catchUp(handling, ctx, !c.inForeground(), nil)
	if err != nil {
		return fmt.Errorf("sdk: catch up: %w", err)
	}
	return nil
}

// wakeTime is the time of one wake: whole, for reporting, and handling, for the handlers, which share it. Both end with
// Close, and handling with Logout. A closed client answers ErrClosed.
func (c *Client) wakeTime(ctx context.Context) (whole, handling context.Context, done func(), err error) {
	ctx, leave, err := c.enter(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	left := c.cfg.Platform.TimeAllowed()
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	c.mu.Lock()
	user := c.user
	c.mu.Unlock()
	whole, endWhole := context.WithTimeoutCause(ctx, left, errTimeAllowed)
	handling, endUser := context.WithCancelCause(whole)
	release := context.AfterFunc(user, func() { endUser(context.Cause(user)) })
	handling, endHandling := context.WithTimeoutCause(handling, handlerTime(left), errTimeAllowed)
	return whole, handling, func() { endHandling(); release(); endUser(nil); endWhole(); leave() }, nil
}

// handleWake handles what a wake carries, and then what the inbox has, as far as the time goes.
func (c *Client) handleWake(ctx context.Context, part []byte, path push.Path) (FetchResult, error) {
	w, err := parseWake(part)
	if err != nil {
		return NoData, fmt.Errorf("sdk: a wake: %w", err)
	}
	whole, handling, done, err := c.wakeTime(ctx)
	if err != nil {
		return Failed, fmt.Errorf("sdk: a wake: %w", err)
	}
	defer done()
	s, err := c.ownerFor(whole, w.Gen)
	if err != nil {
		return Failed, fmt.Errorf("sdk: a wake: %w", err)
	}
	if s.LoggedOut || s.Credential == "" || w.Gen != s.Generation || (w.Exp != 0 && c.expired(time.Unix(w.Exp, 0))) {
		c.log.Info("a wake was dropped: it has expired, or is not for the present owner", "wake", w.Wake)
		return NoData, nil
	}
	c.doubtLink()
	background := !c.inForeground()
	var results []FetchResult
	var errs []error
	fetch := map[string]push.Path{}
	for _, p := range w.Pushes {
		if p.Payload == nil {
			fetch[p.ID] = path
			continue
		}
		r, o, err := c.run(handling, arrival{message: wakeMessage(p, path), generation: w.Gen, background: background})
		if err != nil {
			errs = append(errs, err)
		}
		if o != dropped && o != notRun {
			results = append(results, r)
		}
	}
	open, err := c.flush(whole)
	if len(fetch) > 0 || (err == nil && open != 0) {
		more, err := c.catchUp(handling, whole, background, fetch)
		results = append(results, more...)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return summary(results, true), fmt.Errorf("sdk: a wake: %w", err)
	}
	return summary(results, false), nil
}

// ownerFor is who the device belongs to. A wake for a later owner than the one written down may have overtaken the answer to
// a registration: the server wakes a device the moment it is registered. Then that answer is waited for.
func (c *Client) ownerFor(ctx context.Context, generation int) (identity, error) {
	s, err := c.dir.self()
	if err != nil || s.LoggedOut || generation <= s.Generation || !c.registering.within(ctx) {
		return s, err
	}
	c.registering.Unlock()
	return c.dir.self()
}

// summary is the one result of a wake: there is new data if any handler had some; it failed if any did, or could not run.
func summary(results []FetchResult, failed bool) FetchResult {
	for _, r := range results {
		if r == NewData {
			return NewData
		}
		failed = failed || r == Failed
	}
	if failed {
		return Failed
	}
	return NoData
}

// maxWakeBytes is far above what a provider carries (4 KiB).
const maxWakeBytes = 64 << 10

// parseWake reads Hush's part of a provider's payload. A newer version is taken as a bell: its pushes are in the inbox.
func parseWake(part []byte) (protocol.Wake, error) {
	if len(part) > maxWakeBytes {
		return protocol.Wake{}, fmt.Errorf("has %d bytes; want at most %d", len(part), maxWakeBytes)
	}
	var w protocol.Wake
	if err := json.NewDecoder(bytes.NewReader(part)).Decode(&w); err != nil {
		return protocol.Wake{}, fmt.Errorf("is not understood: %w", err)
	}
	switch {
	case w.V < protocol.WakeVersion:
		return protocol.Wake{}, fmt.Errorf("has version %d; want %d", w.V, protocol.WakeVersion)
	case w.V > protocol.WakeVersion:
		w.Pushes = nil
	}
	for _, p := range w.Pushes {
		if p.ID == "" {
			return protocol.Wake{}, errors.New("has a push without an id")
		}
	}
	return w, nil
}

// wakeMessage is a push out of a wake, which carries neither times: when it was accepted is told by its id, a UUIDv7.
func wakeMessage(p protocol.WakePush, path push.Path) Message {
	m := Message{ID: p.ID, ResourceID: p.Resource, Extras: map[string]string{ExtraPayload: *p.Payload}, Path: path}
	if id, err := uuid.Parse(p.ID); err == nil && id.Version() == 7 {
		m.AcceptedAt = time.Unix(id.Time().UnixTime()).UTC()
	}
	return m
}
