package delivery

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/push"
)

func TestAnEngineRunsAsEveryLoopDoes(t *testing.T) {
	lifecycle.ExerciseRun(t, func(t *testing.T) lifecycle.Loop {
		e := newEngine(t, 2, 10)
		woken := make(chan struct{}, 1)
		e.provider.answer = func(context.Context, string) (push.Answer, error) {
			select {
			case woken <- struct{}{}:
			default:
			}
			return push.Answer{Provider: push.APNs, Status: 200}, nil
		}
		e.phones(20) // more than the queue holds
		return lifecycle.Loop{Run: e.Run, Working: func() { <-woken }}
	})
}
