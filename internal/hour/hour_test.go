package hour_test

import (
	"maps"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/hour"
)

func TestWhatIsOlderThanAnHourIsNotCounted(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 15, 3, 0, 0, time.UTC)
	var c hour.Counts[string]
	c.Add(start, "taken", 2)
	c.Add(start, "token", 1)
	c.Add(start.Add(30*time.Minute), "taken", 5)
	for after, want := range map[time.Duration]map[string]int{
		0:                         {"taken": 7, "token": 1},
		time.Hour:                 {"taken": 7, "token": 1},
		time.Hour + 5*time.Minute: {"taken": 5},
		91 * time.Minute:          {"taken": 5},
		95 * time.Minute:          {},
		24 * time.Hour:            {},
	} {
		now := start.Add(after)
		if got := c.Sum(now); !maps.Equal(got, want) {
			t.Errorf("after %s: %v, want %v", after, got, want)
		}
		if since := now.Sub(hour.Since(now)); since < time.Hour || since >= 65*time.Minute {
			t.Errorf("after %s: counted since %s ago, want an hour and less than five minutes", after, since)
		}
	}
	c.Add(start.Add(65*time.Minute), "taken", 1) // takes the first one's place
	if got := c.Sum(start.Add(65 * time.Minute)); got["taken"] != 6 || got["token"] != 0 {
		t.Errorf("once around: %v, want 6 taken and nothing else", got)
	}
}

func TestTheLargestOfAnHour(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 15, 3, 0, 0, time.UTC)
	var m hour.Max
	m.Record(start, 5*time.Second)
	m.Record(start, 3*time.Second)
	m.Record(start.Add(30*time.Minute), time.Second)
	for after, want := range map[time.Duration]time.Duration{0: 5 * time.Second, time.Hour: 5 * time.Second, 66 * time.Minute: time.Second, 3 * time.Hour: 0} {
		if got := m.Of(start.Add(after)); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
}
