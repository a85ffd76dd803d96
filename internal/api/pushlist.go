package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// pushListStore lists pushes.
type pushListStore interface {
	// Pushes returns a page of pushes, newest first. A page ends early if its search becomes expensive: it may be empty and still
	// have a next one.
	Pushes(ctx context.Context, app string, filter push.PushFilter, cursor string, limit int) (pushes []push.Listed, next string, err error)
}

type pushListInput struct {
	AppPath
	State    push.State `query:"state" doc:"of any delivery; with user, of any delivery of that user"`
	Resource string     `query:"resource" format:"resource-id" doc:"the resource's id"`
	User     string     `query:"user" format:"id" doc:"whom a delivery is for"`
	After    string     `query:"after" format:"date-time" doc:"accepted at this time or later (RFC 3339)"`
	Before   string     `query:"before" format:"date-time" doc:"accepted before this time (RFC 3339)"`
	Page
}

func (a *API) pushListRoutes() {
	register(a, route{id: "listPushes", method: http.MethodGet, path: "/v1/apps/{app}/pushes", tag: chapterPushes, needs: needsRead,
		summary: "List pushes, newest first",
		about: "What is given must hold. One request looks at 10 000 pushes at most, so with a filter that matches rarely a page may be short, " +
			"or empty, and still have a cursor, which goes on. Pushes that come meanwhile do not move what a cursor names."}, a.listPushes)
}

func (a *API) listPushes(ctx context.Context, c *call, in *pushListInput) (*rest.Answer[protocol.Pushes], error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	filter := push.PushFilter{
		State: in.State, Resource: in.Resource, User: in.User,
		After: timeAt(&c.faults, "query.after", in.After), Before: timeAt(&c.faults, "query.before", in.Before),
	}
	pushes, next, err := a.Store.Pushes(ctx, in.App, filter, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, protocol.Pushes{Pushes: listOf(pushes, listedBody), Cursor: next}), nil
}

func listedBody(p push.Listed) protocol.ListedPush {
	return protocol.ListedPush{
		PushID: string(p.ID), ResourceID: p.ResourceID, AcceptedAt: p.AcceptedAt.UTC(), ExpiresAt: p.ExpiresAt.UTC(),
		Final: p.Final, Expanded: p.Expanded, Counts: p.Counts, DeliverAt: timeOrNone(p.DeliverAt),
		Warnings: listOf(p.Warnings, protocol.NewWarning),
	}
}

// checkState refuses a string that is not the state of a delivery.
func checkState(state string) error {
	if _, ok := push.ParseState(state); !ok {
		return fmt.Errorf("is %s; want one of %s", rest.Quoted(state), push.StateNames())
	}
	return nil
}

// checkTime refuses a string that is not an RFC 3339 time.
func checkTime(text string) error {
	if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
		return fmt.Errorf("is %s; want a time such as %q", rest.Quoted(text), "2026-01-02T15:04:05Z")
	}
	return nil
}
