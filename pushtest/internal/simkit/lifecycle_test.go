package simkit

import (
	"context"
	"net"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

// servedControl starts a control API by giving it a listener.
type servedControl struct{ *Control }

func (c servedControl) Start(context.Context) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		c.Serve(ln)
	}
	return err
}

func (c servedControl) Stop() error {
	c.Close()
	return nil
}

func TestAControlAPIStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(*testing.T) lifecycle.Service { return servedControl{NewControl("test")} })
}
