package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/hushpush/hush/push"
)

// Auth authenticates the user and the device that connect. Its errors are push.ErrUnauthenticated, push.ErrTokenExpired and
// push.ErrRegisterAgain.
type Auth interface {
	UserToken(ctx context.Context, token string) (push.UserClaims, error)
	DeviceByCredential(ctx context.Context, credential string) (push.Device, error)
	// Hold calls end once if the signing key of a session's token is removed before release is called. end must not wait.
	Hold(g push.Ground, end func(why error)) (release func())
}

// Receiver accepts a device's receipts under the owner of a generation. It returns a status for each receipt, in order, and
// how many of the device's deliveries are open.
type Receiver interface {
	Receive(ctx context.Context, key push.DeviceKey, generation int, receipts []push.Receipt) ([]push.ReceiptStatus, int, error)
}

// Notify learns of sessions. SessionOpened is called once hello is queued, SessionClosed when the device has no session any
// more. Neither method may wait: other sessions wait until it returns.
type Notify interface {
	SessionOpened(key push.DeviceKey)
	SessionClosed(key push.DeviceKey)
}

// Devices counts a device's open deliveries and stores the state that the device reports.
type Devices interface {
	OpenCount(ctx context.Context, key push.DeviceKey) (int, error)
	ReportState(ctx context.Context, key push.DeviceKey, state push.AppState, facts map[string]any) error
}

// Pushes returns a push with its payload, for items whose payload was left out because it is large.
type Pushes interface {
	Push(ctx context.Context, app string, id push.ID) (push.Push, push.Standing, error)
}

// Front learns who has shown a valid secret and who has not. Refused returns the header fields of the answer, which is 429
// with Retry-After if wait is not 0.
type Front interface {
	Known(ctx context.Context)
	Refused(remote string) (fields http.Header, wait time.Duration)
}

// openFront limits nobody.
type openFront struct{}

func (openFront) Known(context.Context)                       {}
func (openFront) Refused(string) (http.Header, time.Duration) { return nil, 0 }

// Config configures a Gateway.
type Config struct {
	Auth     Auth     // required
	Receiver Receiver // required
	Notify   Notify   // required
	Devices  Devices  // required
	Pushes   Pushes   // required

	Front Front // learns whether devices show valid secrets; nil limits nobody

	Heartbeat  time.Duration // between pings; a session that is silent for two heartbeats is dropped; 0 means 25s
	Queue      int           // frames that may wait until a device reads; 0 means 64
	QueueBytes int           // bytes of those frames; 0 means 1 MiB
	WriteWait  time.Duration // bounds the write of one frame; 0 means 5s
	Logger     *slog.Logger  // nil discards
	Now        func() time.Time
}

func (c Config) check() (Config, error) {
	switch {
	case c.Auth == nil || c.Receiver == nil || c.Notify == nil || c.Devices == nil || c.Pushes == nil:
		return c, fmt.Errorf("gateway: Auth, Receiver, Notify, Devices and Pushes are required")
	case c.Heartbeat < 0 || c.Queue < 0 || c.QueueBytes < 0 || c.WriteWait < 0:
		return c, fmt.Errorf("gateway: Heartbeat is %s, Queue %d, QueueBytes %d, WriteWait %s; want 0 (for the default) or more",
			c.Heartbeat, c.Queue, c.QueueBytes, c.WriteWait)
	}
	if c.Front == nil {
		c.Front = openFront{}
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 25 * time.Second
	}
	if c.Queue == 0 {
		c.Queue = 64
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 1 << 20
	}
	if c.WriteWait == 0 {
		c.WriteWait = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Logger = c.Logger.With("room", "gateway")
	return c, nil
}
