package gateway_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAGatewayCloses(t *testing.T) {
	lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
		w := newWorld(t)
		w.connect("d2", "alice") // and stays
		w.session("d2")
		return lifecycle.Opened{
			Use:   func() { w.connectOnce("d1", "alice") },
			Close: func() error { return w.gateway.Close(context.Background()) },
		}
	})
}
