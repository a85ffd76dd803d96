package phonetest

import (
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestTheBucketFillsByOnePushEveryRefill(t *testing.T) {
	t.Parallel()
	r := Rules{}.withDefaults()
	var b bucket
	for range 3 {
		if empty, _ := b.empty(noon, r); empty {
			t.Fatalf("the bucket is empty within its burst: %+v", b)
		}
		b = b.spend(1, noon, r)
	}
	for after, want := range map[time.Duration]bool{0: true, 19 * time.Minute: true, 20 * time.Minute: false} {
		if empty, until := b.empty(noon.Add(after), r); empty != want || (empty && !until.Equal(noon.Add(20*time.Minute))) {
			t.Errorf("%s after a burst: empty %v until %s, want %v until %s", after, empty, until, want, noon.Add(20*time.Minute))
		}
	}
	for range 100 {
		b = b.spend(1, noon, r)
	}
	if empty, _ := b.empty(noon.Add(4*20*time.Minute), r); empty {
		t.Errorf("penalties reach beyond one burst: %+v", b)
	}
}

func TestWhatAHandlerCosts(t *testing.T) {
	t.Parallel()
	r := Rules{}.withDefaults()
	for _, c := range []struct {
		result Result
		why    Reason
		took   time.Duration
		want   float64
	}{
		{NewData, "", time.Second, 0},
		{NoData, "", time.Second, 0},
		{NewData, "", 21 * time.Second, 1}, // slow
		{Failed, "", time.Second, 1},
		{"", TimeOver, 30 * time.Second, 1},
	} {
		if got := penalty(c.result, c.why, c.took, r); got != c.want {
			t.Errorf("penalty(%q, %q, %s) = %v, want %v", c.result, c.why, c.took, got, c.want)
		}
	}
}

func TestMaintenanceWindowsBecomeLessFrequent(t *testing.T) {
	t.Parallel()
	r := Rules{}.withDefaults()
	var opens []time.Duration
	at, total := noon, time.Duration(0)
	for range 5 {
		open, next := dozeWindow(noon, at, r)
		if open {
			t.Fatalf("a window is open at %s", at)
		}
		if open, _ := dozeWindow(noon, next, r); !open {
			t.Fatalf("no window is open at %s", next)
		}
		opens = append(opens, next.Sub(at))
		_, at = dozeWindow(noon, next, r)
		total += at.Sub(next)
	}
	want := []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 6 * time.Hour}
	if !slices.Equal(opens, want) || total != 25*time.Minute {
		t.Errorf("windows open %s apart and %s long in all, want %s and 25m", opens, total, want)
	}
}

func TestWhenHighPriorityIsLost(t *testing.T) {
	t.Parallel()
	r := Rules{}.withDefaults()
	many := func(n int, ago time.Duration) []time.Time { return slices.Repeat([]time.Time{noon.Add(-ago)}, n) }
	for _, c := range []struct {
		name string
		of   standby
		want bool
	}{
		{"the first", standby{}, true},
		{"few unseen in a week", standby{high: many(19, time.Hour)}, true},
		{"many unseen in a week", standby{high: many(20, time.Hour)}, false},
		{"many, but longer ago", standby{high: many(20, 8*24*time.Hour)}, true},
		{"many, and something shown since", standby{high: many(20, time.Hour)}.shown(), true},
		{"more than its bucket allows, and something shown since", standby{bucket: Rare, osVersion: "12", high: many(5, time.Hour)}.shown(), false},
		{"as many, on a phone whose buckets have no limit", standby{bucket: Rare, osVersion: "13", high: many(5, time.Hour)}, true},
		{"what the largest limit of a bucket allows", standby{bucket: Frequent, osVersion: "12", high: many(9, time.Hour)}, true},
	} {
		if got := c.of.keepsHigh(noon, r); got != c.want {
			t.Errorf("%s: keepsHigh = %v, want %v", c.name, got, c.want)
		}
	}
	r.HighUnseen = -1
	newer := r
	newer.BucketsCapNewer = true
	for version, want := range map[string]bool{"8.1": true, "12": false, "13": false, "": false} {
		s := standby{bucket: Rare, osVersion: version, high: many(5, time.Hour)}
		if got := s.keepsHigh(noon, newer); got != want {
			t.Errorf("phone.high.newer=buckets, Android %q: keepsHigh = %v, want %v", version, got, want)
		}
	}
	for _, c := range []struct {
		bucket  StandbyBucket
		version string
		today   int
		want    bool
	}{
		{Active, "11", 1000, true},
		{WorkingSet, "11", 1000, true},
		{Frequent, "11", 9, true},
		{Frequent, "11", 10, false},
		{Rare, "9", 5, false},
		{Restricted, "12", 5, false},
		{Rare, "13", 1000, true}, // the table is headed "prior to Android 13"
		{Rare, "8.1", 1000, true},
		{Rare, "", 1000, true},
	} {
		s := standby{bucket: c.bucket, osVersion: c.version, high: many(c.today, time.Hour)}
		if got := s.keepsHigh(noon, r); got != c.want {
			t.Errorf("%s on Android %q after %d today: keepsHigh = %v, want %v", c.bucket, c.version, c.today, got, c.want)
		}
	}
}
