package push_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

func TestDurationsAreShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 168 * time.Hour: "168h", 20 * time.Minute: "20m", 90 * time.Second: "1m30s", time.Hour + time.Second: "1h0m1s",
		time.Hour / 7: "8m34s", 10 * time.Second / 3: "3.333s", time.Minute / 1000: "60ms", time.Millisecond: "1ms",
	} {
		if got := push.AboutDuration(d); got != want {
			t.Errorf("%s is about %q; want %q", d, got, want)
		}
	}
	if got := push.ShortDuration(time.Hour + time.Millisecond); got != "1h0m0.001s" {
		t.Errorf("a setting is %q; want it exact", got)
	}
	w := push.BudgetWait{Limit: push.LimitBurst, Wakes: 2, Per: time.Hour / 7, Seen: 2}
	if got := w.String(); !strings.HasPrefix(got, "2 of 2 wakes in 8m34s, ") {
		t.Errorf("%q; want a time that people read", got)
	}
}
