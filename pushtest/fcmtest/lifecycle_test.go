package fcmtest_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

func TestASimulatorStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(*testing.T) lifecycle.Service {
		return lifecycle.Opening(func(context.Context) (func() error, error) {
			s, err := fcmtest.Start(fcmtest.Config{Listen: "127.0.0.1:0", Control: "127.0.0.1:0"})
			if err != nil {
				return nil, err
			}
			return func() error { s.Close(); return nil }, nil
		})
	})
}
