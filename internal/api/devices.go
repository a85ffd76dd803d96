package api

import (
	"context"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// deviceStore stores registered devices.
type deviceStore interface {
	Device(ctx context.Context, key push.DeviceKey) (push.Device, error)

	// Unregister ends a device: its open deliveries become undeliverable and its credential void.
	Unregister(ctx context.Context, key push.DeviceKey) error

	// Inbox returns a device's open deliveries with their payloads, oldest first, up to limit and about 4 MiB, and the number of
	// open ones.
	Inbox(ctx context.Context, key push.DeviceKey, limit int) (deliveries []push.Delivery, open int, err error)
}

type DevicePath struct {
	AppPath
	Device string `path:"device" format:"id" doc:"the device's id, escaped as paths need it" example:"0b6f2ba8"`
}

type inboxInput struct {
	DevicePath
	InboxLimit
}

// InboxLimit is the limit of a page without a cursor: an inbox is always read from its oldest open delivery.
type InboxLimit struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many, at most"`
}

// deviceRoutes adds the backends' calls on one device.
func (a *API) deviceRoutes() {
	const device = "/v1/apps/{app}/devices/{device}"
	register(a, route{id: "getDevice", method: http.MethodGet, path: device, tag: chapterUsers, needs: needsRead,
		summary: "Read a device"}, a.getDevice)
	register(a, route{id: "deleteDevice", audit: "device.delete", method: http.MethodDelete, path: device, tag: chapterUsers, needs: needsSend, status: http.StatusNoContent,
		summary: "Unregister a device", about: "Its open deliveries end as undeliverable, its credential is void."}, a.deleteDevice)
	register(a, route{id: "getDeviceInbox", method: http.MethodGet, path: device + "/inbox", tag: chapterUsers, needs: needsSend,
		summary: "Read a device's open deliveries, oldest first"}, a.getDeviceInbox)
}

func (a *API) getDevice(ctx context.Context, c *call, in *DevicePath) (*rest.Answer[protocol.Device], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	device, err := a.Store.Device(ctx, in.device(in.Device))
	if err != nil {
		return nil, missing(err, "device", in.Device)
	}
	budgets, err := a.Delivery.Budgets(ctx, []push.DeviceKey{device.Key()})
	if err != nil {
		return nil, err
	}
	body := deviceBody(device)
	body.Budget = budgetIn(budgets, device.Key())
	return rest.NewAnswer(http.StatusOK, body), nil
}

func (a *API) deleteDevice(ctx context.Context, c *call, in *DevicePath) (*rest.None, error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	if err := a.unregister(ctx, in.device(in.Device)); err != nil {
		return nil, missing(err, "device", in.Device)
	}
	return &rest.None{}, nil
}

// unregister removes a device's owner and ends its session, so that nothing of the owner's reaches it any more.
func (a *API) unregister(ctx context.Context, key push.DeviceKey) error {
	if err := a.Store.Unregister(ctx, key); err != nil {
		return err
	}
	a.Sessions.Drop(key, "", protocol.CloseOwnerChanged)
	return nil
}

func (a *API) getDeviceInbox(ctx context.Context, c *call, in *inboxInput) (*rest.Answer[protocol.Inbox], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	key := in.device(in.Device)
	if _, err := a.Store.Device(ctx, key); err != nil {
		return nil, missing(err, "device", in.Device)
	}
	return a.inboxOf(ctx, key, in.Limit)
}

func (a *API) inboxOf(ctx context.Context, key push.DeviceKey, limit int) (*rest.Answer[protocol.Inbox], error) {
	deliveries, open, err := a.Store.Inbox(ctx, key, limit)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.Inbox{Open: open, Deliveries: listOf(deliveries, inboxBody)}), nil
}

func inboxBody(d push.Delivery) protocol.InboxPush {
	return protocol.InboxPush{
		PushID: string(d.PushID), ResourceID: d.ResourceID, Payload: string(d.Payload), AcceptedAt: d.AcceptedAt.UTC(), ExpiresAt: d.ExpiresAt.UTC(),
	}
}
