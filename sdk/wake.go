package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

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
	part, ours := message[protocol.WakeField]
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
	part, ours := data[protocol.WakeField]
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
	sealed, err := parseWake(part)
	if err != nil {
		return NoData, fmt.Errorf("sdk: a wake: %w", err)
	}
	whole, handling, done, err := c.wakeTime(ctx)
	if err != nil {
		return Failed, fmt.Errorf("sdk: a wake: %w", err)
	}
	defer done()
	w, of, ours, err := c.openWake(whole, sealed)
	if err != nil {
		return Failed, fmt.Errorf("sdk: a wake: %w", err)
	}
	if !ours || w.Exp != 0 && c.expired(time.Unix(w.Exp, 0)) {
		c.log.Info("a wake was dropped: it has expired, or is not for the present owner", "wake", w.Wake)
		return NoData, nil
	}
	c.doubtLink()
	h := &inWake{
		client: c, wake: w, path: path, of: of, background: !c.inForeground(),
		inDoubt: w.Exp != 0 && c.late(time.Unix(w.Exp, 0)) == doubtful, fetch: map[string]push.Path{},
	}
	for _, handle := range wakeKinds {
		handle(h, handling)
	}
	open, err := c.flush(whole)
	if len(h.fetch) > 0 || (err == nil && open != 0) {
		more, err := c.catchUp(handling, whole, h.background, h.fetch)
		h.results, h.errs = append(h.results, more...), append(h.errs, err)
	}
	if err := errors.Join(h.errs...); err != nil {
		return summary(h.results, true), fmt.Errorf("sdk: a wake: %w", err)
	}
	return summary(h.results, false), nil
}

// openWake returns what is sealed in a wake, and whose it is. A wake that is ours and that the phone cannot open is empty,
// and so is one of a newer version: it is a bell, its pushes are in the inbox.
func (c *Client) openWake(ctx context.Context, sealed protocol.SealedWake) (w protocol.Wake, of owner, ours bool, err error) {
	s, err := c.dir.self()
	if err != nil {
		return w, of, false, err
	}
	if sealed.V > protocol.WakeVersion {
		return w, s.owner(), s.registered(), nil
	}
	if w, ours = s.open(sealed); ours || s.LoggedOut {
		return w, s.owner(), ours, nil
	}
	// The wake may have overtaken the answer to a registration: the server wakes a device the moment it is registered.
	if !c.registering.within(ctx) {
		return w, of, false, context.Cause(ctx)
	}
	c.registering.Unlock()
	if s, err = c.dir.self(); err != nil {
		return w, of, false, err
	}
	if w, ours = s.open(sealed); ours || !s.registered() {
		return w, s.owner(), ours, nil
	}
	ours, err = c.reportForeign(ctx, s, sealed)
	return w, s.owner(), ours, err
}

// markBytes is how much of a sealed wake tells it from any other: its nonce, in base64url.
const markBytes = 16

// reportForeign reports a wake that the phone cannot open, each once, and keeps the key if the server says that the wake is
// this device's after all. If the server cannot be asked, the wake is dropped: whatever it was, the inbox has it.
func (c *Client) reportForeign(ctx context.Context, s identity, sealed protocol.SealedWake) (ours bool, err error) {
	mark := sealed.S[:min(markBytes, len(sealed.S))]
	if mark == s.Reported {
		return false, nil
	}
	key, err := c.calls.foreignWake(ctx, who{credential: s.Credential}, protocol.ForeignWake{K: sealed.K, S: sealed.S})
	if refused(err) == codeRegisterAgain {
		return false, c.voidCredential(s.Credential)
	}
	if err != nil {
		c.log.Info("a wake that is not for the present owner could not be reported", "error", err)
		return false, nil
	}
	now, err := c.dir.update(func(now *identity) {
		if now.Credential != s.Credential {
			return
		}
		now.Reported = mark
		now.keep(key)
	})
	return key != nil && now.Credential == s.Credential, err
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

// parseWake reads Hush's part of a provider's payload.
func parseWake(part []byte) (protocol.SealedWake, error) {
	var w protocol.SealedWake
	if len(part) > maxWakeBytes {
		return w, fmt.Errorf("has %d bytes; want at most %d", len(part), maxWakeBytes)
	}
	var version struct{ V int }
	if err := json.NewDecoder(bytes.NewReader(part)).Decode(&version); err != nil {
		return w, fmt.Errorf("is not understood: %w", err)
	}
	switch {
	case version.V > protocol.WakeVersion:
		return protocol.SealedWake{V: version.V}, nil // nobody knows yet what else it has
	case version.V < protocol.WakeVersion:
		return w, fmt.Errorf("has version %d; want %d", version.V, protocol.WakeVersion)
	}
	if err := json.NewDecoder(bytes.NewReader(part)).Decode(&w); err != nil {
		return w, fmt.Errorf("is not understood: %w", err)
	}
	if w.K == "" || w.S == "" {
		return w, errors.New("has no key's id, or nothing sealed")
	}
	return w, nil
}

// wakeMessage is a push out of a wake, which carries neither times: when it was accepted is told by its id, a UUIDv7.
func wakeMessage(p protocol.WakePush, path push.Path) Message {
	m := Message{ID: p.ID, ResourceID: p.Resource, Extras: map[string]string{ExtraPayload: *p.Payload}, Path: path}
	if at, ok := push.ID(p.ID).MadeAt(); ok {
		m.AcceptedAt = at
	}
	return m
}
