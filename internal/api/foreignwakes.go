package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// wakeKeyStore finds the owners of wake keys.
type wakeKeyStore interface {
	// WakeKeyOwner returns the owner of a wake key; push.ErrNotFound if no registered device has it.
	WakeKeyOwner(ctx context.Context, id string) (push.WakeKeyOwner, error)

	// DropToken removes the provider token of a device, because a wake made for the device at madeAt reached another one. A
	// device that has another owner, or has registered since, keeps its token. taken reports whether the token was removed.
	DropToken(ctx context.Context, from push.WakeKeyOwner, madeAt time.Time) (taken bool, err error)
}

type foreignWakeInput struct {
	Body protocol.ForeignWake
}

func (a *API) foreignWakeRoutes() {
	register(a, route{id: "reportForeignWake", method: http.MethodPost, path: "/v1/foreign-wakes", tag: chapterDevice, needs: needsCredential,
		also: http.StatusNoContent, limit: maxForeignWake,
		summary: "Report a wake that this device could not open",
		about: "The answer has the wake's key if that is the device's own, of any age: its inbox is to be read. Else it is 204; and where the wake was " +
			"made for another device of the app that has not registered since, that device loses its provider token, which reaches this phone.",
		example: protocol.ForeignWake{K: "qLqk3vvJ4o1ZbZ0d", S: "mJ8c0hI0n2b3v6wq5B1x…"}}, a.reportForeignWake)
}

func (a *API) reportForeignWake(ctx context.Context, c *call, in *foreignWakeInput) (*rest.Answer[*protocol.ForeignWakeAnswer], error) {
	nobodys := &rest.Answer[*protocol.ForeignWakeAnswer]{Status: http.StatusNoContent}
	owner, err := a.Store.WakeKeyOwner(ctx, in.Body.K)
	switch {
	case errors.Is(err, push.ErrNotFound):
		return nobodys, nil
	case err != nil:
		return nil, err
	case owner.DeviceKey != c.device.Key():
		return nobodys, a.dropForeignToken(ctx, c, owner, in.Body)
	case owner.OwnerGeneration != c.device.OwnerGeneration: // a previous owner's: the present one must not read the wake
		return nobodys, nil
	}
	key := protocol.NewWakeKey(a.Auth.WakeKey(owner.DeviceKey, in.Body.K))
	return rest.NewAnswer(http.StatusOK, &protocol.ForeignWakeAnswer{WakeKey: *key}), nil
}

// dropForeignToken removes the provider token from the device that a wake was made for, because the wake reached the caller. The
// caller must show the sealed part, which only a receiver has: the key's id alone, which providers see, changes nothing.
func (a *API) dropForeignToken(ctx context.Context, c *call, owner push.WakeKeyOwner, w protocol.ForeignWake) error {
	if owner.App != c.device.App {
		return nil
	}
	sealed := protocol.SealedWake{V: protocol.WakeVersion, K: w.K, S: w.S}
	wake, err := sealed.Open(a.Auth.WakeKey(owner.DeviceKey, w.K))
	if err != nil {
		return nil
	}
	madeAt, ok := push.ID(wake.Wake).MadeAt()
	if !ok {
		return nil
	}
	taken, err := a.Store.DropToken(ctx, owner, madeAt)
	if err != nil || !taken {
		return err
	}
	a.Logger.Debug("a device lost its provider token, which reaches another's app", "app", owner.App, "device", owner.Device, "reached", c.device.ID)
	a.Delivery.Look(owner.DeviceKey)
	return nil
}
