package vitals_test

import (
	"context"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/internal/vitals"
	"github.com/hushpush/hush/push"
)

// askedRooms report when the store is asked for its backlog.
type askedRooms struct {
	*rooms
	asked chan struct{} // 1 place
}

func (r askedRooms) Backlog(context.Context, time.Time, int) (push.Backlog, error) {
	select {
	case r.asked <- struct{}{}:
	default:
	}
	return push.Backlog{}, nil
}

func TestVitalsRunAsEveryLoopDoes(t *testing.T) {
	lifecycle.ExerciseRun(t, func(*testing.T) lifecycle.Loop {
		v := vitals.New(vitals.Config{})
		others := askedRooms{&rooms{trouble: map[string]push.ProviderStanding{}}, make(chan struct{}, 1)}
		v.Attach(vitals.Parts{Store: others, Queue: others, Sessions: others, Providers: map[push.Provider]vitals.Provider{push.APNs: others}})
		return lifecycle.Loop{Run: v.Run, Working: func() { <-others.asked }}
	})
}
