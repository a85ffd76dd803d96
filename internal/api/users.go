package api

import (
	"context"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// userStore stores users. A user need not have a device.
type userStore interface {
	// PutTags replaces a user's tags; push.ErrNotFound if there is no such app.
	PutTags(ctx context.Context, app, user string, tags []string) error

	// DevicesOf returns a page of a user's devices, by id.
	DevicesOf(ctx context.Context, app, user, cursor string, limit int) (devices []push.Device, next string, err error)
}

type UserPath struct {
	AppPath
	User string `path:"user" format:"id" doc:"the user's id, escaped as paths need it" example:"alice"`
}

type userPage struct {
	UserPath
	Page
}

type putTagsInput struct {
	UserPath
	Body protocol.Tags
}

func (a *API) userRoutes() {
	register(a, route{id: "listUserDevices", method: http.MethodGet, path: "/v1/apps/{app}/users/{user}/devices", tag: chapterUsers, needs: needsRead,
		summary: "List what a user has registered"}, a.listUserDevices)
	register(a, route{id: "putTags", method: http.MethodPut, path: "/v1/apps/{app}/users/{user}/tags", tag: chapterUsers, needs: needsSend, checks: true,
		summary: "Replace a user's tags", example: protocol.Tags{Tags: []string{"beta"}}}, a.putTags)
}

func deviceBody(d push.Device) protocol.Device {
	return protocol.Device{
		DeviceID: d.ID, User: d.User, Platform: d.Platform, BundleID: d.BundleID, Package: d.Package, Environment: d.Environment,
		Token: d.Token, AppState: d.AppState, Facts: d.Facts, OwnerGeneration: d.OwnerGeneration, TokenGeneration: d.TokenGeneration,
	}
}

func (a *API) listUserDevices(ctx context.Context, c *call, in *userPage) (*rest.Answer[protocol.Devices], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	devices, next, err := a.Store.DevicesOf(ctx, in.App, in.User, in.Cursor, in.Limit)
	if err != nil {
		return nil, missing(err, "user", in.User)
	}
	return rest.NewAnswer(http.StatusOK, protocol.Devices{Devices: listOf(devices, deviceBody), Cursor: next}), nil
}

func (a *API) putTags(ctx context.Context, c *call, in *putTagsInput) (*rest.Answer[protocol.Tags], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	tags := unique(in.Body.Tags)
	checkTags(&c.faults, "body.tags", in.Body.Tags)
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	if err := a.Store.PutTags(ctx, in.App, in.User, tags); err != nil {
		return nil, missing(err, "user", in.User)
	}
	return rest.NewAnswer(http.StatusOK, protocol.Tags{Tags: listOf(tags, same)}), nil
}
