package front

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAListenerStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		return lifecycle.Opening(func(context.Context) (func() error, error) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			l, err := Listen(ln, Config{})
			if err != nil {
				return nil, err
			}
			srv := &http.Server{Handler: http.NotFoundHandler()}
			l.Attach(srv)
			done := make(chan struct{})
			go func() {
				defer close(done)
				if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
					t.Errorf("Serve: %v", err)
				}
			}()
			return func() error {
				err := errors.Join(l.Close(), srv.Close())
				<-done
				return err
			}, nil
		})
	})
}
