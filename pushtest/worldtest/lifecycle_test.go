package worldtest_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

func TestAWorldStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(*testing.T) lifecycle.Service {
		return lifecycle.Opening(func(context.Context) (func() error, error) {
			w, err := worldtest.Start(worldtest.Config{
				APNs: apnstest.Config{Listen: "127.0.0.1:0"}, FCM: fcmtest.Config{Listen: "127.0.0.1:0"}, Control: "127.0.0.1:0",
			})
			if err != nil {
				return nil, err
			}
			return func() error { w.Close(); return nil }, nil
		})
	})
}
