package api

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// leanWait is how long a revoked stream may take to end by itself: enough to close it in order, so that its client asks again and
// learns why.
const leanWait = time.Second

// cutPer is how often the deadlines of a stream that does not end are set again, because the stream may have renewed them.
const cutPer = 100 * time.Millisecond

// past is a deadline that ends every wait for a client.
var past = time.Unix(1, 0)

// errRevoked is the cause with which a revoked stream's context ends.
var errRevoked = errors.New("api: the key or the app that the stream leans on is gone")

// lean ends a stream when its key or app is deleted: it cancels the context, then cuts the connection. Call release when the
// stream ends.
func (a *API) lean(parent context.Context, w http.ResponseWriter, who caller, app string) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	end := func(error) { cancel(errRevoked) }
	releases := []func(){a.Auth.Hold(who.key.Ground(), end)}
	// If the app does not exist, the handler reports it.
	if found, err := a.Store.App(ctx, app); app != "" && err == nil {
		releases = append(releases, a.Auth.Hold(found.Ground(), end))
	}
	over, cut := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		cutOff(ctx, http.NewResponseController(w), over)
	})
	return ctx, func() {
		close(over)
		if !stop() {
			<-cut // nobody may touch w after the handler returns
		}
		cancel(nil)
		for _, release := range releases {
			release()
		}
	}
}

// cutOff ends the reads and writes of a revoked stream that has not ended in time.
func cutOff(ctx context.Context, control *http.ResponseController, over <-chan struct{}) {
	if !errors.Is(context.Cause(ctx), errRevoked) {
		return // the client has gone
	}
	for wait := leanWait; ; wait = cutPer {
		select {
		case <-over:
			return
		case <-time.After(wait):
			_ = control.SetReadDeadline(past)
			_ = control.SetWriteDeadline(past)
		}
	}
}
