package front

import (
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAListenerCloses(t *testing.T) {
	lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := Listen(ln, Config{})
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.NotFoundHandler()}
		l.Attach(srv)
		served := make(chan struct{})
		go func() {
			defer close(served)
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				t.Errorf("Serve: %v", err)
			}
		}()
		t.Cleanup(func() {
			_ = srv.Close() // the connections
			<-served
		})
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		return lifecycle.Opened{
			Use: func() {
				if res, err := client.Get("http://" + ln.Addr().String()); err == nil {
					_ = res.Body.Close()
				}
			},
			Close: l.Close,
		}
	})
}
