package phonetest

import (
	"strconv"
	"strings"
	"time"
)

// StandbyBucket is how often the person uses an app, as Android sorts it.
type StandbyBucket string

// The buckets.
const (
	Active     StandbyBucket = "active"
	WorkingSet StandbyBucket = "working_set"
	Frequent   StandbyBucket = "frequent"
	Rare       StandbyBucket = "rare"
	Restricted StandbyBucket = "restricted"
)

// highPerDay is how many high-priority messages an app gets in a day on Android 9 to 12; more are treated as normal
// (Android, "Power management restrictions"). A bucket that is not here has no limit.
var highPerDay = map[StandbyBucket]int{Frequent: 10, Rare: 5, Restricted: 5}

// standby is what FCM and Android count of an app's high-priority messages.
type standby struct {
	bucket    StandbyBucket // "": active
	osVersion string        // "": newer than any rule here
	high      []time.Time   // high-priority messages of the last 7 days, oldest first
	seen      int           // how many of them, from the oldest on, had a visible result
}

const week = 7 * 24 * time.Hour

// keepsHigh reports whether a high-priority message that comes now keeps its priority.
//   - Buckets cap them per day on Android 9 to 12 only; the page on later versions no longer lists a cap.
//   - FCM looks at 7 days per app instance: messages that lead to nothing visible lose their priority.
func (s standby) keepsHigh(now time.Time, r Rules) bool {
	capped := between(s.osVersion, 9, 12) || r.BucketsCapNewer && (s.osVersion == "" || between(s.osVersion, 13, 1000))
	if limit, limited := highPerDay[s.bucket]; limited && capped && since(now.Add(-24*time.Hour), s.high) >= limit {
		return false
	}
	return r.HighUnseen < 0 || since(now.Add(-week), s.high[s.seen:]) < r.HighUnseen
}

// since counts the messages after a time.
func since(t time.Time, messages []time.Time) (n int) {
	for _, at := range messages {
		if at.After(t) {
			n++
		}
	}
	return n
}

// count adds a message and forgets those older than 7 days.
func (s standby) count(now time.Time) standby {
	for len(s.high) > 0 && now.Sub(s.high[0]) > week {
		s.high, s.seen = s.high[1:], max(0, s.seen-1)
	}
	s.high = append(s.high, now)
	return s
}

// shown records that all messages so far have had a visible result. They still count against the bucket's limit.
func (s standby) shown() standby {
	s.seen = len(s.high)
	return s
}

// between reports whether a version's first number lies in a range.
func between(version string, least, most int) bool {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n >= least && n <= most
}
