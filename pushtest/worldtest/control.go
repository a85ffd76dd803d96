package worldtest

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// control is the control API of a world, and its listener if it is served. Below /_sim/apns/ and /_sim/fcm/ each provider has its
// own, whole; what is at /_sim/ itself is about the world: phones, time and reset of everything, and tokens, requests and faults of
// both providers, each of which finds the provider that it means.
type control struct {
	*simkit.Control
	listener net.Listener // nil: nobody has called serve
}

func newControl(p providers, phones *roster, clock *clock) *control {
	c := simkit.NewControl("Hush: a world of APNs, FCM and phones")
	c.Mount(nameAPNs, p.controlNamed(nameAPNs))
	c.Mount(nameFCM, p.controlNamed(nameFCM))
	phones.routes(c)
	p.tokenRoutes(c)
	p.requestRoutes(c)
	p.faultRoutes(c)
	c.HandleFile(simkit.File{Path: "/_sim/ca.pem", Type: "application/x-pem-file", Summary: "The certificates to trust: without --cert-dir each provider has one of its own.",
		Content: func() ([]byte, error) { return p.caPEM(), nil }})
	simkit.Handle(c, rest.Route{Method: "POST", Path: "/_sim/clock", Summary: "Advance the time of the whole world; what becomes due has begun before the answer. Senders keep their own time: what Hush holds for a budget stays."},
		func(_ context.Context, in *simkit.WithBody[simkit.ClockAdvance]) (*rest.Answer[simkit.ClockState], error) {
			return rest.NewAnswer(http.StatusOK, simkit.ClockState{Now: clock.advance(in.Body.Advance.Std())}), nil
		})
	simkit.Handle(c, rest.Route{Method: "POST", Path: "/_sim/reset", Summary: "No phones; tokens, requests, faults, storage and time as at the start.", Status: http.StatusNoContent},
		func(context.Context, *simkit.WithBody[simkit.Empty]) (*rest.None, error) {
			clock.reset()
			return &rest.None{}, nil
		})
	return &control{Control: c}
}

// serve answers on an address until Close.
func (c *control) serve(address string) (err error) {
	if err := simkit.CheckAddress("Control", "control", address); err != nil {
		return fmt.Errorf("worldtest: %w", err)
	}
	if c.listener, err = simkit.Listen(address, "control"); err != nil {
		return fmt.Errorf("worldtest: %w", err)
	}
	c.Serve(c.listener)
	return nil
}

// addr returns the "host:port" that is served, "" if none is.
func (c *control) addr() string {
	if c.listener == nil {
		return ""
	}
	return c.listener.Addr().String()
}
