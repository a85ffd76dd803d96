package api

import (
	"context"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
)

// Vitals reports the state of the server.
type Vitals interface {
	// Status returns a page of at most limit apps, starting from a cursor of its own. An invalid cursor is push.FieldErrors.
	Status(ctx context.Context, cursor string, limit int) (protocol.ServerStatus, error)
}

func (a *API) statusRoutes() {
	register(a, route{id: "getStatus", method: http.MethodGet, path: "/v1/status", tag: chapterOperation, needs: needsRoot,
		summary: "Say how the server does", about: "Version, engine, sessions, what is late, how long commits take, each app's standing with its providers and the last error, " +
			"and what happened within the last hour. It costs little to ask: all is counted in memory, since the process began at the longest. " +
			"While the database does not answer, the answer has what memory knows."}, a.getStatus)
}

func (a *API) getStatus(ctx context.Context, _ *call, in *Page) (*rest.Answer[protocol.ServerStatus], error) {
	status, err := a.Vitals.Status(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, status), nil
}
