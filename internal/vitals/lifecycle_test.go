package vitals_test

import (
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/internal/vitals"
	"github.com/hushpush/hush/push"
)

func TestVitalsStartAndStopAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(*testing.T) lifecycle.Service {
		v := vitals.New(vitals.Config{})
		others := &rooms{trouble: map[string]push.ProviderStanding{}}
		v.Attach(vitals.Parts{Store: others, Queue: others, Sessions: others, Providers: map[push.Provider]vitals.Provider{push.APNs: others}})
		return lifecycle.Running(v.Run)
	})
}
