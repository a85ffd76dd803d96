package delivery

import (
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAnEngineStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		e := newEngine(t, 2, 10)
		e.phones(20) // more than the queue holds
		return lifecycle.Running(e.Run)
	})
}
