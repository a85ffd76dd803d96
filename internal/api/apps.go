package api

import (
	"context"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

var (
	needsRoot  = need{role: push.RoleRoot}
	needsAdmin = need{role: push.RoleAdmin}
	needsSend  = need{role: push.RoleSend}
	needsRead  = need{role: push.RoleRead}
)

// appStore stores the apps.
type appStore interface {
	// PutApp creates an app unless it exists.
	PutApp(ctx context.Context, name string) (app push.App, created bool, err error)

	App(ctx context.Context, name string) (push.App, error)

	// Apps returns a page of the apps, by name.
	Apps(ctx context.Context, cursor string, limit int) (apps []push.App, next string, err error)

	// DeleteApp deletes an app with everything in it. Callers stop seeing the app before its rows are deleted, which happens in
	// pieces. After an error, call it again to go on.
	DeleteApp(ctx context.Context, name string) error
}

type putAppInput struct {
	AppPath
	Body protocol.AppRequest `required:"false"`
}

func (a *API) appRoutes() {
	register(a, route{id: "listApps", method: http.MethodGet, path: "/v1/apps", tag: chapterApps, needs: needsRoot,
		summary: "List the apps"}, a.listApps)
	register(a, route{id: "putApp", audit: "app.put", method: http.MethodPut, path: "/v1/apps/{app}", tag: chapterApps, needs: needsRoot, optionalBody: true, makesApp: true, example: protocol.AppRequest{},
		also: http.StatusCreated, summary: "Make an app", about: "201 if it is new, else 200."}, a.putApp)
	register(a, route{id: "getApp", method: http.MethodGet, path: "/v1/apps/{app}", tag: chapterApps, needs: needsRoot,
		summary: "Read an app"}, a.getApp)
	register(a, route{id: "deleteApp", audit: "app.delete", method: http.MethodDelete, path: "/v1/apps/{app}", tag: chapterApps, needs: needsRoot, status: http.StatusNoContent,
		summary: "Delete an app with all that it has", about: "Its sessions end."}, a.deleteApp)
}

func appBody(app push.App) protocol.App {
	return protocol.App{App: app.Name, CreatedAt: app.CreatedAt.UTC()}
}

func (a *API) listApps(ctx context.Context, _ *call, in *Page) (*rest.Answer[protocol.Apps], error) {
	apps, next, err := a.Store.Apps(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.Apps{Apps: listOf(apps, appBody), Cursor: next}), nil
}

func (a *API) putApp(ctx context.Context, _ *call, in *putAppInput) (*rest.Answer[protocol.App], error) {
	app, isNew, err := a.Store.PutApp(ctx, in.App)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(created(isNew), appBody(app)), nil
}

func (a *API) getApp(ctx context.Context, _ *call, in *AppPath) (*rest.Answer[protocol.App], error) {
	app, err := a.Store.App(ctx, in.App)
	if err != nil {
		return nil, missing(err, "app", in.App)
	}
	return rest.NewAnswer(http.StatusOK, appBody(app)), nil
}

func (a *API) deleteApp(ctx context.Context, _ *call, in *AppPath) (*rest.None, error) {
	if err := a.Store.DeleteApp(ctx, in.App); err != nil {
		return nil, missing(err, "app", in.App)
	}
	a.Sessions.DropApp(in.App, protocol.CloseOwnerChanged)
	return &rest.None{}, nil
}

// listOf converts a list for an answer; it is never nil.
func listOf[S, T any](list []S, f func(S) T) []T {
	out := make([]T, len(list))
	for i, s := range list {
		out[i] = f(s)
	}
	return out
}
