package simkit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

func TestAStoppedClockMovesByAdvanceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c simkit.Clock
		c.Stop()
		start := c.Now()
		time.Sleep(time.Hour)
		if got := c.Now(); !got.Equal(start) {
			t.Errorf("an hour later it shows %s, want %s as before", got, start)
		}
		if got := c.Advance(time.Minute); got.Sub(start) != time.Minute || !c.Now().Equal(got) {
			t.Errorf("after Advance(1m) it shows %s, want a minute more than %s", got, start)
		}
		if c.Reset(); !c.Now().Equal(start) {
			t.Errorf("after a reset it shows %s, want %s", c.Now(), start)
		}
	})
}
