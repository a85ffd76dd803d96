package api

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// leanWait is how long a stream whose key is void has to end by itself: long enough to close it in order, so that its client
// asks again and learns why.
const leanWait = time.Second

// cutPer is how often a stream that does not end by itself has its deadlines set again, which it may have renewed.
const cutPer = 100 * time.Millisecond

// past is a deadline that ends what waits for a client.
var past = time.Unix(1, 0)

// errRevoked is why a stream's context ended.
var errRevoked = errors.New("api: the key or the app that the stream leans on is gone")

// lean ends a stream when the key that opened it, or its app, is gone: first its context, then its connection. release must
// be called when the stream has ended.
func (a *API) lean(parent context.Context, w http.ResponseWriter, who caller, app string) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	end := func(error) { cancel(errRevoked) }
	releases := []func(){a.Auth.Hold(who.key.Ground(), end)}
	// An app that cannot be found is the handler's to tell of.
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
			<-cut // nobody may touch w when the handler has returned
		}
		cancel(nil)
		for _, release := range releases {
			release()
		}
	}
}

// cutOff ends the reads and writes of a revoked stream that is not over in time.
func cutOff(ctx context.Context, control *http.ResponseController, over <-chan struct{}) {
	if !errors.Is(context.Cause(ctx), errRevoked) {
		return // the client went
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
